"""The OpenAI Chat Completions API, also spoken by Groq, Mistral, DeepSeek, xAI and many servers.

Facts from OpenAI's API reference (Chat: create, streaming chunk object) and the official SDK's models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import deployment, notice, openai_error, wants
from sluiceway.wire.answer_parts import AnswerParts
from sluiceway.wire.answer_parts_chat import chat_parts
from sluiceway.wire.body import read_object
from sluiceway.wire.client import codex_session
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import (
    choices,
    flag,
    label,
    maybe_list,
    maybe_object,
    need_list,
    whole,
)
from sluiceway.wire.openai_chat_stream import ChatMeter, is_usage_chunk, parse_completion
from sluiceway.wire.parts import ASSISTANT, DEFINITION, IDENTIFIER, USER, Path, Segment
from sluiceway.wire.rewrite import asks_less, limited, replaced, with_model
from sluiceway.wire.sse import EventSplitter
from sluiceway.wire.tap import JsonTap, StreamTap, Veil, is_stream
from sluiceway.wire.told import Told
from sluiceway.wire.walk import Parts, segments

_LIMITS = ("max_completion_tokens", "max_tokens")
_PARTS: Parts = {
    "model": IDENTIFIER,
    "messages": USER,
    "prediction": ASSISTANT,
    "tools": DEFINITION,
    "functions": DEFINITION,
    "response_format": DEFINITION,
}


def asking_for_usage(reading: Reading) -> Reading:
    """The request with its stream's usage asked for, and that remembered; the same where it is already."""
    options = maybe_object(reading.document, "stream_options")
    if (
        not reading.call.stream
        or flag(options, "include_usage")
        or not deployment.tells_usage(reading.target)
    ):
        return reading
    asked = {**reading.document, "stream_options": {**options, "include_usage": True}}
    return reading.rewritten(replace(reading.call, usage_added=True), asked)


_SERVER = "x-inference-provider"
_WORD = re.compile(r"[a-z0-9-]{1,40}")


def _served_by(model: str, answer: Answer, server: str) -> Answer:
    """Hugging Face's router chose who serves, at whose price, and says so beside an answer that names the
    model in the server's way (Hugging Face docs, "Inference Providers")."""
    repository, _, _ = model.partition(":")
    if "/" not in repository or not _WORD.fullmatch(server):
        return answer
    return replace(answer, model=f"{repository}:{server}")


class OpenAIChat:
    """The dialect of Chat Completions. A stream reports usage only if asked, so we ask for the client."""

    name = "openai_chat"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        reading = Reading(self._call(document, headers, target), sound, document, target)
        return asking_for_usage(reading) if add_usage else reading

    def _call(self, document: Mapping[str, Any], headers: Mapping[str, str], target: Target) -> Call:
        messages = need_list(document, "messages")
        tools = maybe_list(document, "tools") or maybe_list(document, "functions")
        extent = Extent()
        extent.add(messages)
        extent.add_json(tools)
        extent.add_json(document.get("response_format"))
        limits = [whole(document, name) for name in _LIMITS]
        return Call(
            dialect=self.name,
            operation="chat",
            model=deployment.model_of(document, target),
            stream=flag(document, "stream"),
            max_output_tokens=min((limit for limit in limits if limit is not None), default=None),
            choices=choices(document, "n"),
            has_tools=bool(tools),
            has_images=extent.has_images,
            has_thinking=wants.chat_thinks(document),
            wants_json=wants.json_in(document.get("response_format")),
            service_tier=label(document.get("service_tier"), 64),
            conversation_id=codex_session(headers) or label(document.get("prompt_cache_key")),
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Lowers the field that is there; where there is none, sets `max_completion_tokens`, or `max_tokens`
        for a version of Azure's API that is older than the other name."""
        if asks_less(reading, max_output_tokens, "max_completion_tokens"):
            return reading
        usual = _LIMITS[:1] if deployment.tells_usage(reading.target) else _LIMITS[1:]
        given = [name for name in _LIMITS if reading.document.get(name) is not None] or usual
        return limited(reading, max_output_tokens, dict.fromkeys(given, max_output_tokens))

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, {}, reading.target))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def answer_parts(self, document: object) -> AnswerParts:
        return chat_parts(document)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return notice.chat(reading, text, request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return JsonTap(openai_error.parse_error, generates=False)
        served = partial(_served_by, call.model or "")
        if is_stream(call, content_type):
            veil = Veil(is_usage_chunk) if call.usage_added else None
            return Told(StreamTap(EventSplitter(), ChatMeter(call), veil), _SERVER, served)
        return Told(JsonTap(parse_completion), _SERVER, served)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)
