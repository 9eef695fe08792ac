"""One exchange between a client and a provider of another API: its request, its answer, its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from sluiceway.types import ErrorAnswer
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.events import (
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
)
from sluiceway.wire.translation.failure import NO_JSON, Failure, FailureKind
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import StopReason, Text, ToolCall
from sluiceway.wire.translation.renaming import Restoring, restored
from sluiceway.wire.translation.translator import Aim, Asked, Rendered, Translator

BROKE_OFF = Failure(FailureKind.SERVER, "The provider's answer broke off before its end.")


@dataclass(frozen=True, slots=True)
class Translation:
    """A request as it goes to the provider, and how what comes back is told to the client. `source` is the
    client's API, `target` the provider's."""

    source: Translator
    target: Translator
    rendered: Rendered
    asked: Asked

    def answer(self, document: object) -> dict[str, Any]:
        """A whole answer of the provider's as the client's API has it."""
        return self.source.render_answer(
            restored(self.target.parse_answer(document), self.rendered), self.asked
        )

    def whole(self, document: object) -> bytes:
        """The same as bytes."""
        return orjson.dumps(self.answer(document))

    def error(self, status: int, document: object, request_id: str) -> ErrorAnswer:
        """An error of the provider's as the client's API has it."""
        return self.source.render_error(self.target.parse_error(status, document), request_id)

    def passage(self) -> Passage:
        """A new stream's way."""
        return Passage(self)


def translated(
    source: Translator,
    target: Translator,
    document: Mapping[str, Any],
    at: Target,
    aim: Aim,
    asked: Asked,
    losses: Losses,
) -> Translation:
    """The request written for another API. Raises WireError where it is wrong by its own; what is lost is in
    `losses`, and whoever sends it looks at the essential ones first."""
    request = source.parse_request(document, at, losses)
    rendered = target.render_request(request, replace(aim, stream=aim.stream or request.stream), losses)
    return Translation(
        source, target, rendered, replace(asked, include_usage=request.include_usage, request=request)
    )


class Passage:
    """A provider's stream in, the client's out. Whole events go out, so it can be ended at any moment."""

    __slots__ = ("_ended", "_next", "_open", "_reader", "_restoring", "_writer", "unreadable")

    def __init__(self, translation: Translation) -> None:
        self._reader = translation.target.reader()
        self._writer = translation.source.writer(translation.asked)
        rendered = translation.rendered
        self._restoring = (
            Restoring(rendered.names, rendered.custom) if rendered.names or rendered.custom else None
        )
        self._open: dict[int, bool] = {}  # parts that have not ended, and whether each is a call
        self._next = -1  # the index after the last part's; -1: nothing has begun
        self._ended = False
        self.unreadable = False  # it has ended because the provider's bytes make no sense

    def feed(self, chunk: bytes) -> bytes:
        """Bytes of the provider, cut anywhere."""
        return self._write(self._reader.feed(chunk))

    def finish(self) -> bytes:
        """The provider's stream has ended; one that broke off ends in an error."""
        out = self._write(self._reader.finish())
        return out if self._ended else out + self.fail(BROKE_OFF)

    def cut(self, message: str) -> bytes:
        """Ends the stream as if the provider had reached its output limit, with `message` as last words. A
        call that is open ends as it is; b"" if the stream has ended."""
        if self._ended:
            return b""
        at = max(self._next, 0)
        closing: list[Event] = [PartEnded(index) for index in self._open]
        words: list[Event] = [PartStarted(at, Text("")), TextDelta(at, message), PartEnded(at)]
        begin: list[Event] = [Started()] if self._next < 0 else []
        return self._write([*begin, *closing, *words, Finished(StopReason.MAX_TOKENS)])

    def fail(self, failure: Failure) -> bytes:
        """Ends the stream in an error; b"" if it has ended."""
        if self._ended:
            return b""
        begin: list[Event] = [Started()] if self._next < 0 else []
        return self._write([*begin, Failed(failure)])

    def _write(self, events: list[Event]) -> bytes:
        if not events or self._ended:
            return b""
        out = []
        for event in events:
            if not isinstance(event, TextDelta):
                self._look(event)
            if self._restoring is None:
                out.append(self._writer.write(event))
            else:
                out += [self._writer.write(shown) for shown in self._restoring.events(event)]
        return out[0] if len(out) == 1 else b"".join(out)

    def _look(self, event: Event) -> None:
        match event:
            case Started():
                self._next = max(self._next, 0)
            case PartStarted():
                self._open[event.index] = isinstance(event.part, ToolCall)
                self._next = event.index + 1
            case PartEnded():
                self._open.pop(event.index, None)
            case Finished():
                self._ended = True
            case Failed():
                self._ended, self.unreadable = True, event.failure is NO_JSON
