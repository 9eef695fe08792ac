"""A tap whose answer one of its headers completes: what the body leaves out, or says less surely."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluiceway.types import Answer
from sluiceway.wire.dialect import Tap


class Told:
    """`completed` gets the answer as the tap saw it, and the header's value where the answer has it."""

    def __init__(self, tap: Tap, header: str, completed: Callable[[Answer, str], Answer]) -> None:
        self._tap = tap
        self._header = header
        self._completed = completed
        self._value: str | None = None
        self.feed, self.finish, self.cut, self.fail = tap.feed, tap.finish, tap.cut, tap.fail

    @property
    def between_events(self) -> bool:
        return self._tap.between_events

    def headers(self, headers: Mapping[str, str]) -> None:
        """The answer's headers, by lower-case name."""
        self._value = headers.get(self._header)

    def answer(self) -> Answer:
        answer = self._tap.answer()
        return answer if self._value is None else self._completed(answer, self._value)
