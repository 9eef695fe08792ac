"""How the simulated providers count tokens: one formula for all of them, small enough to work by hand.

A prompt is a list of blocks: a 16-byte role header before each message, the UTF-8 bytes of each text, a flat
4,096 bytes for each image, audio or file, and the compact JSON of everything else (tool definitions, tool
calls and their results). Input tokens are the bytes of all blocks divided by four, rounded up; output tokens
are the bytes of the generated text, reasoning and tool arguments divided by four, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

TOKEN_BYTES = 4
ROLE_BYTES = 16
MEDIA_BYTES = 4096

# How each dialect marks a part whose size in bytes is not what it costs.
_MEDIA_TYPES = frozenset(
    {"image", "image_url", "input_image", "document", "input_file", "input_audio", "file"}
)
_MEDIA_KEYS = ("inlineData", "inline_data", "fileData", "file_data")


def tokens(byte_count: int) -> int:
    """Tokens of so many bytes, rounded up."""
    return -(-byte_count // TOKEN_BYTES)


def prompt_tokens(blocks: Iterable[bytes]) -> int:
    """Tokens of a whole prompt."""
    return tokens(sum(map(len, blocks)))


def message_blocks(role: str, content: Any) -> list[bytes]:
    """The blocks of one message, its role header first. `content` is a text, a part or a list of parts."""
    return [role.encode().ljust(ROLE_BYTES)[:ROLE_BYTES], *map(block_bytes, parts(content))]


def parts(content: Any) -> list[Any]:
    """Content as a list of parts, whichever way the client wrote it."""
    if isinstance(content, list):
        return content
    return [] if content is None else [content]


def block_bytes(part: Any) -> bytes:
    """The billed bytes of one part. `cache_control` is not part of what is said, so it counts for nothing."""
    if isinstance(part, str):
        return part.encode()
    if not isinstance(part, dict):
        return orjson.dumps(part)
    if part.get("type") in _MEDIA_TYPES or any(key in part for key in _MEDIA_KEYS):
        return b"\0" * MEDIA_BYTES
    if isinstance(part.get("text"), str):
        return str(part["text"]).encode()
    if isinstance(part.get("content"), list | str):  # a tool's result, itself made of parts
        return b"".join(map(block_bytes, parts(part["content"])))
    return orjson.dumps({key: value for key, value in part.items() if key != "cache_control"})
