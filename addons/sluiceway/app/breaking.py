"""The history of breakers: what opened, was probed and closed, as events on disk and as figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from sluiceway.audit.keyring import KeyRing
from sluiceway.errors import StoreError
from sluiceway.gateway.breaker import Change, Place
from sluiceway.gateway.parts import GatewayParts
from sluiceway.store import Store

logger = logging.getLogger(__name__)

PREFIX = "breaker_"  # of the events' kinds, before the state


class Breaking:
    """Writes down every change of a breaker, without making a request wait for the disk."""

    def __init__(self, parts: GatewayParts, store: Store) -> None:
        self._parts, self._store = parts, store
        self._writing: set[asyncio.Future[None]] = set()
        parts.breakers.changed = self.changed

    def changed(self, change: Change) -> None:
        """Called on the loop, in the middle of a request."""
        self._parts.metrics.breaker(change.place.target.provider, change.state)
        detail = told(change, self._parts.rules.keys)
        task = asyncio.get_running_loop().run_in_executor(None, self._record, PREFIX + change.state, detail)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _record(self, kind: str, detail: Mapping[str, Any]) -> None:
        try:
            self._store.events.record(kind, "serve", detail)
        except StoreError:
            logger.error("a breaker's change could not be written down")

    async def close(self) -> None:
        """Everything is on disk."""
        if self._writing:
            await asyncio.wait(self._writing)


def listing(parts: GatewayParts) -> list[dict[str, str | None]]:
    """What nobody is sent to now, or one request tries, for `sluiceway status`."""
    return [
        {**_place(place, parts.rules.keys), "state": state.value} for place, state in parts.breakers.states()
    ]


def told(change: Change, keys: KeyRing) -> dict[str, str | None]:
    """What the event says."""
    return {**_place(change.place, keys), "reason": change.reason}


def _place(place: Place, keys: KeyRing) -> dict[str, str | None]:
    """A key by its label, and one that is not registered by its fingerprint."""
    known = keys.known.get(place.key or "")
    return {
        "provider": place.target.provider,
        "model": place.target.model,
        "key": place.key if known is None else known.label,
    }
