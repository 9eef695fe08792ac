"""Copies of requests on their way in the background: so many at once, and no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

logger = logging.getLogger(__name__)


class Copies:
    """What runs beside the requests that clients wait for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another one."""
        return len(self._running) >= self._most

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Runs it. Nobody waits for it, and nobody but the log hears of what it raises."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Ends what runs; each settles what it holds."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a copy of a request failed: %s", type(error).__name__)
