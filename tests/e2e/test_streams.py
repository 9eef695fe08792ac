"""Many streams at once, the short form of `make soak`: all open together, all whole, memory bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.heavy.streams import run

pytestmark = pytest.mark.e2e

# The aim is 200 KB a stream; so few of them weigh more each, because buffers and pools are shared.
MOST_BYTES_A_STREAM = 400 * 1024


def test_a_hundred_streams_open_together_are_whole_and_have_their_rows(tmp_path: Path) -> None:
    found = run(tmp_path, streams=100, length_s=5)
    assert (found.whole, found.exact_rows) == (100, 100)
    assert found.verify == "every counter equals the ledger"
    assert found.bytes_a_stream < MOST_BYTES_A_STREAM
    assert found.after_bytes < found.idle_bytes + 100 * MOST_BYTES_A_STREAM
