"""How much of a request is billed as input, in bytes: the base of every estimate before the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

IMAGE_BYTES = 4_500
"""What one image counts: about 1,500 tokens at three bytes each, near the top of what providers bill."""
LONG_WORD = 48
_ASCII = bytes(range(128))
_NEVER_SEEN = frozenset({"audio", "text"})
_NOT_BILLED = frozenset({"signature", "thoughtSignature", "thought_signature", "cache_control"})
_FILE_NAMES = frozenset({"fileUri", "file_uri"})
_REFERENCE_NAMES = _FILE_NAMES | {"url", "image_url", "file_id", "file_data", "file_url"}
_REFERENCE_TYPES = frozenset({"url", "file", "image_url", "input_image", "input_file"})
_DATA_URL = re.compile(r"data:([a-z]+)/[\w.+-]+(?:;[\w=.+-]+)*;base64,", re.ASCII)


@dataclass(slots=True)
class Extent:
    """UTF-8 bytes billed as input. `dense_bytes`, part of `input_bytes`, is what tokenises worse than plain
    prose: everything outside ASCII, and words of more than 48 characters (hex, base64, minified code).
    `has_images`: pictures are among it, or documents and files, which may hold some."""

    input_bytes: int = 0
    dense_bytes: int = 0
    has_images: bool = False

    def add(self, value: Any) -> None:
        """Counts every string in `value`. An image counts 4,500 bytes however large its base64 is; other
        media (PDF, audio) a quarter of theirs, at least as much as an image."""
        if isinstance(value, str):
            self._text(value)
        elif isinstance(value, list):
            for item in value:
                self.add(item)
        elif isinstance(value, dict):
            self._object(value)

    def add_json(self, value: Any) -> None:
        """Counts `value` as the JSON text it is shown to the model as (tool definitions, schemas)."""
        if not value:
            return
        text = orjson.dumps(value)
        self.input_bytes += len(text)
        if not text.isascii():
            self.dense_bytes += len(text.translate(None, _ASCII))

    def add_media(self, kind: str, base64_bytes: int) -> None:
        """Counts one attachment of `base64_bytes`; `kind` is the first half of its media type."""
        self.has_images = self.has_images or kind not in _NEVER_SEEN
        self.input_bytes += IMAGE_BYTES if kind == "image" else max(IMAGE_BYTES, base64_bytes // 4)

    def _object(self, value: dict[str, Any]) -> None:
        data = value.get("data")
        media_type = value.get("media_type") or value.get("mimeType") or value.get("mime_type")
        if isinstance(data, str) and value.get("type") != "text":
            if isinstance(media_type, str):
                return self.add_media(media_type.partition("/")[0], len(data))
            if isinstance(value.get("format"), str):  # OpenAI's input_audio
                return self.add_media("audio", len(data))
        for name, child in value.items():
            self.has_images = self.has_images or name == "image_url"
            if name in _REFERENCE_NAMES and isinstance(child, str):
                kind = media_type.partition("/")[0] if isinstance(media_type, str) else "file"
                told = value.get("type")
                attached = name in _FILE_NAMES or (isinstance(told, str) and told in _REFERENCE_TYPES)
                self._reference(child, attached, kind)
            elif name not in _NOT_BILLED:
                self.add(child)
        return None

    def _reference(self, text: str, attached: bool, kind: str) -> None:
        """An attachment as a data URL, or named by URL or id: its size is unknown, so it counts as an image.
        Elsewhere (a tool's argument called `url`) it is text."""
        found = _DATA_URL.match(text)
        if found:
            self.add_media(found[1], len(text))
        elif attached:
            self.add_media(kind, 0)
        else:
            self._text(text)

    def _text(self, text: str) -> None:
        if not text.isascii():
            encoded = text.encode()
            self.input_bytes += len(encoded)
            self.dense_bytes += len(encoded.translate(None, _ASCII))
            return
        size = len(text)
        self.input_bytes += size
        # Splitting is worth its time only where blanks are rarer than in any prose or code.
        if size > LONG_WORD and (text.count(" ") + text.count("\n")) * 12 < size:
            self.dense_bytes += sum(len(part) for part in text.split() if len(part) > LONG_WORD)


def text_bytes(value: Any) -> int:
    """The UTF-8 bytes of every string in a part of an answer, media as in Extent."""
    extent = Extent()
    extent.add(value)
    return extent.input_bytes
