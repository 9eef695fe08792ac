"""JSON pages of a usage API as a stream of results: no more than one bucket of a page is held."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from sluiceway.errors import ConfigError
from sluiceway.report.bills.line import Cells

READ_CHARACTERS = 1 << 16
# Of one bucket of a page: a day of a large company has some thousand results.
LONGEST_BUCKET = 64 << 20
_TIMES = ("start_time", "end_time", "starting_at", "ending_at")


class Characters:
    """JSON text read piece by piece; holds no more than one value."""

    def __init__(self, start: str, text: io.TextIOWrapper) -> None:
        self._held, self._text, self._at = start, text, 0
        self._decoder = json.JSONDecoder(parse_float=str)

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            while self._at < len(self._held):
                if not self._held[self._at].isspace():
                    return self._held[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self) -> str:
        found = self.peek()
        self._at += 1
        return found

    def value(self) -> Any:
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._held, self._at)
            except json.JSONDecodeError:
                if len(self._held) - self._at > LONGEST_BUCKET or not self._more():
                    raise
                continue
            if end == len(self._held) and self._more():
                continue  # a number may go on
            self._at = end
            return value

    def _more(self) -> bool:
        # As much again as is held, so that a long value is not parsed anew for each small piece.
        piece = self._text.read(max(READ_CHARACTERS, len(self._held) - self._at))
        self._held, self._at = self._held[self._at :] + piece, 0
        return bool(piece)


def results(characters: Characters, name: str) -> Iterator[tuple[int, Cells]]:
    """Every result of every bucket: of a page, of a list of pages, or of pages one after the other."""
    number = 0
    try:
        for bucket in _buckets(characters):
            number += 1
            times = {key: bucket[key] for key in _TIMES if key in bucket}
            results = bucket.get("results", bucket.get("result"))
            for result in [bucket] if results is None else results:
                yield number, _flat({**times, **result})
    except (json.JSONDecodeError, TypeError, AttributeError, RecursionError):
        raise ConfigError(f"{name}: not the JSON of a usage API (after bucket {number})") from None


def _buckets(characters: Characters) -> Iterator[dict[str, Any]]:
    while characters.peek():
        if characters.peek() in "[],":
            characters.take()
        else:
            yield from _page(characters)


def _page(characters: Characters) -> Iterator[dict[str, Any]]:
    """The elements of the field `data` of the object that begins here; without one, the object itself."""
    if characters.take() != "{":
        raise TypeError
    plain: dict[str, Any] = {}
    paged = False
    while characters.peek() not in ("}", ""):
        if characters.peek() == ",":
            characters.take()
            continue
        field = characters.value()
        if characters.take() != ":":
            raise TypeError
        if field == "data" and characters.peek() == "[":
            paged = True
            characters.take()
            while characters.peek() not in ("]", ""):
                if characters.peek() == ",":
                    characters.take()
                else:
                    yield characters.value()
            characters.take()
        else:
            plain[field] = characters.value()
    if characters.take() != "}":
        raise TypeError
    if not paged and plain:
        yield plain


def _flat(result: dict[str, Any]) -> Cells:
    """Nested objects by a dotted name; OpenAI's amount as its CSV files have it."""
    cells: dict[str, Any] = {}
    for name, value in result.items():
        if name == "amount" and isinstance(value, dict):
            cells |= {"amount_value": value.get("value"), "amount_currency": value.get("currency")}
        elif isinstance(value, dict):
            cells |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            cells[name] = value
    return cells
