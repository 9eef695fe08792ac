"""What answers say of jobs that earlier requests began: which one, whether it is over, what it used.

`FORMS` is the list; rules/providers.yaml names one at each path whose answers tell (`collects`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import parse_qsl

from sluiceway.types import Answer, Call, Refusal
from sluiceway.wire import anthropic_batches, gemini_batches, openai_batches
from sluiceway.wire.dialect import Tap
from sluiceway.wire.fields import load
from sluiceway.wire.openai_responses_stream import ResponsesMeter, parse_response
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap

type Kind = Literal["response", "batch", "results"]

_CALL = Call(dialect="openai_responses", operation="chat", model=None, stream=True)
_HIDES_NOTHING = frozenset(
    {"alt", "$alt", "key", "prettyPrint", "stream", "starting_after", "beta"}
    | {"include", "include[]", "include_obfuscation"}
)
_VERBS = frozenset({"cancel", "results"})
MAX_LINE_BYTES = 8 << 20  # of a batch's results: one answer, thirty times the longest that models write
MAX_STATE_BYTES = 64 << 20  # of a batch's state: Gemini's has all answers to 20 MB of requests


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is over, by the provider's id for it, and what each of its requests came to: one for a
    response, none for a batch of which nothing is billed. `summed`: the one answer is the sum of so many.
    `results`: the file in which the answers stand, where they are not told with the state. A job of the kind
    "results" goes by the id of such a file."""

    kind: Kind
    remote_id: str
    answers: tuple[Answer, ...]
    summed: int = 1
    results: str | None = None


class Follower(Tap, Protocol):
    """A tap that changes nothing of what passes."""

    def job(self) -> Job | None:
        """The job, if the answer says that it is over. Ask when no more of the answer comes."""
        ...


class _Silent:
    """What every follower leaves alone."""

    between_events = True

    def answer(self) -> Answer:
        return Answer()

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""


class ResponseFollower(_Silent):
    """A stored response, whole or as its stream taken up again (OpenAI API reference, "Get a model
    response": `stream`, `starting_after`)."""

    def __init__(self, path: str, content_type: str) -> None:
        self._asked_for = id_in(path)
        streams = "event-stream" in content_type.lower()
        self._tap = StreamTap(EventSplitter(), ResponsesMeter(_CALL)) if streams else JsonTap(parse_response)

    def feed(self, chunk: bytes) -> bytes:
        return self._tap.feed(chunk)

    def finish(self) -> bytes:
        return self._tap.finish()

    def job(self) -> Job | None:
        answer = self._tap.answer()
        if not answer.complete:
            return None
        return Job("response", answer.response_id or self._asked_for, (answer,))


class _State(_Silent):
    """The state of a batch, one JSON document."""

    def __init__(self, path: str, content_type: str) -> None:
        self._asked_for = id_in(path)
        self._kept = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        if len(self._kept) <= MAX_STATE_BYTES:
            self._kept += chunk
        return chunk

    def finish(self) -> bytes:
        return b""


class AnthropicBatchFollower(_State):
    """Anthropic's tells no usage, but whether there is none."""

    def job(self) -> Job | None:
        over = anthropic_batches.nothing_came(load(bytes(self._kept)))
        return Job("batch", self._asked_for, ()) if over else None


class OpenAIBatchFollower(_State):
    """OpenAI's has the sum of what its requests used."""

    def job(self) -> Job | None:
        found = openai_batches.outcome(load(bytes(self._kept)))
        if found is None:
            return None
        answer, answered = found
        return Job("batch", self._asked_for, (answer,) if answered else (), summed=max(1, answered))


class GeminiBatchFollower(_State):
    """Gemini's has all answers, or names the file of them."""

    def job(self) -> Job | None:
        found = gemini_batches.outcome(load(bytes(self._kept)))
        if found is None:
            return None
        if isinstance(found, str):
            return Job("batch", self._asked_for, (), results=found)
        return Job("batch", self._asked_for, found)


class _Lines(_Silent):
    """The results of a batch, line by line. They count only when they were seen to their end and every line
    could be read: a part of them is not what the batch used."""

    kind: Kind
    marks: frozenset[str]  # a line has one of these fields
    read: Callable[[object], Answer | None]

    def __init__(self, path: str, content_type: str) -> None:
        self._asked_for = id_in(path)
        self._begun = b""
        self._answers: list[Answer] = []
        self._whole = False
        self._sound = True

    def feed(self, chunk: bytes) -> bytes:
        if not self._sound:
            return chunk
        *lines, self._begun = (self._begun + chunk).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._begun) > MAX_LINE_BYTES:
            self._begun, self._sound = b"", False
        return chunk

    def finish(self) -> bytes:
        self._line(self._begun)
        self._whole = True
        return b""

    def job(self) -> Job | None:
        if not (self._whole and self._sound):
            return None
        return Job(self.kind, self._asked_for, tuple(self._answers))

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        document = load(line)
        if not isinstance(document, dict) or self.marks.isdisjoint(document):
            self._sound = False
        elif (answer := type(self).read(document)) is not None:
            self._answers.append(answer)


class AnthropicResultsFollower(_Lines):
    kind: Kind = "batch"
    marks = frozenset({"result"})
    read = staticmethod(anthropic_batches.result)


class GeminiResultsFollower(_Lines):
    kind: Kind = "results"
    marks = frozenset({"response", "error"})
    read = staticmethod(gemini_batches.result)


def is_whole(status: int, query: str, headers: Mapping[str, str]) -> bool:
    """Whether an answer can tell all there is: a range or a choice of fields (Google takes `fields` and a
    header for it) could hide what was used."""
    asked = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    return status == 200 and asked <= _HIDES_NOTHING and "x-goog-fieldmask" not in headers


def id_in(path: str) -> str:
    """The job that a path asks for."""
    *_, before, last = path.split("/")
    return before if last in _VERBS else last.partition(":")[0]


FORMS: Mapping[str, Callable[[str, str], Follower]] = {
    "openai_response": ResponseFollower,
    "openai_batch": OpenAIBatchFollower,
    "anthropic_batch": AnthropicBatchFollower,
    "anthropic_results": AnthropicResultsFollower,
    "gemini_batch": GeminiBatchFollower,
    "gemini_results": GeminiResultsFollower,
}
# At which form the usage of a job is seen that was begun in a dialect.
TELLS: Mapping[str, str] = {
    "openai_responses": "openai_response",
    "openai_batches": "openai_batch",
    "anthropic_batches": "anthropic_results",
    "gemini_batches": "gemini_batch",
}


def follow(form: str, path: str, content_type: str) -> Follower:
    """A reader for the answer to a request for this path. Raises KeyError for an unknown form."""
    return FORMS[form](path, content_type)
