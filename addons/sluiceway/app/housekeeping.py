"""What a running serve does once a day: deletes what has been kept as long as the settings say."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta, tzinfo

from sluiceway.errors import StoreError
from sluiceway.policy.windows import window
from sluiceway.settings.config import Retention
from sluiceway.store import Store
from sluiceway.store.retention import STEP_ROWS, Deleted

logger = logging.getLogger(__name__)

FIRST_AFTER_S = 60.0
EVERY_S = 24 * 3600.0
# Between two steps, so that requests do not queue behind a long clean-up.
PAUSE_S = 0.2


class Housekeeping:
    """One task from `start` to `stop`."""

    def __init__(self, store: Store, keep: Retention, zone: tzinfo) -> None:
        self._store, self._keep, self._zone = store, keep, zone
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._every_day())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _every_day(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await asyncio.to_thread(self._events, await self.tidy(datetime.now(UTC)))
            except StoreError as error:
                logger.error("old rows could not be deleted: %s", error)
            await asyncio.sleep(EVERY_S)

    async def tidy(self, now: datetime, pause_s: float = PAUSE_S) -> Deleted:
        """Deletes what is due at a moment, step by step; what went."""
        retention = self._store.retention
        before = cut(now, self._keep.ledger_days, self._zone)
        rows = step = await asyncio.to_thread(retention.delete_rows, before)
        while step == STEP_ROWS:
            await asyncio.sleep(pause_s)
            step = await asyncio.to_thread(retention.delete_rows, before)
            rows += step
        day = now.astimezone(UTC).date() - timedelta(days=self._keep.discovery_days)
        discovery = await asyncio.to_thread(retention.delete_discovery, day)
        return Deleted(rows, discovery, await asyncio.to_thread(retention.delete_ended, before))

    def _events(self, deleted: Deleted) -> None:
        if deleted.anything:
            detail = {"ledger_rows": deleted.ledger, "discovery_rows": deleted.discovery}
            detail |= {"ended_ways_in_and_alerts": deleted.ended} if deleted.ended else {}
            self._store.events.record("retention", "serve", detail)


def cut(now: datetime, keep_days: int, zone: tzinfo) -> datetime:
    """Rows from before this moment are deleted: the start of a week before the start of a month, so that no
    window is cut that is not long over."""
    month_starts_at, _ = window("month", now - timedelta(days=keep_days), zone)
    return window("week", month_starts_at, zone)[0]
