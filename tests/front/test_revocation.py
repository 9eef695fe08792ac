"""The watch for revocations while the database is away: said when it begins and ends, not every second."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from sluiceway.errors import StoreError
from sluiceway.front import revocation
from sluiceway.front.revocation import Revocations


class Away:
    """A store whose database is away for looks 3 to 7 and 11 to 12."""

    def __init__(self) -> None:
        self.looks, self.seen = 0, asyncio.Event()
        self.directory: Any = None

    async def refresh_directory(self) -> None:
        self.looks += 1
        if self.looks > 15:
            self.seen.set()
        if self.looks in (3, 4, 5, 6, 7, 11, 12):
            raise StoreError("away")


async def test_it_says_once_that_it_cannot_look_and_once_that_it_can(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(revocation, "POLL_S", 0)
    store, nobody = Away(), SimpleNamespace(tunnels=lambda: ())
    watch = Revocations(SimpleNamespace(store=store), nobody, None)  # type: ignore[arg-type]  # all it looks at
    with caplog.at_level(logging.WARNING):
        watch.start()
        await asyncio.wait_for(store.seen.wait(), 30)
        watch.stop()
    failed = "watching for revocations failed, until further notice: StoreError"
    assert caplog.messages == [failed, "revocations are watched again"] * 2
