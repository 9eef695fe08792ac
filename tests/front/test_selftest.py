"""What the seam expects of mitmproxy's internals: one test each, so that an upgrade names what it broke."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sluiceway.front import selftest


@pytest.mark.parametrize("contract", selftest.CONTRACTS.values(), ids=selftest.CONTRACTS.keys())
def test_mitmproxy_is_what_the_seam_relies_on(contract: Callable[[], bool]) -> None:
    assert contract()


def _raises() -> bool:
    raise AttributeError


def test_serve_is_told_every_expectation_that_does_not_hold() -> None:
    found = {"one": lambda: False, "two": _raises, "three": lambda: True}
    with pytest.raises(selftest.Incompatible, match=r"does not fit: one; two\. Install the locked version"):
        selftest.run(found)


def test_the_locked_mitmproxy_fits() -> None:
    selftest.run()
