"""Notices an agent that runs in circles: the same last message again and again in one conversation.

Of a message only a keyed hash is kept, in memory: it says that two are equal and nothing else about them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from sluiceway.policy.model import Loops
from sluiceway.policy.windows import parse_length
from sluiceway.policy.words import length
from sluiceway.types import Refusal, RefusalKind
from sluiceway.wire.parts import Segment

KEPT = 20_000  # conversations
DIGEST_BYTES = 16


@dataclass(slots=True)
class _Talk:
    """The last message of one conversation, and when it came, on the monotonic clock."""

    digest: bytes
    came_s: deque[float] = field(default_factory=deque)
    told: bool = False


@dataclass(frozen=True, slots=True)
class Circle:
    """The same message `times` within the time that counts. `new`: nobody was told of it yet."""

    times: int
    new: bool


class LoopWatch:
    """The last message of recent conversations."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]
        self._talks: OrderedDict[tuple[str, str], _Talk] = OrderedDict()

    def look(
        self, talk: tuple[str, str], segments: Iterable[Segment], loops: Loops, now_s: float
    ) -> Circle | None:
        """Counts a message of a conversation (whose, and which). None: it is no loop so far."""
        digest = self._digest(last_message(segments))
        known = self._talks.get(talk)
        if known is None or known.digest != digest:
            self._talks[talk] = known = _Talk(digest)
        self._talks.move_to_end(talk)
        if len(self._talks) > KEPT:
            self._talks.popitem(last=False)
        known.came_s.append(now_s)
        while now_s - known.came_s[0] > loops.within_s:
            known.came_s.popleft()
        if len(known.came_s) < loops.repeats:
            known.told = False
            return None
        new, known.told = not known.told, True
        if len(known.came_s) > loops.repeats:
            known.came_s.popleft()
        return Circle(loops.repeats, new)

    def _digest(self, texts: Iterable[str]) -> bytes:
        found = hashlib.blake2b(digest_size=DIGEST_BYTES, key=self._key, person=b"loops")
        for text in texts:
            data = text.encode(errors="surrogatepass")
            found.update(len(data).to_bytes(8) + data)
        return found.digest()


def last_message(segments: Iterable[Segment]) -> list[str]:
    """The texts of the last message that is not the model's own, with what tools gave back in it."""
    asked = [segment for segment in segments if segment.role in ("user", "tool") and segment.kind in _SAID]
    if not asked:
        return []
    place = asked[-1].path[:2]
    return [segment.text for segment in asked if segment.path[:2] == place]


_SAID = ("text", "tool_result")


def refusal(circle: Circle, loops: Loops, contact: str) -> Refusal:
    """The no to what goes round in circles. It ends with the first other message."""
    message = (
        f"Sluiceway: the same message came {circle.times} times within "
        f"{length(parse_length(loops.within))} in this conversation, which looks like a loop; it was not "
        f"forwarded. Send another message to go on, or ask {contact}."
    )
    return Refusal(RefusalKind.POLICY, "loop", message, rule="loops", contact=contact)
