"""Makes changes to files and takes them back byte for byte. What was there before is kept in a state file.

The state is written before the first file is touched, so that an enrolment that was killed can be undone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sluiceway.errors import MachineError
from sluiceway.machine import block

PRIVATE, PUBLIC = 0o600, 0o644
EDITED = ".edited"

type Kind = Literal["file", "block"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is wanted: `content` is a whole file, or the lines of our block in a file of the user."""

    path: Path
    content: bytes
    kind: Kind = "file"
    mode: int = PRIVATE


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it was before us (`original` None: it was not there), and a digest of what we made of it."""

    path: Path
    kind: Kind
    original: bytes | None
    mode: int | None
    written: str


@dataclass(frozen=True, slots=True)
class Done:
    """What happened to one file, in a word for people."""

    path: Path
    did: Literal["created", "changed", "unchanged", "restored", "removed", "block removed", "moved aside"]


@dataclass(frozen=True, slots=True)
class _Step:
    kept: Kept
    new: bytes
    old: bytes | None
    mode: int


class Journal:
    """The changes of one enrolment. `state` is where what was there before is remembered."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._kept: dict[Path, Kept] = {}
        self._folders: list[Path] = []
        if state.exists():
            self._load()

    @property
    def empty(self) -> bool:
        return not self._kept

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(self._kept)

    def preview(self, changes: Iterable[Change]) -> list[Done]:
        """What `apply` would do. Nothing is written."""
        return [_done(step) for step in self._steps(changes)]

    def apply(self, changes: Iterable[Change]) -> list[Done]:
        """Makes the changes; files of an earlier enrolment that are not wanted any more are restored."""
        steps = self._steps(changes)
        wanted = {step.kept.path for step in steps}
        for step in steps:
            _must_be_writable(step.kept.path)
        undone = [_restore(kept) for path, kept in self._kept.items() if path not in wanted]
        edited = [step for step in steps if self._was_edited(step)]
        self._make_folders([self._state, *wanted])
        self._kept = {step.kept.path: step.kept for step in steps}
        self._save()
        for step in edited:
            write(_aside(step.kept.path), step.old or b"", PRIVATE)
        for step in steps:
            if step.old != step.new or _mode(step.kept.path) != step.mode:
                write(step.kept.path, step.new, step.mode)
        return [_done(step) for step in steps] + undone

    def undo(self) -> list[Done]:
        """Everything as it was. Where the user has edited in the meantime, only what is ours goes."""
        done = [_restore(kept) for kept in reversed(self._kept.values())]
        self._state.unlink(missing_ok=True)
        for folder in reversed(self._folders):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        self._kept = {}
        return done

    def _steps(self, changes: Iterable[Change]) -> list[_Step]:
        return [self._step(change) for change in changes]

    def _step(self, change: Change) -> _Step:
        path = change.path.resolve()  # a start file is often a link into a folder of dotfiles
        current = read(path)
        before, mode = self._before(path, change.kind, current)
        new = block.put(current or b"", change.content, path) if change.kind == "block" else change.content
        keeps = change.kind == "block" and mode is not None
        kept = Kept(path, change.kind, before, mode, _digest(new))
        return _Step(kept, new, current, mode if keeps and mode is not None else change.mode)

    def _before(self, path: Path, kind: Kind, current: bytes | None) -> tuple[bytes | None, int | None]:
        if current is None:
            return None, None
        known = self._kept.get(path)
        if known and (_digest(current) == known.written or kind == "file"):
            return known.original, known.mode
        return (block.take_out(current, path) if kind == "block" else current), _mode(path)

    def _was_edited(self, step: _Step) -> bool:
        """Whether a file that is wholly ours holds something the user wrote since."""
        known = self._kept.get(step.kept.path)
        if known is None or known.kind != "file" or step.old is None:
            return False
        return _digest(step.old) != known.written and step.old not in (known.original, step.new)

    def _make_folders(self, paths: Iterable[Path]) -> None:
        for path in paths:
            missing = [folder for folder in path.parents if not folder.exists()]
            for folder in reversed(missing):
                try:
                    folder.mkdir(mode=0o700)
                except OSError as error:
                    raise MachineError(
                        f"{folder}: cannot be made ({error.strerror}); nothing was changed"
                    ) from None
                self._folders.append(folder)

    def _save(self) -> None:
        files = [
            {
                "path": str(kept.path),
                "kind": kept.kind,
                "original": None if kept.original is None else base64.b64encode(kept.original).decode(),
                "mode": kept.mode,
                "written": kept.written,
            }
            for kept in self._kept.values()
        ]
        document = {"version": 1, "files": files, "folders": [str(folder) for folder in self._folders]}
        write(self._state, json.dumps(document, indent=1).encode(), PRIVATE)

    def _load(self) -> None:
        try:
            document = json.loads(self._state.read_bytes())
            kept = [_kept(row) for row in document["files"]]
            self._folders = [Path(folder) for folder in document["folders"]]
        except (ValueError, KeyError, TypeError):
            raise MachineError(
                f"{self._state}: cannot be read, so what was there before is not known; remove the lines "
                "between the sluiceway marks in your shell's start files, and then this file, by hand"
            ) from None
        self._kept = {each.path: each for each in kept}


def _kept(row: Any) -> Kept:
    original = None if row["original"] is None else base64.b64decode(row["original"])
    return Kept(Path(row["path"]), row["kind"], original, row["mode"], row["written"])


def _restore(kept: Kept) -> Done:
    current = read(kept.path)
    if current is None:
        return Done(kept.path, "unchanged")
    if _digest(current) != kept.written and current != kept.original:
        return _leave_the_rest(kept, current)
    if kept.original is None:
        kept.path.unlink()
        return Done(kept.path, "removed")
    write(kept.path, kept.original, kept.mode or PRIVATE)
    return Done(kept.path, "restored")


def _leave_the_rest(kept: Kept, current: bytes) -> Done:
    """The user has edited the file since: their lines stay."""
    if kept.kind == "block":
        write(kept.path, block.take_out(current, kept.path), _mode(kept.path) or PRIVATE)
        return Done(kept.path, "block removed")
    write(_aside(kept.path), current, PRIVATE)
    if kept.original is None:
        kept.path.unlink()
    else:
        write(kept.path, kept.original, kept.mode or PRIVATE)
    return Done(kept.path, "moved aside")


def _aside(path: Path) -> Path:
    return path.with_name(path.name + EDITED)


def _done(step: _Step) -> Done:
    if step.old is None:
        return Done(step.kept.path, "created")
    return Done(step.kept.path, "unchanged" if step.old == step.new else "changed")


def read(path: Path) -> bytes | None:
    """The file's bytes, or None where there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: Path, data: bytes, mode: int) -> None:
    """Replaces a file at once, or not at all; its owner stays."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        if path.exists() and os.geteuid() == 0:
            held = path.stat()
            os.chown(name, held.st_uid, held.st_gid)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _must_be_writable(path: Path) -> None:
    there = next(folder for folder in path.parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise MachineError(
            f"{there}: cannot be written to, so nothing was changed; {path.name} belongs there"
        )
    if path.exists() and not os.access(path, os.W_OK):
        raise MachineError(f"{path}: cannot be written to, so nothing was changed; make it writable first")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
