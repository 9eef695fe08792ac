"""What a WebSocket's dialect is: a session for each connection, which reads frames of both sides.

A socket carries turns: an answer that the client asked for by a frame, or that the provider began by itself
(Realtime and Live listen, and speak when the person has stopped). Each is metered as a request of its own.
Sans-I/O like all of this room: bytes in, records out, and nothing the provider says can raise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from sluiceway.errors import WireError
from sluiceway.types import Call, Refusal
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Dialect, Metered, Reading, Target

# RFC 6455 section 7.4.1, and 1012 from its registry.
NORMAL, GOING_AWAY, NO_SUCH_TYPE, NO_SUCH_DATA, POLICY, TOO_BIG = 1000, 1001, 1003, 1007, 1008, 1009
FAULT, RESTART = 1011, 1012
REASON_BYTES = 123  # what a close frame holds beside its code (RFC 6455 section 5.5)


@dataclass(frozen=True, slots=True)
class Frame:
    """A client's frame as it was read.

    `does`: "ask" wants an answer, so it is a turn; "setup" names the model of those that follow; "tell"
    brings something to be looked at but asks for nothing; "pass" does neither; "unknown" is of no known type.
    """

    reading: Reading
    does: Literal["ask", "setup", "tell", "pass", "unknown"]
    kind: str
    lane: str = ""

    @property
    def names_model(self) -> bool:
        """Whether a route may have something to say about it."""
        return self.does in ("ask", "setup")


@dataclass(frozen=True, slots=True)
class Heard:
    """A provider's frame as it was metered. `turn`: the one it belongs to. `begun`: that turn begins here and
    no frame of the client had asked for it. `status`: 400 and more where the provider turned the turn down
    and so bills nothing, known once it has `ended`."""

    turn: str | None = None
    begun: Call | None = None
    ended: bool = False
    status: int = 200


NOTHING = Heard()


@dataclass(frozen=True, slots=True)
class Parting:
    """What both sides are sent where we step in. `close`: the code with which the socket ends then; None: it
    goes on, and the provider ends the turn itself."""

    to_client: tuple[bytes, ...] = ()
    to_provider: tuple[bytes, ...] = ()
    close: int | None = None


class Session(Protocol):
    """One socket's memory. `binary`: whether frames may be binary; all the same they hold JSON."""

    @property
    def binary(self) -> bool: ...

    @property
    def model(self) -> str | None:
        """The model of the whole socket, where it has one."""
        ...

    def read(self, data: bytes) -> Frame:
        """A client's frame. Raises WireError for what is none; nothing is remembered of it."""
        ...

    def take(self, frame: Frame, reading: Reading) -> tuple[str | None, bytes]:
        """The frame goes on as in `reading`, which may be another than was read: the turn it asks for, None
        for none, and the bytes for the provider."""
        ...

    def with_model(self, frame: Frame, model: str) -> Reading:
        """The frame for another model. Raises WireError where a frame cannot choose one."""
        ...

    def hear(self, data: bytes) -> Heard: ...

    def meter(self, turn: str) -> Metered:
        """Counts a turn that has begun and was not forgotten."""
        ...

    def forget(self, turn: str) -> None:
        """The turn is over and settled."""
        ...

    def refuse(self, frame: Frame | None, refusal: Refusal, request_id: str) -> Parting:
        """The no to a frame of the client, None: to one that could not be read."""
        ...

    def deny(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        """The no to a turn that the provider has begun by itself; the client was not told of it yet."""
        ...

    def cut(self, turn: str, message: str) -> Parting:
        """Ends a turn now, as the provider would at its output limit, with `message` where there is room."""
        ...

    def fail(self, turn: str, refusal: Refusal, request_id: str) -> Parting:
        """Tells the client, in the provider's form, that the turn broke."""
        ...


class SocketDialect(Dialect, Protocol):
    """One provider's API over a WebSocket. Its methods of a Dialect see to a frame as to a request."""

    def session(self, target: Target, client_session: str | None) -> Session:
        """A connection begins. `client_session`: the conversation its headers name. Raises WireError where
        the address is not one of this API."""
        ...


def read_frame(data: bytes, target: Target) -> Reading:
    """The object in a frame, not yet understood. Raises WireError."""
    try:
        document, sound = read_object(data)
    except WireError as error:
        raise WireError(str(error).replace("the body", "the frame")) from None
    return Reading(UNREAD, sound, document, target)


UNREAD = Call(dialect="", operation="", model=None, stream=True)


def called(reading: Reading, call: Call) -> Reading:
    """The reading, now that it is known what it asks for."""
    return replace(reading, call=call)


def reason(text: str) -> str:
    """A message as short as a close frame's reason has to be, cut between characters."""
    data = text.encode()
    if len(data) <= REASON_BYTES:
        return text
    return data[: REASON_BYTES - 3].decode(errors="ignore") + "…"
