"""Puts masked values back into the answer to the request they were taken from, as its bytes pass.

Stands between the tap and the client, and only where something was masked that may be put back. A frame in
which nothing changes passes as it came. Of generated text no more is held back than may be the beginning of
a placeholder; a frame is held until it is whole. Order and number of the provider's frames stay, but for one
more where text is left over at the end of its block.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluiceway.guard.restore import Restorer
from sluiceway.types import Call
from sluiceway.wire.answer_frames import MOST_BYTES, frames_of
from sluiceway.wire.answer_parts import ALL, AnswerParts, Block, Piece, framing, only, put
from sluiceway.wire.dialect import Dialect
from sluiceway.wire.parts import Path

# A placeholder, or the beginning of one, holds one of these, however often its text is JSON within JSON.
_SUSPICIOUS = re.compile(rb"[<\\]")
_NUMBER = "sequence_number"  # in the events of the Responses API


class _Open:
    """A content block in whose text something is held back, and the last frame that had a piece of it."""

    __slots__ = ("frame", "path", "restorer")

    def __init__(self, restorer: Restorer) -> None:
        self.restorer = restorer
        self.frame = b""
        self.path: Path = ()


class Restoring:
    """One answer's passage. `originals` has the value of each placeholder that may be put back."""

    def __init__(self, originals: Mapping[str, str], dialect: Dialect, call: Call, content_type: str) -> None:
        self._originals = originals
        self._dialect = dialect
        carried = framing(call, content_type)
        self._frames = frames_of(carried)
        self._is_whole = carried == "document"
        self._blocks: dict[Block, _Open] = {}
        self._number = 0  # of the last frame, where they are numbered
        self._added = 0
        self._passing = False

    def feed(self, data: bytes) -> bytes:
        """The client's bytes for the next ones of the answer."""
        if self._passing:
            return data
        out = [self._restored(frame) for frame in self._frames.feed(data)]
        if self._frames.begun_bytes > MOST_BYTES // 2:
            # An image or a recording: it passes, and with it what follows, placeholders and all.
            out += (*self._left_over(ALL), self._frames.rest())
            self._passing = True
        return b"".join(out)

    def finish(self) -> bytes:
        """What was held back when the answer ended, whole or cut."""
        if self._passing:
            return b""
        rest = self._frames.rest()
        if self._frames.load(rest) is None:  # no frame, so it ends none
            return b"".join((*self._left_over(ALL), rest))
        last, left_over = self._restored(rest), self._left_over(ALL)
        return b"".join((last, b"\n\n", *left_over)) if left_over else last

    def _restored(self, frame: bytes) -> bytes:
        idle = not self._blocks and not self._added
        if idle and not self._frames.opaque and not _SUSPICIOUS.search(frame):
            return frame
        document = self._frames.load(frame)
        if not isinstance(document, dict):
            return frame
        parts = self._dialect.answer_parts(document)
        changes, last = self._changes(parts, frame)
        for block in self._ending(ALL if self._is_whole else parts.ended):
            if block in last:
                path = last[block]
                changes[path] += self._blocks.pop(block).restorer.finish()
        added = self._left_over(parts.ended)
        return b"".join((*added, self._written(frame, document, changes)))

    def _changes(self, parts: AnswerParts, frame: bytes) -> tuple[dict[Path, str], dict[Block, Path]]:
        """The texts of a document as they are to be, and where the last piece of each open block stands."""
        changes: dict[Path, str] = {}
        last: dict[Block, Path] = {}
        for piece in parts.pieces:
            if piece.fixed:
                continue
            if piece.form == "delta":
                last[piece.block] = piece.path
                changes[piece.path] = self._fed(piece, frame)
            else:
                restorer = Restorer(self._originals, piece.json_text)
                changes[piece.path] = restorer.feed(piece.text) + restorer.finish()
        return changes, last

    def _fed(self, piece: Piece, frame: bytes) -> str:
        held = self._blocks.pop(piece.block, None) or _Open(Restorer(self._originals, piece.json_text))
        text = held.restorer.feed(piece.text)
        if held.restorer.holding:
            held.frame, held.path = frame, piece.path
            self._blocks[piece.block] = held
        return text

    def _ending(self, ended: tuple[Block, ...]) -> list[Block]:
        return [block for block in self._blocks if any(block[: len(outer)] == outer for outer in ended)]

    def _left_over(self, ended: tuple[Block, ...]) -> list[bytes]:
        """A further frame for each block that has ended with something held back."""
        return [self._another(self._blocks.pop(block)) for block in self._ending(ended)]

    def _another(self, held: _Open) -> bytes:
        document = only(self._frames.load(held.frame), held.path, held.restorer.finish())
        if _NUMBER in document:
            self._number += 1
            document[_NUMBER] = self._number
            self._added += 1
        return self._frames.another(held.frame, document)

    def _written(self, frame: bytes, document: Any, texts: Mapping[Path, str]) -> bytes:
        """The frame with these texts; the same object where none of them differs."""
        changed = self._numbered(document)
        for path, text in texts.items():
            changed |= put(document, path, text)
        return self._frames.written(frame, document) if changed else frame

    def _numbered(self, document: Any) -> bool:
        """Numbers go on from those of the frames that we added."""
        number = document.get(_NUMBER)
        if not isinstance(number, int):
            return False
        document[_NUMBER] = self._number = number + self._added
        return self._added > 0
