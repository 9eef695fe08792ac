"""The words of error messages: what belongs in a place, what a misspelt name may have meant.

No sentence holds a value from the file (it may be a secret), only names of fields and allowed words.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence

from sluiceway.settings.yaml_nodes import Loc

LIST = "a list (lines that start with '- ', or [a, b])"
MAPPING = "a mapping (lines of 'name: value')"
# What must stand in a place, by the first part of pydantic's error type.
NOUNS = {
    "bool": "true or false",
    "date": "a date such as 2026-01-31",
    "datetime": "a time such as 2026-01-31T12:00:00Z",
    "decimal": "a number",
    "dict": MAPPING,
    "finite_number": "a finite number",
    "float": "a number",
    "int": "a whole number",
    "list": LIST,
    "mapping": MAPPING,
    "model": MAPPING,
    "set": LIST,
    "string": "text (put it in quotes)",
    "tuple": LIST,
}
# pydantic's error type: our words, and the name of the bound in the error's context.
BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "multiple_of": ("a multiple of", "multiple_of"),
    "string_too_short": ("text with a length of at least", "min_length"),
    "string_too_long": ("text with a length of at most", "max_length"),
    "too_short": ("a list with a length of at least", "min_length"),
    "too_long": ("a list with a length of at most", "max_length"),
    "decimal_max_places": ("a number whose decimal places are at most", "decimal_places"),
}
DETAIL = re.compile(r"_(type|parsing|parsing_size|from_\w+|from_\w+_parsing)$")
PLAIN = re.compile(r"[\w*@+/:-]{1,60}")


def noun(error_type: str) -> str | None:
    """`a whole number` for int_type, int_parsing, int_from_float...; None where we have no word."""
    return NOUNS.get(DETAIL.sub("", error_type))


def show(loc: Loc) -> str:
    """A location as people read it: `routes.1.match.model`; odd names in quotes, long ones cut."""
    parts = (str(part) for part in loc)
    return ".".join(part if PLAIN.fullmatch(part) else json.dumps(part[:60]) for part in parts)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that `word` is most likely a slip of, whatever its case."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


def listed(words: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
