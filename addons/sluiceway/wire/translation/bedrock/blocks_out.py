"""Writes content blocks of Converse from neutral parts (AWS, Bedrock API reference, ContentBlock)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluiceway.wire.translation.ids import RESPONSES_LENGTH, fitted_id
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Document,
    Image,
    Media,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.renaming import Names, wrapped

ID_LENGTH = RESPONSES_LENGTH  # 64 here, too
CACHE_POINT: Mapping[str, Any] = {"cachePoint": {"type": "default"}}
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_ODD = re.compile(r"[^a-zA-Z0-9\s\-()\[\]]|\s{2,}")
_NAME_LENGTH = 200
_WITH_A_DOCUMENT = "(The document is part of this message.)"
_NOTHING = "(The tool gave nothing.)"


class Blocks:
    """Writes the blocks of one request. `thinks`: the model is a Claude, which reads its own thoughts."""

    def __init__(self, names: Names, thinks: bool, caches: bool, losses: Losses) -> None:
        self._names, self._thinks, self._caches, self._losses = names, thinks, caches, losses
        self._documents = 0

    def of(self, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
        """The blocks of a turn. Bedrock wants words beside a document."""
        blocks: list[dict[str, Any]] = []
        for part in parts:
            block = {"text": part.text} if isinstance(part, Text) else self._block(part)
            if block is not None:
                blocks.append(block)
                if self._caches and getattr(part, "cache", None):
                    blocks.append(dict(CACHE_POINT))
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            blocks.append({"text": _WITH_A_DOCUMENT})
        return blocks

    def _block(self, part: Part) -> dict[str, Any] | None:
        match part:
            case ToolCall():
                arguments = object_of(wrapped(part.arguments) if part.custom else part.arguments)
                given = fitted_id(part.id, ID_LENGTH)
                call = {"toolUseId": given, "name": self._names.of(part.name), "input": arguments}
                return {"toolUse": call}
            case ToolResult():
                return self._result(part)
            case Thinking():
                return self._thinking(part)
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Media():
                self._losses.need("messages: sound or film", "the model's vendor decides what it takes there")
        return None

    def _result(self, result: ToolResult) -> dict[str, Any]:
        parts = tuple(part for part in result.parts if not isinstance(part, Text) or part.text.strip())
        content = [
            block
            for part in parts
            if (block := {"text": part.text} if isinstance(part, Text) else self._block(part)) is not None
        ]
        told: dict[str, Any] = {
            "toolUseId": fitted_id(result.id, ID_LENGTH),
            "content": content or [{"text": _NOTHING}],
        }
        return {"toolResult": told | ({"status": "error"} if result.is_error else {})}

    def _thinking(self, thinking: Thinking) -> dict[str, Any] | None:
        if self._thinks and thinking.vendor == "anthropic":
            if thinking.redacted is not None:
                return {"reasoningContent": {"redactedContent": thinking.redacted}}
            if thinking.signature:
                said = {"text": thinking.text, "signature": thinking.signature}
                return {"reasoningContent": {"reasoningText": said}}
        self._losses.drop("messages: thinking", "only the vendor whose model thought it can read it")
        return None

    def _image(self, image: Image) -> dict[str, Any] | None:
        form = _IMAGES.get(image.media_type or "")
        if image.data is None:
            self._losses.need("messages: image by its URL", "Bedrock does not fetch it")
        elif form is None:
            self._losses.need("messages: image", "Bedrock takes JPEG, PNG, GIF and WebP")
        else:
            return {"image": {"format": form, "source": {"bytes": image.data}}}
        return None

    def _document(self, document: Document) -> dict[str, Any] | None:
        self._documents += 1
        name = _ODD.sub(" ", document.title or "").strip()[: _NAME_LENGTH - 8]
        told: dict[str, Any] = {"name": f"{name or 'document'} {self._documents}"}
        if document.text is not None:
            return {"document": told | {"format": "txt", "source": {"text": document.text}}}
        form = _DOCUMENTS.get(document.media_type)
        if document.data is None:
            self._losses.need("messages: document by its URL", "Bedrock does not fetch it")
        elif form is None:
            self._losses.need("messages: document", "Bedrock takes PDF, Office, CSV, HTML and plain text")
        else:
            return {"document": told | {"format": form, "source": {"bytes": document.data}}}
        return None
