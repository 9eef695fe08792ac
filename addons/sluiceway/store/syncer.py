"""Forces commits to the disk, then lets their answers out: in a thread, or at once if the disk is quick."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluiceway.errors import StoreAway
from sluiceway.store.orders import Admit, Reply, deliver, resolve

# A disk that takes less than this is waited for on the event loop: handing over to a thread and back would
# take longer, and hold everything up as long. One slow write is enough to go back to the thread.
QUICK_S = 0.0004
SLOW_S = 0.002


@dataclass(frozen=True, slots=True)
class Unsynced:
    """A commit that the operating system has and the disk may not: its answers, and the rows it opened."""

    replies: Sequence[Reply]
    granted: Sequence[Admit]


class Syncer:
    """Waits for the disk on behalf of many: what gathers during one fdatasync shares the next.

    `failed` takes the rows that were opened by commits that did not reach the disk.
    """

    def __init__(self, database: Path, failed: Callable[[Sequence[Admit], str], None]) -> None:
        # SQLite's write-ahead log; its locks are on other files, so closing this one drops none of them.
        self._wal = os.open(f"{database}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._failed = failed
        self._usual_s = SLOW_S
        self._at_work = threading.Lock()
        self._waiting: queue.SimpleQueue[Unsynced | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sluiceway-sync", daemon=True)
        self._thread.start()

    def force(self, commit: Unsynced) -> None:
        """Answers once everything written so far is on the disk. Call it on the event loop."""
        quick = self._usual_s < QUICK_S and self._waiting.empty()
        if quick and self._at_work.acquire(blocking=False):
            try:
                resolve(self._sync([commit]))
            finally:
                self._at_work.release()
        else:
            self._waiting.put(commit)

    def close(self) -> None:
        """Finishes what waits."""
        self._waiting.put(None)
        self._thread.join()
        os.close(self._wal)

    def _work(self) -> None:
        closing = False
        while not closing:
            commits = [self._waiting.get()]
            while not self._waiting.empty():
                commits.append(self._waiting.get())
            closing = None in commits
            with self._at_work:
                replies = self._sync([commit for commit in commits if commit is not None])
            deliver(replies)

    def _sync(self, commits: Sequence[Unsynced]) -> list[Reply]:
        """Waits for the disk; the answers that may then be given, or the failure for each."""
        replies = [reply for commit in commits for reply in commit.replies]
        begun_s = time.perf_counter()
        try:
            os.fdatasync(self._wal)
        except OSError as error:
            reason = error.strerror or "the disk failed"
            failure = StoreAway(f"the store cannot write: {reason}")
            replies = [(promise, failure) for promise, _ in replies]
            self._failed([order for commit in commits for order in commit.granted], reason)
        took_s = time.perf_counter() - begun_s
        self._usual_s = took_s if took_s > SLOW_S else self._usual_s * 0.9 + took_s * 0.1
        return replies
