"""What answers say of jobs that earlier requests began: which one, whether it is over, what it used.

`FORMS` is the list; rules/providers.yaml names one at each path whose answers tell (`collects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sluiceway.types import Answer, Call, Refusal
from sluiceway.wire.openai_responses_stream import ResponsesMeter, parse_response
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap

type Kind = Literal["response"]

_CALL = Call(dialect="openai_responses", operation="chat", model=None, stream=True)
_VERBS = ("cancel",)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is over, by the provider's id for it, and what it came to."""

    kind: Kind
    remote_id: str
    answer: Answer


class ResponseFollower:
    """Reads a stored response, whole or as its stream taken up again (OpenAI API reference, "Get a model
    response": `stream`, `starting_after`). A tap that changes nothing of what passes."""

    between_events = True

    def __init__(self, path: str, content_type: str) -> None:
        segments = path.split("/")
        self._asked_for = segments[-2] if segments[-1] in _VERBS else segments[-1]
        streams = "event-stream" in content_type.lower()
        self._tap = StreamTap(EventSplitter(), ResponsesMeter(_CALL)) if streams else JsonTap(parse_response)

    def feed(self, chunk: bytes) -> bytes:
        return self._tap.feed(chunk)

    def finish(self) -> bytes:
        return self._tap.finish()

    def answer(self) -> Answer:
        return self._tap.answer()

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""

    def job(self) -> Job | None:
        """The response, once it has ended in whatever way."""
        answer = self._tap.answer()
        if not answer.complete:
            return None
        return Job("response", answer.response_id or self._asked_for, answer)


FORMS: Mapping[str, Callable[[str, str], ResponseFollower]] = {"openai_response": ResponseFollower}


def follow(form: str, path: str, content_type: str) -> ResponseFollower:
    """A reader for the answer to a request for this path. Raises KeyError for an unknown form."""
    return FORMS[form](path, content_type)
