"""Ids of tool calls as each API allows them: the same id always becomes the same one, so that calls and
results still meet, turn after turn, and a provider's prompt cache holds."""

from __future__ import annotations

import re
from hashlib import blake2s

_ODD = re.compile(r"[^a-zA-Z0-9_-]")
ANTHROPIC_LENGTH = 128
CHAT_LENGTH = 40  # "string too long. Expected a string with maximum length 40" (OpenAI, tool_calls[].id)
RESPONSES_LENGTH = 64


def nine_characters(given: str) -> str:
    """As Mistral wants it: "Tool call id must be a-z, A-Z, 0-9, with a length of 9"."""
    if len(given) == 9 and given.isascii() and given.isalnum():
        return given
    return blake2s(given.encode(errors="replace"), digest_size=5).hexdigest()[:9]


def fitted_id(given: str, most: int) -> str:
    """The id itself if it has only letters, digits, `_` and `-` and at most `most` characters; else one that
    stands for it."""
    if len(given) <= most and given and not _ODD.search(given):
        return given
    digest = blake2s(given.encode(errors="replace"), digest_size=6).hexdigest()
    return f"{_ODD.sub('_', given)[: most - 13]}_{digest}"
