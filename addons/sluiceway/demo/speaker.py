"""What the simulated APIs over a WebSocket have in common: frames heard, turns said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sluiceway.demo.exchange import Json, Reply


@dataclass(frozen=True, slots=True)
class Said:
    """Frames to send. With a `reply` they are a turn, said at the simulator's pace and billed as it says."""

    frames: tuple[bytes, ...]
    reply: Reply | None = None
    name: str = ""


class Closed(Exception):
    """The provider ends the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code)
        self.code, self.reason = code, reason


class Speaker(Protocol):
    """One API on one socket. `binary`: its frames are."""

    @property
    def binary(self) -> bool: ...

    def greeting(self) -> list[bytes]:
        """What is said before the client has said anything."""
        ...

    def heard(self, frame: bytes) -> list[Said]:
        """What the client's frame leads to. Raises Closed."""
        ...

    def interrupted(self, said: Said, index: int) -> bytes | None:
        """The last frame of a turn, before the one at `index`, if it was interrupted."""
        ...

    def over(self, said: Said) -> None:
        """A turn was said to its end."""
        ...

    def spent(self, said: Said, sent: int) -> Json | None:
        """What a turn is billed of which so many frames were sent."""
        ...
