"""What a dialect is: how a request is read, an answer metered and a no said, whatever the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.body import write
from sluiceway.wire.parts import Path, Segment


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `path` is still percent-encoded and without the query."""

    method: str
    path: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as it was judged.

    `body` are the bytes to forward: the client's own, unless they had duplicate keys (then written anew from
    the `document` that was judged) or we changed something. `document` is read only.
    """

    call: Call
    body: bytes
    document: Mapping[str, Any]
    target: Target

    def rewritten(self, call: Call, document: Mapping[str, Any]) -> Reading:
        """The same request with another document, written anew."""
        return replace(self, call=call, body=write(document), document=document)


class Metered(Protocol):
    """What counts an answer while it comes in."""

    def answer(self) -> Answer:
        """What is known so far; may be asked at any time, also when the client has gone."""
        ...


class Tap(Metered, Protocol):
    """Meters one answer while its bytes pass. Nothing it is fed can make it raise."""

    @property
    def between_events(self) -> bool:
        """True when what the client got ends between two events: the clean moment for `cut` and `fail`.

        In the middle of an event they first mend it (close its open JSON), as well as that can be done."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """Bytes of the provider (content encoding removed) in, bytes for the client out: the same object
        unless something is hidden. Only a client with `usage_added` may wait for the end of an event."""
        ...

    def finish(self) -> bytes:
        """The provider's stream ended; returns what was still held back."""
        ...

    def cut(self, message: str) -> bytes:
        """The bytes that end the stream now as if the provider had reached its output limit, with
        `message` as a last piece of text; b"" when it has ended already or is no stream."""
        ...

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        """The bytes that tell the client, in the provider's form, that the stream broke; b"" as in `cut`."""
        ...


@runtime_checkable
class ReadsHeaders(Protocol):
    """A tap of an API whose headers say what its bodies leave out."""

    def headers(self, headers: Mapping[str, str]) -> None:
        """The answer's headers by lower-case name, before its first byte."""
        ...


class Dialect(Protocol):
    """One provider API. Stateless; all methods are pure."""

    @property
    def name(self) -> str: ...

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        """Reads a request whose header names are in lower case and whose body is decoded.

        `add_usage=False` leaves a stream without a request for usage, for providers that reject the field.
        Raises WireError naming the field that is wrong, never its value."""
        ...

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """The same request with at most this many output tokens (for each choice). Never raises a limit."""
        ...

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        """Every piece of the client's text in the request, wherever it stands, in the document's order.

        Only requests: what a provider answers is not looked at here. Left out are strings of less than six
        characters outside of messages, arguments and results, and the protocol's own words."""
        ...

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        """The request with the texts of the segments at these paths replaced, and nothing else changed: the
        same object if there is nothing to change.

        Raises WireError for a path that is no segment's, for a `fixed` segment, and where the result could
        not be read (a field's name given twice)."""
        ...

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        """The request for another model of the same API, and the path to send it to, percent-encoded.

        Raises WireError where the model's name is none, or the path cannot be rewritten."""
        ...

    def answer_parts(self, document: object) -> AnswerParts:
        """Where in an answer's document, whole or an event's, the model's own words stand."""
        ...

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        """An answer of ours in the assistant's place: status 200, `text`, no tokens used, as JSON or as a
        stream, as the request asks. Where no assistant would answer (embeddings, counting), a refusal."""
        ...

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        """A tap for the answer to `call`."""
        ...

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        """The refusal in the form that this API's clients show at once (and retry only if that helps)."""
        ...
