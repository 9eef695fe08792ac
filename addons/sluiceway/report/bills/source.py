"""Reads an export of any size as a stream: CSV or JSON pages, in whatever encoding a spreadsheet left it."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from sluiceway.errors import ConfigError
from sluiceway.report.bills.formats import Format, detect
from sluiceway.report.bills.line import Cells, Line, Row
from sluiceway.report.bills.pages import READ_CHARACTERS, Characters, results

SHOW_EVERY = 1000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

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
        for bucket, cells in results(Characters(start, text), name):
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
