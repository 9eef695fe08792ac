"""Attachments in base64: which are text that can be read, and which are images, sound or the like."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_READ_CHARACTERS = 1 << 20
"""A text attachment is read up to this size of its base64 form; a larger one is media."""

MIN_MEDIA_CHARACTERS = 256  # what is shorter is looked at as the text it is written as
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,\s]*)*;base64,", re.ASCII)
_BINARY = re.compile(r"image|audio|video|font|application/(?:pdf|zip|gzip)")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TYPES = ("media_type", "mimeType", "mime_type")


class Attachment(NamedTuple):
    """Base64 after a `prefix`. `text` is what it stands for, None if that is not text."""

    prefix: str
    text: str | None

    def written(self, text: str) -> str:
        """The same with another text."""
        return self.prefix + binascii.b2a_base64(text.encode(), newline=False).decode()


def declared(block: Mapping[str, Any], name: str) -> str | None:
    """The media type of base64 in this field, "" if none is given; None where there should be no base64."""
    if name in ("file_data", "bytes"):  # Bedrock's: {"document": {"format": "csv", "source": {"bytes": ...}}}
        return ""
    if name == "result" and block.get("type") == "image_generation_call":
        return "image"
    if name != "data" or block.get("type") == "text":
        return None
    if isinstance(block.get("format"), str):  # OpenAI's input_audio
        return "audio"
    return next((str(block[field]) for field in _TYPES if isinstance(block.get(field), str)), None)


def read(text: str, media_type: str | None) -> Attachment | None:
    """The attachment that a string is: a data URL, or base64 of `media_type`. None if it is plain text."""
    found = _DATA_URL.match(text) if text.startswith("data:") else None
    if found is None and media_type is None:
        return None
    prefix = found[0] if found else ""
    kind = (found["type"] if found else media_type) or ""
    if len(text) <= MAX_READ_CHARACTERS and not _BINARY.match(kind.lower()):
        plain = _plain(text[len(prefix) :])
        if plain is not None:
            return Attachment(prefix, plain)
    return Attachment(prefix, None) if _looks_encoded(text) else None


def _plain(encoded: str) -> str | None:
    try:
        data = encoded.encode("ascii").translate(_URL_SAFE, b"\r\n")
        text = binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True).decode()
    except ValueError:  # not ASCII, not base64, not UTF-8
        return None
    return None if _UNPRINTABLE.search(text) else text


def _looks_encoded(text: str) -> bool:
    """No more than a glance: prose and code have blanks."""
    return len(text) >= MIN_MEDIA_CHARACTERS and text.isascii() and " " not in text
