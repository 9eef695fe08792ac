"""Keeps the gateway's scanning workers in step with the rules, from start to end and over every reload."""

from __future__ import annotations

import asyncio
import hashlib

from sluiceway.guard.company import Recognizers
from sluiceway.guard.detection import Detection
from sluiceway.guard.load import scanner
from sluiceway.guard.worker import Workers
from sluiceway.policy import Policy


class Guards:
    """No workers while no rule asks for a scan."""

    def __init__(self, detection: Detection, count: int) -> None:
        self._detection = detection
        self._count = count
        self._made_from: str | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    def follow(self, policy: Policy, recognizers: Recognizers) -> None:
        """Workers for these rules from now on. Those before end once who waits for them is served."""
        wanted = recognizers.model_dump_json() if policy.guard else None
        if wanted == self._made_from:
            return
        workers = None
        if wanted is not None:
            workers = Workers(scanner("inline", recognizers), wanted, self._count)
            workers.begin()
        self._made_from = wanted
        before = self._detection.use(workers, hashlib.sha256((wanted or "").encode()).hexdigest()[:16])
        if before is not None:
            task = asyncio.get_running_loop().create_task(before.retire())
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def stop(self) -> None:
        """Ends all processes."""
        if (workers := self._detection.use(None, "")) is not None:
            await workers.end()
        await asyncio.gather(*self._retiring, return_exceptions=True)
