"""What a simulated model is asked to say word for word: "Repeat after me: ..." in the last that was said."""

from __future__ import annotations

import re

import orjson

_IN_TEXT = re.compile(r"repeat after me: (.+)", re.IGNORECASE)
_IN_JSON = re.compile(rb'repeat after me: ((?:[^"\\]|\\.)+)', re.IGNORECASE)


def in_text(text: str) -> str | None:
    """The rest of the line, in a message."""
    found = _IN_TEXT.search(text)
    return found[1] if found else None


def in_request(raw: bytes) -> str | None:
    """The rest of the last string of a request that asks so."""
    found = _IN_JSON.findall(raw)
    return str(orjson.loads(b'"' + found[-1] + b'"')) if found else None
