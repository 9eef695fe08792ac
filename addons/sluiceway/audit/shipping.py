"""Checkpoints leave the box: a file that is only ever added to, on a disk that others keep."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sluiceway.errors import ConfigError


def notes_in(text: str) -> Iterator[str]:
    """The notes of a checkpoint file, each followed by an empty line. What is left over at the end comes out
    as well, and does not verify."""
    *blocks, rest = text.split("\n\n")
    for at in range(0, len(blocks) - 1, 2):
        yield f"{blocks[at]}\n\n{blocks[at + 1]}\n"
    if left := [*blocks[len(blocks) & ~1 :], rest] if rest else blocks[len(blocks) & ~1 :]:
        yield "\n\n".join(left)


class CheckpointFile:
    """A file that checkpoints are added to and that is never written in any other way.

    Put it on another machine (a mount, a log shipper, a write-once bucket): whoever can rewrite database and
    file together can rewrite history.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[str, ...]:
        """The notes shipped so far. Raises ConfigError where the file is there and cannot be read."""
        try:
            return tuple(notes_in(self._path.read_text("utf-8")))
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            raise ConfigError(f"{self._path}: the checkpoint file cannot be read") from None

    def ship(self, notes: tuple[str, ...]) -> None:
        """Adds notes and waits until they are on disk. Raises OSError."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            data = "".join(f"{note}\n" for note in notes).encode()
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
