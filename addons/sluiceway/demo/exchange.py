"""One exchange with a simulated provider: what was asked, what is answered, what was billed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

# Tool choices, message parts and the like differ by dialect; only here does their JSON stay untyped.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a dialect reads it. Headers are looked up in lower case; `now` is seconds since the epoch.

    `credentials` are digests by header name, as in Served; `target` is path and query as they were sent.
    `output_tokens` and `events` are what the test asked for with `x-demo-output-tokens` and `x-demo-events`.
    """

    provider: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    credentials: Mapping[str, str]
    now: int
    output_tokens: int | None = None
    events: int | None = None
    target: str = ""

    @property
    def account(self) -> str:
        """Stands for the caller: caches and stored responses are kept apart by it."""
        return next(iter(self.credentials.values()), "")

    @property
    def wanted(self) -> int | None:
        """Output tokens wanted; events alone mean one token each."""
        return self.output_tokens if self.output_tokens is not None else self.events


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a whole body, or a stream as the bytes of each event.

    `usage` None: nothing is billed. `usage_sent` False: billed, but the client is not told.
    `whole` False: the stream ends in an error.
    """

    status: int
    request_id: str
    headers: tuple[tuple[str, str], ...]
    content_type: str = "application/json"
    body: bytes = b""
    events: Sequence[bytes] | None = None
    usage: Json | None = None
    usage_sent: bool = True
    whole: bool = True
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What the provider put on record for one request: its own count, to compare a ledger with.

    `usage` is what is billed, in the provider's own form; None where nothing is (errors, harmless paths).
    It is the whole answer's usage even if the connection broke: `events_sent` of `events` say how much went
    out, `complete` that all of it was handed to the connection. `status` None: no answer was given.
    `credentials` are the SHA-256 of each credential by header name; `header_names` are as received.
    """

    request_id: str
    at: float
    provider: str
    host: str
    method: str
    path: str
    model: str | None
    status: int | None
    stream: bool
    usage: Json | None
    usage_sent: bool
    complete: bool
    events: int
    events_sent: int
    faults: tuple[str, ...]
    credentials: Mapping[str, str]
    header_names: tuple[str, ...]

    def line(self) -> bytes:
        """The record as one JSON line. A later line with the same request_id replaces an earlier one."""
        return orjson.dumps(asdict(self), option=orjson.OPT_APPEND_NEWLINE)


class Rejected(Exception):
    """The provider turns a request down. The provider's own form is made in `rejections`."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(status)
        self.status, self.message, self.code, self.param = status, message, code, param


def body_of(asked: Asked) -> Json:
    """The request body, which every dialect wants to be a JSON object."""
    try:
        body = orjson.loads(asked.raw)
    except orjson.JSONDecodeError:
        raise Rejected(400, "The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Rejected(400, "The request body must be a JSON object.")
    return body


def new_id(prefix: str) -> str:
    """A fresh identifier, unique also across processes that write to one log."""
    return prefix + secrets.token_hex(12)


def sse(event: str | None, data: Json) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + orjson.dumps(data) + b"\n\n"
