"""What a translator is: one API read into the neutral form and written from it, requests and answers.

Stateless but for the readers and writers of streams; no clock, no I/O. A request's reader raises WireError
for what is wrong by its own API's rules, and what the neutral form cannot hold it records as a loss. A
request's writer begins with `turns.in_turns`, so that every call has its result. An answer's reader is
lenient: an unknown field is nothing, an unknown kind of part is left out. Nothing else is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sluiceway.types import ErrorAnswer
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.events import Event
from sluiceway.wire.translation.failure import Failure
from sluiceway.wire.translation.limits import RateLimits
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Request, Vendor

NO_NAMES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Aim:
    """For which model a request is written. `default_output_tokens` is sent where the API requires a limit
    and the client gave none; `most_output_tokens` is the most that the model is known to take; `counts_only`:
    to count its tokens, not to answer it."""

    model: str
    stream: bool = False
    default_output_tokens: int | None = None
    counts_only: bool = False
    most_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request in an API's own form. `path` and `query` as that API's reference has them (the gateway finds
    the provider's own path for the same operation); `headers` it requires besides the credential. `names` are
    tools that go by another name there, by that name; `custom` those that take plain text and were wrapped
    in JSON: both as the answer will have them (`renaming.py` undoes it)."""

    document: dict[str, Any]
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    names: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    custom: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client's request says about the form of its answer. `at` is when the answer began;
    `fallback_id` names an answer whose provider gave no id."""

    at: datetime
    fallback_id: str = ""
    model: str = ""
    include_usage: bool = False
    request: Request | None = None


class StreamReader(Protocol):
    """A provider's stream in, events out. Nothing it is fed can make it raise."""

    def feed(self, chunk: bytes) -> list[Event]:
        """Bytes of the provider, cut anywhere."""
        ...

    def finish(self) -> list[Event]:
        """The provider's stream has ended: what was open is closed. Where its own ending was not seen, no
        `Finished` follows; whoever asks then writes a failure."""
        ...


class StreamWriter(Protocol):
    """Events in, bytes of the client's stream out."""

    def write(self, event: Event) -> bytes:
        """The bytes for an event, b"" where the API says nothing then."""
        ...


class Translator(Protocol):
    """One API, both ways. `name` is its dialect's; `vendor` whose signatures it can carry."""

    @property
    def name(self) -> str: ...
    @property
    def vendor(self) -> Vendor: ...

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request: ...
    def render_request(self, request: Request, aim: Aim, losses: Losses) -> Rendered: ...

    def parse_answer(self, document: object) -> Answer: ...
    def render_answer(self, answer: Answer, asked: Asked) -> dict[str, Any]: ...

    def reader(self) -> StreamReader: ...
    def writer(self, asked: Asked) -> StreamWriter: ...
    @property
    def stream_type(self) -> str:
        """The content type of a stream."""
        ...

    def parse_error(self, status: int, document: object) -> Failure: ...
    def render_error(self, failure: Failure, request_id: str) -> ErrorAnswer: ...

    def parse_count(self, document: object) -> int | None:
        """The tokens of a request by the answer of the API's counting operation."""
        ...

    def render_count(self, input_tokens: int) -> dict[str, Any]: ...

    def parse_limits(self, headers: Mapping[str, str], at: datetime) -> RateLimits:
        """By headers with lower-case names."""
        ...

    def render_limits(self, limits: RateLimits, at: datetime) -> tuple[tuple[str, str], ...]: ...
