"""Subscription windows as plain values, for the command line, `status --json` and a person's own page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluiceway.store import Store


def listing(store: Store, principal: str | None = None, now: datetime | None = None) -> list[dict[str, Any]]:
    """Every window known, or one person's. A window that has begun anew since says so: how full it is now
    nobody has told."""
    moment = now or datetime.now(UTC)
    found = []
    for seat in store.seats.all(principal):
        over = seat.over(moment)
        window = seat.window
        found.append(
            {
                "person": seat.principal,
                "provider": seat.provider,
                "window": window.name,
                "utilisation": None if over else window.utilisation,
                "resets_at": None if window.resets_at is None else window.resets_at.isoformat(),
                "status": "begun anew" if over else window.status,
                "seen_at": seat.seen_at.isoformat(),
            }
        )
    return found
