"""Path patterns of providers, matched against the path exactly as the client sent it.

A path that two servers could read differently (`//`, `/../`, `%2e`, `%2F`, `;`, a backslash, a final
slash) is in no canonical form and matches nothing: it is unlisted, so it is refused. Otherwise a client
could spell a metered path so that we take it for a free one and the provider does not.
"""

from __future__ import annotations

import re
from functools import lru_cache

# RFC 3986 path characters without '%' and ';' (some servers cut parameters off there).
SEGMENT = r"[A-Za-z0-9._~:@!$&'()*+,=-]+"
CANONICAL = re.compile(rf"/|(?:/(?!\.\.?(?:/|\Z)){SEGMENT})+")
PATTERN = re.compile(r"/|(?:/(?:[A-Za-z0-9._~:-]|\{[a-z_]+\})+)*(?:/\*)?")
VARIABLE = re.compile(r"\{[a-z_]+\}")


def is_canonical(path: str) -> bool:
    """Whether every server reads this path alike. The query must have been cut off."""
    return CANONICAL.fullmatch(path) is not None


def check_pattern(pattern: str) -> str:
    """The pattern, if it is one: `{x}` within a segment, `*` as the last segment. Raises ValueError."""
    if not pattern or not PATTERN.fullmatch(pattern) or re.search(r"/\.\.?(/|\Z)", pattern):
        raise ValueError("write a path such as /v1/models/{id}, or /api/* for all that lies below")
    return pattern


def fits(pattern: str, path: str) -> bool:
    """Whether a path fits; the caller has checked that it is canonical. `{x}` is one segment or a part of
    one and never holds a colon, because Google puts the verb behind it (`models/{model}:generateContent`);
    `*` is at least one segment."""
    return _compiled(pattern).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    body, rest = (pattern[:-1], ".+") if pattern.endswith("/*") else (pattern, "")
    literals = (re.escape(part) for part in VARIABLE.split(body))
    return re.compile("[^/:]+".join(literals) + rest)
