"""What a running guard keeps between requests: what it has scanned, the numbers of placeholders, its workers.

`key` is of this process alone, so that what is remembered is worth nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluiceway.guard.incremental import Findings, History
from sluiceway.guard.numberings import Numberings
from sluiceway.guard.worker import Failed, Workers


@dataclass(frozen=True, slots=True)
class Scanned:
    """The findings of each text, and how many of the texts had to be looked at."""

    findings: Sequence[Findings]
    new: int


class Detection:
    """One for the process. Without workers every scan fails."""

    def __init__(self, key: bytes, deadline_s: float = 2.0) -> None:
        self._history = History(key)
        self.numberings = Numberings(key)
        self.deadline_s = deadline_s
        self._workers: Workers | None = None
        self._version = ""

    def use(self, workers: Workers | None, version: str) -> Workers | None:
        """From now on, scans are made by these, whose recognisers `version` names. Returns those before."""
        before, self._workers, self._version = self._workers, workers, version
        return before

    @property
    def waiting(self) -> int:
        """How many scans wait for a worker or run in one."""
        return self._workers.waiting if self._workers else 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The workers' processes."""
        return self._workers.pids if self._workers else ()

    async def scan(self, owner: str, texts: Sequence[str]) -> Scanned | Failed:
        """What is in the texts of one request; what was scanned for this owner before is remembered."""
        if self._workers is None:
            return Failed("worker_lost")
        digests, known = self._history.recall(owner, "inline", self._version, texts)
        new = [index for index, findings in enumerate(known) if findings is None]
        fresh = await self._workers.scan_many([texts[index] for index in new], "inline", self.deadline_s)
        if isinstance(fresh, Failed):
            return fresh
        self._history.remember([digests[index] for index in new], fresh)
        by_index = dict(zip(new, fresh, strict=True))
        return Scanned(
            [by_index.get(index, ()) if here is None else here for index, here in enumerate(known)], len(new)
        )
