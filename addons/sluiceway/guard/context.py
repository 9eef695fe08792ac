"""What stands around a match: words that give a number its meaning, and borders that make it whole."""

from __future__ import annotations

from collections.abc import Callable

from sluiceway.guard.patterns import Span, compiled

SEPARATORS = b" -./"
BEFORE_BYTES, AFTER_BYTES = 48, 24
ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
DIGITS = frozenset(b"0123456789")


def near(data: bytes, span: Span, words: Callable[[bytes], object]) -> bool:
    """Whether one of `words` stands shortly before the span, or just after it, on the same line."""
    before = data[max(0, span[0] - BEFORE_BYTES) : span[0]].rpartition(b"\n")[2]
    after = data[span[1] : span[1] + AFTER_BYTES].partition(b"\n")[0]
    return (lettered(before) and words(before) is not None) or (lettered(after) and words(after) is not None)


def lettered(text: bytes) -> bool:
    """Whether there are letters: in rows of numbers much quicker than a search for words."""
    return text.upper() != text.lower()


def words(expression: str) -> Callable[[bytes], object]:
    """A search for words, whatever their case."""
    return compiled(rf"(?i)(?:{expression})").search


def apart(data: bytes, span: Span) -> bool:
    """Whether the span is not a piece of a longer word or number."""
    before, after = data[span[0] - 1] if span[0] else 32, data[span[1]] if span[1] < len(data) else 32
    return before not in ALNUM and after not in ALNUM


def whole_number(data: bytes, span: Span) -> bool:
    """`apart`, and not joined to more digits: no part of a decimal, a version, a UUID or a row of groups."""
    if not apart(data, span):
        return False
    start, end = span
    left = start > 1 and data[start - 1] in b".-:/" and data[start - 2] in ALNUM
    right = end + 1 < len(data) and data[end] in b".-:" and data[end + 1] in DIGITS
    return not (left or right)


def bare(data: bytes, span: Span) -> bytes:
    """The characters of the span without separators."""
    return data[span[0] : span[1]].translate(None, SEPARATORS)
