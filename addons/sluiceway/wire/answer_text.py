"""Collects the text of one answer while its bytes pass: what the model wrote, block by block."""

from __future__ import annotations

from dataclasses import dataclass, field

from sluiceway.types import Call
from sluiceway.wire.answer_frames import frames_of
from sluiceway.wire.answer_parts import Block, Piece, Said, framing
from sluiceway.wire.dialect import Dialect

MAX_CHARACTERS = 4 << 20


@dataclass(slots=True)
class BlockText:
    """The text of one content block so far. `kind` says what it is; arguments of a tool may be JSON."""

    kind: Said
    pieces: list[str] = field(default_factory=list, repr=False)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class TextCollector:
    """Feed it the client's bytes of a good answer, content encoding removed; ask for `texts` at any time.

    At most `max_characters` are kept in all: `truncated` says that there was more. Nothing it is fed can make
    it raise. An answer without text (embeddings, counts) has no blocks.
    """

    def __init__(
        self, dialect: Dialect, call: Call, content_type: str, max_characters: int = MAX_CHARACTERS
    ) -> None:
        self._dialect = dialect
        self._frames = frames_of(framing(call, content_type))
        self._blocks: dict[Block, BlockText] = {}
        self._room = max_characters
        self._ended = False
        self.truncated = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer."""
        if self._ended or self.truncated:
            return
        for frame in self._frames.feed(chunk):
            self._read(frame)
        if self._frames.begun_bytes > self._room * 8:  # JSON escapes and envelopes included
            self._frames.rest()
            self.truncated = True

    def finish(self) -> None:
        """The answer is over, whole or not."""
        if not self._ended:
            self._ended = True
            self._read(self._frames.rest())

    def texts(self) -> tuple[BlockText, ...]:
        """The blocks that have text, in the order in which they began."""
        return tuple(block for block in self._blocks.values() if any(block.pieces))

    def _read(self, frame: bytes) -> None:
        for piece in self._dialect.answer_parts(self._frames.load(frame)).pieces:
            if piece.form != "repeat" or piece.block not in self._blocks:
                self._add(piece)

    def _add(self, piece: Piece) -> None:
        text = piece.text[: self._room]
        self._room -= len(text)
        self.truncated = self.truncated or len(text) < len(piece.text)
        if text:
            self._blocks.setdefault(piece.block, BlockText(piece.kind)).pieces.append(text)
