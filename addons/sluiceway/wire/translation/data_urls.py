"""Bytes inside a URL (RFC 2397), as OpenAI's APIs take images and files."""

from __future__ import annotations

import re

_DATA = re.compile(r"data:([a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+)(?:;[^;,]*)*;base64,")


def parse(url: str) -> tuple[str, str] | None:
    """The media type and the base64 text; None: it is no such URL."""
    found = _DATA.match(url)
    return None if found is None else (found[1].lower(), url[found.end() :])


def render(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"
