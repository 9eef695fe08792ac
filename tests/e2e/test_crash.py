"""kill -9 under load, the short form of `make crash`: two deaths, and the books agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.heavy.crash import crash

pytestmark = pytest.mark.e2e


def test_what_the_providers_counted_has_one_row_each_after_two_deaths(tmp_path: Path) -> None:
    found = crash(tmp_path, rounds=2, seed=20)
    assert found.counted > 20
    assert found.left_open > 0  # it died with requests in flight
    assert (found.missing, found.doubled, found.invented, found.unequal) == ((), (), (), ())
    assert found.charged_nusd >= found.billed_nusd
    assert found.verify == "every counter equals the ledger"
    assert found.works_again
