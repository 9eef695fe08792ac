"""The thread that forces commits to the disk while the event loop goes on, and then lets the answers out."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sluiceway.errors import StoreError
from sluiceway.store.orders import Admit, Reply, deliver


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
        self._waiting: queue.SimpleQueue[Unsynced | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="sluiceway-sync", daemon=True)
        self._thread.start()

    def force(self, commit: Unsynced) -> None:
        """Answers once everything written so far is on the disk."""
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
            self._sync([commit for commit in commits if commit is not None])

    def _sync(self, commits: Sequence[Unsynced]) -> None:
        replies = [reply for commit in commits for reply in commit.replies]
        try:
            os.fdatasync(self._wal)
        except OSError as error:
            reason = error.strerror or "the disk failed"
            failure = StoreError(f"the store cannot write: {reason}")
            replies = [(promise, failure) for promise, _ in replies]
            self._failed([order for commit in commits for order in commit.granted], reason)
        deliver(replies)
