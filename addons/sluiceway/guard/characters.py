"""Text as one byte per character, so that a byte offset is a character offset.

Matching runs on these bytes. Characters up to U+00FF keep their Latin-1 byte; look-alikes of digits,
hyphens and spaces become plain ones; every other character becomes `?`, which is part of no finding.
"""

from __future__ import annotations

FULLWIDTH_DIGITS = {chr(0xFF10 + digit): str(digit) for digit in range(10)}
HYPHENS = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-")
SPACES = dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " ")
MARKS = {"\uff0b": "+", "\uff20": "@", "\uff0e": ".", "\uff1a": ":", "\uff08": "(", "\uff09": ")"}
QUOTES = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"'}
FOLDED = {**FULLWIDTH_DIGITS, **HYPHENS, **SPACES, **MARKS, **QUOTES}


def one_byte_each(text: str) -> bytes:
    """As many bytes as `text` has characters. Takes time linear in the text, whatever is in it."""
    if text.isascii():
        return text.encode("ascii")
    for character, plain in FOLDED.items():
        # One pass in C for each: a table looked up per character is ten times slower.
        text = text.replace(character, plain)
    return text.encode("latin-1", "replace")
