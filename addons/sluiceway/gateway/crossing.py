"""An exchange whose provider speaks another API than its client: the two sides, and what is told to each.

The provider's own bytes are metered in the provider's dialect, so that usage is exact. The client gets bytes
that its own dialect's writer made of them; what comes after (masked values put back, the audit) sees those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from multidict import CIMultiDict, CIMultiDictProxy

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Refusal
from sluiceway.wire.dialect import Dialect, Tap
from sluiceway.wire.fields import load
from sluiceway.wire.tap import MAX_JSON_BYTES, is_stream
from sluiceway.wire.translation.failure import Failure, FailureKind, kind_of
from sluiceway.wire.translation.losses import Loss
from sluiceway.wire.translation.passage import Passage, Translation

JSON = "application/json"
_EVENTS = "application/vnd.amazon.eventstream"
# What a client says of itself and of what it accepts; all else is for the API that it believes to ask.
_SENT_ON = ("user-agent",)
# What a provider says that means the same everywhere.
_TOLD = ("retry-after", "retry-after-ms")
_REQUEST_ID = ("request-id", "x-request-id")  # at Anthropic, at the others
_LENGTH = 200  # of the header that names losses


@dataclass(frozen=True, slots=True)
class Crossing:
    """`dialect` and `call` are the client's; those of the exchange are the provider's."""

    translation: Translation
    dialect: Dialect
    call: Call
    losses: tuple[Loss, ...] = ()

    @property
    def told(self) -> str:
        """The header for the client: the API that answered, and which fields did not arrive there."""
        lost = ", ".join(sorted({loss.field for loss in self.losses}))
        name = self.translation.target.name
        return f"{name}; lost: {lost}"[:_LENGTH] if lost else name

    def head(self, asked: CIMultiDictProxy[str], host: str) -> CIMultiDict[str]:
        """The header fields for the provider; nothing of the client's API goes along."""
        fields: CIMultiDict[str] = CIMultiDict((name, asked[name]) for name in _SENT_ON if name in asked)
        fields.update({"host": host, "content-type": JSON, "accept-encoding": "identity"})
        fields.update(self.translation.rendered.headers)
        return fields

    def status(self, status: int) -> int:
        """The client's status for the provider's."""
        if status < 400:
            return status
        return self.translation.source.render_error(Failure(kind_of(status), ""), "").status

    def kind(self, status: int, content_type: str) -> str:
        """The content type for the client."""
        return self.translation.source.stream_type if self._streams(status, content_type) else JSON

    def fields(self, told: CIMultiDict[str], status: int, content_type: str) -> CIMultiDict[str]:
        """The header fields for the client: ours, and what the provider tells of limits and waiting."""
        at, lower = datetime.now(UTC), {name.lower(): value for name, value in told.items()}
        fields = CIMultiDict((name, value) for name, value in told.items() if _goes_on(name))
        fields["content-type"] = self.kind(status, content_type)
        name = next((lower[name] for name in _REQUEST_ID if name in lower), None)
        if name is not None:  # theirs, for their support
            fields[_REQUEST_ID[self.translation.source.vendor != "anthropic"]] = name
        limits = self.translation.target.parse_limits(lower, at)
        fields.update(self.translation.source.render_limits(limits, at))
        return fields

    def tap(self, tap: Tap, status: int, content_type: str, request_id: str) -> Tap:
        """A tap that meters by `tap` and shows the client its own API."""
        if self._streams(status, content_type):
            return _Stream(tap, self.translation.passage())
        return _Whole(tap, self.translation, status, request_id)

    def _streams(self, status: int, content_type: str) -> bool:
        events = content_type == _EVENTS or is_stream(self.call, content_type)
        return status < 400 and self.call.stream and events


def _goes_on(name: str) -> bool:
    lower = name.lower()
    return lower.startswith("x-sluiceway-") or lower in _TOLD


class _Stream:
    """A stream on its way. Only whole events go out."""

    between_events = True

    def __init__(self, tap: Tap, passage: Passage) -> None:
        self._tap, self._passage = tap, passage
        self._ending = b""

    def feed(self, chunk: bytes) -> bytes:
        """Raises WireError where the provider's bytes make no sense; `fail` then has the rest."""
        self._tap.feed(chunk)
        out = self._passage.feed(chunk)
        if self._passage.unreadable:
            self._ending = out
            raise WireError("the provider's stream cannot be read")
        return out

    def finish(self) -> bytes:
        self._tap.finish()
        return self._passage.finish()

    def answer(self) -> Answer:
        return self._tap.answer()

    def cut(self, message: str) -> bytes:
        return self._passage.cut(message)

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return self._ending or self._passage.fail(Failure(FailureKind.SERVER, refusal.message))


class _Whole:
    """One document, an answer or an error, which is translated when it is whole."""

    between_events = True

    def __init__(self, tap: Tap, translation: Translation, status: int, request_id: str) -> None:
        self._tap, self._translation = tap, translation
        self._status, self._request_id = status, request_id
        self._kept = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Raises WireError where it is larger than any answer."""
        self._tap.feed(chunk)
        self._kept += chunk
        if len(self._kept) > MAX_JSON_BYTES:
            raise WireError("the answer is too large to be translated")
        return b""

    def finish(self) -> bytes:
        """Raises WireError where it is no document: nothing was shown yet, so the client gets an error."""
        self._tap.finish()
        document = load(bytes(self._kept))
        if self._status >= 400:
            told: Mapping[str, object] = document if isinstance(document, dict) else {}
            return self._translation.error(self._status, told, self._request_id).body
        if not isinstance(document, dict) or document.get("error") or self._tap.answer().error_type:
            # MiniMax and OpenRouter say with status 200 that they refuse.
            raise WireError("the answer is none")
        return self._translation.whole(document)

    def answer(self) -> Answer:
        return self._tap.answer()

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""
