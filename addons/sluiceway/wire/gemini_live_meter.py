"""What Gemini's Live API says of a turn: its parts while it speaks, and the usage at its end.

`usageMetadata` counts everything the model had in its context for the turn, which is what is billed, and
comes with the turn's last message or close to it; within a turn the last one counts (Live API, "Token count";
pricing page).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import Answer, Usage
from sluiceway.wire.extent import IMAGE_BYTES, text_bytes
from sluiceway.wire.fields import items, mapping, total
from sluiceway.wire.gemini_stream import searches_billed, told_of_kind, usage_of

# 25 tokens a second of audio, heard at 32,000 bytes and spoken at 48,000, both as base64; 258 tokens a
# picture (Gemini docs, "Understand and count tokens"). Estimates count three bytes a token.
_HEARD_BYTES_PER_TOKEN, _SAID_BYTES_PER_TOKEN = 1706, 2560
_PICTURE_BYTES = 258 * 3
_BYTES_PER_TOKEN = 3
_NAMES = {
    "prompt_token_count": "promptTokenCount",
    "cached_content_token_count": "cachedContentTokenCount",
    "tool_use_prompt_token_count": "toolUsePromptTokenCount",
    "thoughts_token_count": "thoughtsTokenCount",
    "total_token_count": "totalTokenCount",
    "prompt_tokens_details": "promptTokensDetails",
    "response_token_count": "candidatesTokenCount",
    "responseTokenCount": "candidatesTokenCount",
    "response_tokens_details": "candidatesTokensDetails",
    "responseTokensDetails": "candidatesTokensDetails",
}


def heard_bytes(message: Mapping[str, Any]) -> int:
    """A `realtimeInput` as the bytes of a text of as many tokens."""
    chunks = [message.get("audio"), message.get("video")]
    chunks += items(message.get("mediaChunks") or message.get("media_chunks"))
    total = text_bytes(message.get("text"))
    for blob in map(mapping, chunks):
        data = blob.get("data")
        kind = str(blob.get("mimeType") or blob.get("mime_type") or "audio/")
        if isinstance(data, str) and data:
            total += _tokens_as_bytes(len(data), _HEARD_BYTES_PER_TOKEN) if kind.startswith("audio") else 0
            total += 0 if kind.startswith("audio") else _PICTURE_BYTES
    return total


def speaks(content: Mapping[str, Any]) -> bool:
    """Whether the model answers here; that it was heard, or was interrupted, is no answer."""
    said = mapping(either(content, "modelTurn", "model_turn"))
    return bool(items(said.get("parts")) or either(content, "outputTranscription", "output_transcription"))


def either(document: Mapping[str, Any], camel: str, snake: str) -> Any:
    """A field in either of the spellings that Google's JSON has."""
    return document[camel] if camel in document else document.get(snake)


def _tokens_as_bytes(base64_bytes: int, bytes_per_token: int) -> int:
    return -(-base64_bytes * _BYTES_PER_TOKEN // bytes_per_token)


class LiveMeter:
    """Meters one turn. It is over when the model has finished, or waits for a tool, and told its usage."""

    def __init__(self, model: str | None) -> None:
        self._model = model
        self._usage: Mapping[str, Any] = {}
        self._searches = 0
        self._output_bytes = 0
        self._finished = False

    def message(self, content: Mapping[str, Any], tools: Mapping[str, Any], usage: Mapping[str, Any]) -> bool:
        """One of the provider's messages; whether the turn is over with it."""
        for part in items(mapping(either(content, "modelTurn", "model_turn")).get("parts")):
            self._part(mapping(part))
        self._output_bytes += text_bytes(either(tools, "functionCalls", "function_calls"))
        grounds = mapping(either(content, "groundingMetadata", "grounding_metadata"))
        queries = items(either(grounds, "webSearchQueries", "web_search_queries"))
        self._searches = max(self._searches, searches_billed(self._model, len(queries)))
        if usage:
            self._usage = {_NAMES.get(name, name): value for name, value in usage.items()}
        if tools or either(content, "turnComplete", "turn_complete") is True:
            self._finished = True
        elif speaks(content):
            self._finished = False  # the tool's result came before the usage: it is one turn
        return self._finished and bool(self._usage)

    def _part(self, part: Mapping[str, Any]) -> None:
        blob = mapping(part.get("inlineData") or part.get("inline_data"))
        data = blob.get("data")
        if isinstance(data, str):
            is_audio = str(blob.get("mimeType") or blob.get("mime_type")).startswith("audio")
            self._output_bytes += (
                _tokens_as_bytes(len(data), _SAID_BYTES_PER_TOKEN) if is_audio else IMAGE_BYTES
            )
        else:
            self._output_bytes += text_bytes(dict(part))

    def answer(self) -> Answer:
        usage = usage_of(self._usage, self._finished, self._searches) if self._usage else Usage()
        seen = self._usage.get("promptTokensDetails")
        return Answer(
            # It draws nothing, and a camera's frames cost what images do. (Gemini API, Pricing, Live API)
            usage=replace(
                usage,
                image_tokens=None,
                image_input_tokens=total(told_of_kind(seen, "IMAGE"), told_of_kind(seen, "VIDEO")),
            ),
            model=self._model,
            complete=self._finished,
            output_bytes=self._output_bytes,
        )
