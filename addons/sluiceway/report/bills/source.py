"""Reads an export of any size as a stream: CSV or JSON pages, in whatever encoding a spreadsheet left it."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from sluiceway.errors import ConfigError
from sluiceway.report.bills.formats import Format, detect
from sluiceway.report.bills.line import Cells, Line, Row

READ_CHARACTERS = 1 << 16
LONGEST_BUCKET = (
    64 << 20
)  # characters of one bucket of a page: a day of a large company has some thousand results
SHOW_EVERY = 1000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TIMES = ("start_time", "end_time", "starting_at", "ending_at")

Progress = Callable[[int, int], None]  # bytes read, of how many


@contextmanager
def opened(
    path: Path, family: str | None, progress: Progress | None = None
) -> Iterator[tuple[Format, Iterator[Line]]]:
    """The format of a file and its lines. Raises ConfigError, here or while the lines are read."""
    size = path.stat().st_size
    with path.open("rb") as file, io.TextIOWrapper(file, _encoding(file, path.name), newline="") as text:
        rows = _guarded(_rows(text, path.name), path.name)
        first = next(rows, None)
        if first is None:
            raise ConfigError(f"{path.name}: there is nothing in it; export a period that has traffic")
        found = detect(first[1], path.name, family)
        told = _counted(chain([first], rows), lambda: progress(file.tell(), size) if progress else None)
        yield (
            found,
            (
                found.read(Row(cells, f"{path.name}:{where}", decimal_comma))
                for where, cells, decimal_comma in told
                if EMPTY not in cells
            ),
        )


def _counted[T](many: Iterable[T], show: Callable[[], None]) -> Iterator[T]:
    for number, each in enumerate(many, start=1):
        if number % SHOW_EVERY == 0:
            show()
        yield each


EMPTY = "\0header"  # marks the row that stands for a file which has a heading and nothing below it


def _encoding(file: BinaryIO, name: str) -> str:
    head = file.read(4)
    file.seek(0)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if head[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if head[:1] == b"\0" else "utf-8"


def _guarded(rows: Iterator[tuple[str, Cells, bool]], name: str) -> Iterator[tuple[str, Cells, bool]]:
    try:
        yield from rows
    except UnicodeError:
        raise ConfigError(f"{name}: not text in UTF-8 or UTF-16; save it as 'CSV UTF-8'") from None
    except csv.Error as error:
        raise ConfigError(f"{name}: not a CSV file ({error})") from None


def _rows(text: io.TextIOWrapper, name: str) -> Iterator[tuple[str, Cells, bool]]:
    """(place, cells, whether a comma is a decimal point) of each line or result."""
    start = ""
    while not start.strip():
        piece = text.read(READ_CHARACTERS)
        if not piece:
            return
        start += piece
    if start.lstrip()[0] in "{[":
        for bucket, cells in _results(_Characters(start, text), name):
            yield f"bucket {bucket}", cells, False
    else:
        yield from _csv(start, text)


def _csv(start: str, text: io.TextIOWrapper) -> Iterator[tuple[str, Cells, bool]]:
    heading = start.lstrip("\r\n").splitlines()[0]
    separator = max(",;\t", key=heading.count)
    reader = csv.reader(_physical(start, text), delimiter=separator, strict=True)
    names: list[str] = []
    told = False
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = [cell.strip().lower().lstrip("\ufeff") for cell in cells]
            continue
        told = True
        if len(cells) != len(names):
            raise csv.Error(f"line {reader.line_num} has {len(cells)} cells, the heading {len(names)}")
        yield str(reader.line_num), dict(zip(names, cells, strict=True)), separator == ";"
    if names and not told:
        yield "1", {**dict.fromkeys(names), EMPTY: True}, False


def _physical(start: str, text: io.TextIOWrapper) -> Iterator[str]:
    """Lines with their ends, of which the first characters were read already."""
    rest = start
    while True:
        *whole, rest = rest.splitlines(keepends=True) or [""]
        yield from whole
        piece = text.read(READ_CHARACTERS)
        if not piece:
            break
        rest += piece
    if rest:
        yield rest


class _Characters:
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


def _results(characters: _Characters, name: str) -> Iterator[tuple[int, Cells]]:
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


def _buckets(characters: _Characters) -> Iterator[dict[str, Any]]:
    while characters.peek():
        if characters.peek() in "[],":
            characters.take()
        else:
            yield from _page(characters)


def _page(characters: _Characters) -> Iterator[dict[str, Any]]:
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
