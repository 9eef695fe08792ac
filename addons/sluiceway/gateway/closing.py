"""How a WebSocket ends: the code and the words for both sides, and what becomes of a turn that still runs."""

from __future__ import annotations

from dataclasses import dataclass

from sluiceway.types import Outcome, Refusal
from sluiceway.wire.socket import NORMAL


@dataclass(frozen=True, slots=True)
class Close:
    """How a socket ends. `refusal`: what a client is told whose turn still runs; `outcome`: what that is."""

    code: int
    reason: str = ""
    refusal: Refusal | None = None
    outcome: Outcome = Outcome.TRUNCATED


def sendable(code: int | None) -> int:
    """A close code that may be sent on; those that only say that none was seen become "normal"."""
    known = code is not None and (code in range(1000, 1004) or code in range(1007, 1015))
    return code if code is not None and (known or 3000 <= code <= 4999) else NORMAL
