"""Rows that could not reach the ledger, kept on disk until it is back: never of company money.

One file for each process, one line for each fact: that a request began, or how it ended. A line is forced to
the disk before the request goes on and carries a checksum, so a torn last line is noticed; the file is
bounded, and full means that nothing more is let through. What it holds lands in the ledger once: the ledger's
own rule that an attempt is one row decides what is there already, so a crash between landing and forgetting
is harmless.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from sluiceway.errors import StoreError
from sluiceway.store import rows
from sluiceway.store.moments import EPOCH
from sluiceway.store.orders import log
from sluiceway.types import LedgerRow, Outcome, UsageSource

MOST_BYTES = 64 * 1024 * 1024
_OPEN, _END = "open", "end"
# Columns that a file of an older version does not have.
_BLANK = rows.stored(
    LedgerRow(request_id="", started_at=EPOCH, principal="", principal_kind="", team="", budgeted=False)
)


@dataclass(frozen=True, slots=True)
class SpoolPlan:
    """Where the spool of a process is. `on`: rows may go there; else what is left there only lands."""

    folder: Path
    name: str = "serve"
    most_bytes: int = MOST_BYTES
    on: bool = False

    @property
    def needed(self) -> bool:
        """Whether there is anything to do: rows to take, or files that somebody left."""
        return self.on or any(self.folder.glob("*.spool"))


type Key = tuple[str, int, int | None]  # request, attempt, turn: what the ledger takes once


def key_of(row: LedgerRow) -> Key:
    return row.request_id, row.attempt, row.turn


@dataclass(slots=True)
class Kept:
    """The rows of one file: those that ended, and those that only began."""

    ended: dict[Key, LedgerRow] = field(default_factory=dict)
    open: dict[Key, LedgerRow] = field(default_factory=dict)

    def note(self, kind: str, row: LedgerRow) -> None:
        if kind == _OPEN:
            self.open[key_of(row)] = row
        else:
            self.open.pop(key_of(row), None)
            self.ended[key_of(row)] = row


class Spool:
    """One process's file in `folder`; held under a lock, so that nobody takes it for a dead one's.

    Raises StoreError where the folder or the file cannot be used. Any thread may call it.
    """

    def __init__(self, folder: Path, name: str, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most_bytes = folder / f"{name}.spool", most_bytes
        self._lock = threading.Lock()
        self._file = -1
        self._bytes = self._owed_bytes = 0
        self._kept = Kept()
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._open()
            self._adopt(folder)
        except OSError as error:
            self.close()
            raise StoreError(f"{self._path}: cannot be used: {error.strerror}") from error

    def opened(self, row: LedgerRow) -> None:
        """A request may go on. Raises StoreError when the file is full or the disk fails."""
        line = _line(_OPEN, row)
        with self._lock:
            # Its end must find room, too; an end is about as long, and never twice as long.
            if self._bytes + self._owed_bytes + 3 * len(line) > self._most_bytes:
                raise StoreError("the store cannot write, and the spool is full")
            self._append(line)
            self._owed_bytes += 2 * len(line)
            self._kept.note(_OPEN, row)

    def ended(self, row: LedgerRow) -> None:
        """How it ended, or something that was over at once. Raises StoreError as `opened` does."""
        line = _line(_END, row)
        with self._lock:
            began = self._kept.open.get(key_of(row))
            if began is None and self._bytes + self._owed_bytes + len(line) > self._most_bytes:
                raise StoreError("the store cannot write, and the spool is full")
            self._append(line)
            if began is not None:
                self._owed_bytes -= 2 * len(_line(_OPEN, began))
            self._kept.note(_END, row)

    def waiting(self) -> list[LedgerRow]:
        """What may land now: rows that have ended."""
        with self._lock:
            return list(self._kept.ended.values())

    def landed(self, landed: Iterable[LedgerRow]) -> None:
        """Forgets what is in the ledger. When the disk fails it is kept, and lands again to no effect."""
        with self._lock:
            left = Kept(dict(self._kept.ended), dict(self._kept.open))
            for row in landed:
                left.ended.pop(key_of(row), None)
            try:
                self._rewrite(left)
            except OSError as error:
                log.error("the spool could not be shortened: %s", error.strerror)

    def status(self) -> dict[str, int]:
        return {"spooled": len(self._kept.ended) + len(self._kept.open), "spool_bytes": self._bytes}

    def close(self) -> None:
        """What is open then is ended by the next process of this name."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._rewrite(_of_the_dead(_read(self._path)))

    def _adopt(self, folder: Path) -> None:
        """Takes over the files of processes that are no more."""
        for path in sorted(folder.glob("*.spool")):
            if path == self._path:
                continue
            with contextlib.suppress(BlockingIOError), path.open("rb") as other:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                ended = self._kept.ended | _of_the_dead(_read(path)).ended
                self._rewrite(Kept(ended, self._kept.open))
                path.unlink()

    def _append(self, line: bytes) -> None:
        """All of it or nothing: what follows a torn line would never be read."""
        try:
            _write(self._file, line)
            os.fdatasync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._bytes)
            raise StoreError(f"the store cannot write, nor can the spool: {error.strerror}") from error
        self._bytes += len(line)

    def _rewrite(self, kept: Kept) -> None:
        """Replaces the file as a whole; the lock moves with it."""
        lines = [_line(_END, row) for row in kept.ended.values()]
        lines += [_line(_OPEN, row) for row in kept.open.values()]
        fresh = self._path.with_suffix(".new")
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            data = b"".join(lines)
            _write(file, data)
            os.fsync(file)
            fresh.replace(self._path)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self._kept, self._bytes = file, kept, len(data)
        self._owed_bytes = sum(2 * len(_line(_OPEN, row)) for row in kept.open.values())
        _sync_folder(self._path.parent)


def _write(file: int, data: bytes) -> None:
    if os.write(file, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _line(kind: str, row: LedgerRow) -> bytes:
    body = orjson.dumps([kind, rows.stored(row)])
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _read(path: Path) -> Kept:
    kept = Kept()
    for kind, row in _facts(path.read_bytes()):
        kept.note(kind, row)
    return kept


def _facts(content: bytes) -> Iterator[tuple[str, LedgerRow]]:
    """Up to the first line that is not whole: what follows a torn line was never acknowledged."""
    for line in content.splitlines():
        checksum, _, body = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            log.error("the spool ends in a line that is not whole; it was never acknowledged")
            return
        kind, stored = orjson.loads(body)
        yield kind, rows.ledger_row(_BLANK | stored)


def _of_the_dead(kept: Kept) -> Kept:
    """Whoever had these rows open will not end them. Nobody but their owners pays for them."""
    for row in list(kept.open.values()):
        outcome = {"outcome": Outcome.INTERNAL_ERROR, "usage_source": UsageSource.ESTIMATED}
        kept.note(_END, replace(row, **outcome))  # type: ignore[arg-type]  # names of its fields
    return kept


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
