"""The neutral form of a stream: what happens in it, in order.

A reader promises: `Started` first and once; each part's `PartStarted` before its deltas and its `PartEnded`
after them, once; indexes count from 0 in the order in which parts start; text and thinking never overlap with
another part, tool calls may overlap with one another; then `Finished` or `Failed` as the last, once. Thinking
that is shown encrypted and images come whole in `PartStarted`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluiceway.types import Usage
from sluiceway.wire.translation.failure import Failure
from sluiceway.wire.translation.neutral import NO_USAGE, Part, StopReason


@dataclass(frozen=True, slots=True)
class Started:
    """The answer begins. `usage` holds what is known of the input by then."""

    id: str = ""
    model: str = ""
    usage: Usage = NO_USAGE
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part begins: Text("") or Thinking("") whose words follow, a ToolCall whose arguments follow."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More words of a Text part."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More words of a Thinking part."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class SignatureDelta:
    """The signature, or a piece of it, of a Thinking part or a ToolCall."""

    index: int
    signature: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """More of a ToolCall's arguments: JSON text, or plain text of a custom tool."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class PartEnded:
    """Nothing more of this part follows."""

    index: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole."""

    stop_reason: StopReason
    stop_sequence: str | None = None
    usage: Usage = NO_USAGE
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The stream ends in an error."""

    failure: Failure


type Event = (
    Started
    | PartStarted
    | TextDelta
    | ThinkingDelta
    | SignatureDelta
    | ArgumentsDelta
    | PartEnded
    | Finished
    | Failed
)
