"""The official SDKs as judges: their request types of what we send, their clients of what we show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
from anthropic.types import message_count_tokens_params, message_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import TypeAdapter
from request_models import CONVERSE, GEMINI, Judge

REQUESTS: dict[str, TypeAdapter[Any] | Judge] = {
    "anthropic_messages": TypeAdapter(message_create_params.MessageCreateParams),
    "anthropic_count": TypeAdapter(message_count_tokens_params.MessageCountTokensParams),
    "openai_chat": TypeAdapter(completion_create_params.CompletionCreateParams),
    "openai_responses": TypeAdapter(response_create_params.ResponseCreateParams),
    "gemini": GEMINI,
    "bedrock_converse": CONVERSE,
}
# Fields that the SDK's newest types lack and the API takes from older models.
OLD_FIELDS = {"anthropic_messages": {"temperature", "top_p", "top_k"}}


def unread_by(name: str, document: dict[str, Any]) -> list[str]:
    """Which fields of a request the SDK's types do not know. Raises ValidationError for a wrong one."""
    given = {field: value for field, value in document.items() if field not in OLD_FIELDS.get(name, ())}
    return list(_missing(given, _whole(REQUESTS[name].validate_python(given)), ""))


def _whole(value: Any) -> Any:
    """With every lazily checked list read to its end."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return value
    return [_whole(one) for one in value]


def _missing(given: Any, known: Any, where: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                yield f"{where}.{key}"
            else:
                yield from _missing(value, known[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(known, list):
        for number, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from _missing(one, other, f"{where}[{number}]")


def _answering(body: bytes, kind: str, status: int = 200) -> httpx2.Client:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def claude(body: bytes, kind: str = "application/json", status: int = 200) -> anthropic.Anthropic:
    """Anthropic's client, to whom everything answers this."""
    http = _answering(body, kind, status)
    return anthropic.Anthropic(api_key="k", base_url="http://anthropic.test", http_client=http, max_retries=0)


def gpt(body: bytes, kind: str = "application/json", status: int = 200) -> openai.OpenAI:
    """OpenAI's client, to whom everything answers this."""
    http = _answering(body, kind, status)
    return openai.OpenAI(api_key="k", base_url="http://openai.test/v1", http_client=http, max_retries=0)
