"""The lock that keeps a store to one writing process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from sluiceway.errors import StoreError


class Lock:
    """An flock on `<database>.lock`, with the holder's process id inside. The system frees it when we die."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path}: cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreError(
                f"{database}: in use by process {holder} (a running `sluiceway serve`, or a command that has "
                "not finished); stop it, or wait for it, then try again"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Lets the next process in. The file stays: removing it would race with one that just opened it."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
            os.close(self._file)
