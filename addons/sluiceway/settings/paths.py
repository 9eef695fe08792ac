"""Path patterns of providers, matched against the path exactly as the client sent it.

An id of AWS's may be an ARN, with colons and slashes that its clients write as %3A and %2F. `{x%}` stands for
such a segment; nowhere else may a path hold a percent sign.

A path that two servers could read differently (`//`, `/../`, `%2e`, `%2F`, `;`, a backslash, a final
slash) is in no canonical form and matches nothing: it is unlisted, so it is refused. Otherwise a client
could spell a metered path so that we take it for a free one and the provider does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

# RFC 3986 path characters without '%' and ';' (some servers cut parameters off there).
SEGMENT = r"[A-Za-z0-9._~:@!$&'()*+,=-]+"
CANONICAL = re.compile(rf"/|(?:/(?!\.\.?(?:/|\Z)){SEGMENT})+")
PATTERN = re.compile(r"/|(?:/(?:[A-Za-z0-9._~:-]|\{[a-z_]+%?\})+)*(?:/\*)?")
VARIABLE = re.compile(r"\{[a-z_]+(%?)\}")
# Between two separators, encoded or not, something of a name: no `..` and nothing empty when it is decoded.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
ENCODED = rf"{NAME}(?:(?:%2[Ff]|(?::|%3[Aa]){{1,2}}){NAME})*"


def is_canonical(path: str) -> bool:
    """Whether every server reads this path alike. The query must have been cut off."""
    return CANONICAL.fullmatch(path) is not None


def may_hold_percent(pattern: str) -> bool:
    """Whether a pattern has a segment that may be percent-encoded."""
    return "%" in pattern


def check_pattern(pattern: str) -> str:
    """The pattern, if it is one: `{x}` within a segment, `*` as the last segment. Raises ValueError."""
    if not pattern or not PATTERN.fullmatch(pattern) or re.search(r"/\.\.?(/|\Z)", pattern):
        raise ValueError("write a path such as /v1/models/{id}, or /api/* for all that lies below")
    if may_hold_percent(pattern) and pattern.endswith("*"):
        raise ValueError("a path with an encoded segment, {x%}, cannot end in *")
    return pattern


def fits(pattern: str, path: str) -> bool:
    """Whether a path fits; the caller has checked that it is canonical. `{x}` is one segment or a part of
    one and never holds a colon, because Google puts the verb behind it (`models/{model}:generateContent`);
    `*` is at least one segment."""
    return _compiled(pattern).fullmatch(path) is not None


def filled(pattern: str, names: Mapping[str, str]) -> str | None:
    """The path that a pattern is with its variables written out; None where one is not known or cannot stand
    there."""
    known = {variable[0]: names.get(variable[0].strip("{%}")) for variable in VARIABLE.finditer(pattern)}
    path = pattern
    for variable, value in known.items():
        if value is None:
            return None
        path = path.replace(variable, quote(value, safe=":") if "%" in variable else value)
    return path if not known or fits(pattern, path) else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    body, rest = (pattern[:-1], ".+") if pattern.endswith("/*") else (pattern, "")
    literals = [re.escape(part) for part in VARIABLE.split(body)[::2]]
    between = [ENCODED if mark else "[^/:]+" for mark in VARIABLE.split(body)[1::2]]
    pieces = (piece for pair in zip(literals, [*between, rest], strict=True) for piece in pair)
    return re.compile("".join(pieces))
