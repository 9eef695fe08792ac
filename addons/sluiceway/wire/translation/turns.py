"""Puts a conversation into the order that every API accepts: each tool call followed by its result.

Anthropic: "tool_use ids were found without tool_result blocks immediately after". OpenAI: "An assistant
message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'". Gemini wants
as many responses as calls. What a client left open (an interrupted tool) or gave twice is mended and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Message, Part, Role, Text, ToolCall, ToolResult

NO_RESULT = "No result was given for this call."
_FIELD = "messages: tool results"


# How Claude Code marks what is not the user's own; so an instruction in the middle keeps its place where
# `system` stands at the beginning alone, or is not taken as the last message.
_REMINDER = "<system-reminder>\n{}\n</system-reminder>"


def with_reminders(messages: Iterable[Message]) -> Iterator[Message]:
    """The same messages with instructions in the middle as marked words of the client's."""
    for message in messages:
        if message.role != "system":
            yield message
            continue
        texts = (part for part in message.parts if isinstance(part, Text) and not _is_empty(part))
        yield Message("user", tuple(replace(text, text=_REMINDER.format(text.text)) for text in texts))


def in_turns(messages: Iterable[Message], losses: Losses) -> tuple[Message, ...]:
    """The same conversation in turns: neighbours of one role are one message, empty texts are gone, ids of
    calls are given and unique, and the results of a turn's calls come first in the next message, in the order
    of the calls. A `system` message in the middle keeps its place among the rest."""
    turns = _Turns(losses)
    for message in messages:
        if message.role == "assistant":
            turns.answer(message.parts)
        else:
            turns.say(message.role, message.parts)
    return turns.ended()


class _Turns:
    __slots__ = ("_calls", "_losses", "_out", "_results", "_said", "_seen")

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._out: list[Message] = []
        self._calls: list[tuple[str, ToolCall]] = []  # of the last answer: id as sent, call as it goes on
        self._results: dict[str, ToolResult] = {}
        self._said: list[tuple[Role, list[Part]]] = []  # since the last answer
        self._seen: set[str] = set()

    def answer(self, parts: tuple[Part, ...]) -> None:
        """A turn of the model's."""
        kept = [part for part in parts if not _is_empty(part)]
        if not kept:
            return
        self._close()
        for number, part in enumerate(kept):
            if isinstance(part, ToolCall):
                call = self._known(part)
                self._calls.append((part.id, call))
                kept[number] = call
        if self._out and self._out[-1].role == "assistant":
            kept = [*self._out.pop().parts, *kept]
        self._out.append(Message("assistant", tuple(kept)))

    def say(self, role: Role, parts: tuple[Part, ...]) -> None:
        """What comes from the client's side."""
        kept: list[Part] = []
        for part in parts:
            if isinstance(part, ToolResult):
                kept += self._result(part)
            elif not _is_empty(part):
                kept.append(part)
        if not kept:
            return
        if self._said and self._said[-1][0] == role:
            self._said[-1][1].extend(kept)
        else:
            self._said.append((role, kept))

    def ended(self) -> tuple[Message, ...]:
        self._close(last=True)
        return tuple(self._out)

    def _known(self, call: ToolCall) -> ToolCall:
        """The call with an id that no other has."""
        wanted = call.id or "call"
        given, number = wanted, 1
        while given in self._seen or (number == 1 and not call.id):
            number += 1
            given = f"{wanted}_{number}"
        self._seen.add(given)
        return call if given == call.id else replace(call, id=given)

    def _result(self, result: ToolResult) -> list[Part]:
        """Puts a result to its call; one that no call waits for becomes words."""
        for sent, call in self._calls:
            meant = sent == result.id if result.id else (not result.name or result.name == call.name)
            if meant and call.id not in self._results:
                name = result.name or call.name
                self._results[call.id] = ToolResult(
                    call.id, result.parts, result.is_error, name, call.custom, result.cache
                )
                return []
        self._losses.drop(_FIELD, "a result without its call became text")
        return [part for part in (Text("Result of a tool call:"), *result.parts) if not _is_empty(part)]

    def _close(self, last: bool = False) -> None:
        """Writes down what was said since the last answer, its results first."""
        if not self._said and not self._results and not (self._calls and last):
            return  # another message of the model's: one turn with the one before
        results: list[Part] = [self._results.get(call.id) or self._missing(call) for _, call in self._calls]
        if results and self._said and self._said[0][0] == "user":
            self._said[0] = ("user", [*results, *self._said[0][1]])
        elif results:
            self._said.insert(0, ("user", results))
        self._out += [Message(role, tuple(parts)) for role, parts in self._said]
        self._said, self._calls, self._results = [], [], {}

    def _missing(self, call: ToolCall) -> ToolResult:
        self._losses.drop(_FIELD, "a call without its result was given an empty one")
        return ToolResult(call.id, (Text(NO_RESULT),), is_error=True, name=call.name, custom=call.custom)


def _is_empty(part: Part) -> bool:
    """Anthropic: "text content blocks must be non-empty", and so for white space at the end of an answer."""
    return isinstance(part, Text) and not part.text.strip()
