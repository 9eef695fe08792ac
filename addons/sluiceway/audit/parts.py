"""The parts of a conversation as the audit takes them in: one text each, with the role it came in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from sluiceway.wire.parts import Segment

TURNS = frozenset({"messages", "input", "contents"})  # where each dialect keeps the turns of a conversation
UNREADABLE = frozenset({"sealed", "identifier", "media"})  # nothing in them that a person could read


@dataclass(frozen=True, slots=True)
class Part:
    """A system prompt, the words of one message, a tool's arguments, its result. `role` is for readers."""

    role: str
    text: str = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        return sys.getsizeof(self.text)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text after redaction, and how many of each type were taken out."""

    text: str = field(repr=False)
    findings: Mapping[str, int]


def parts_of(segments: Iterable[Segment]) -> tuple[Part, ...]:
    """A request's segments (`Dialect.segments`) as parts: what stands together in one message is one part.

    Marks such as Anthropic's `cache_control`, which move along with each turn, are no segments; so the same
    message is the same part in every later request of its conversation, and is redacted and stored once.
    """
    readable = (each for each in segments if each.kind not in UNREADABLE)
    groups = groupby(readable, key=_place)
    return tuple(Part(_role(place), "\n".join(each.text for each in group)) for place, group in groups)


type _Place = tuple[str | int, str | int | None, str, str]


def _place(segment: Segment) -> _Place:
    top = segment.path[0] if segment.path else ""
    turn = segment.path[1] if top in TURNS and len(segment.path) > 1 else None
    return top, turn, segment.role, segment.kind


def _role(place: _Place) -> str:
    _, _, role, kind = place
    return role if kind == "text" else f"{role} {kind}"
