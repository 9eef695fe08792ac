"""Notices: answers of our own in the assistant's place, such that each provider's clients show them as its.

Nothing was asked of the provider, so no token is used. `created` is 0 where a provider would tell the time.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import orjson

from sluiceway.types import ErrorAnswer, Refusal, RefusalKind
from sluiceway.wire.dialect import Reading
from sluiceway.wire.fields import flag, mapping
from sluiceway.wire.openai_responses_end import Ending
from sluiceway.wire.sse import render

_NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
_NO_RESPONSE_TOKENS = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}


def refusal(text: str) -> Refusal:
    """The notice where no assistant would answer."""
    return Refusal(RefusalKind.POLICY, "notice", text)


def anthropic(reading: Reading, text: str, request_id: str) -> ErrorAnswer:
    """A Message that ends its turn."""
    block = {"type": "text", "text": text}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"input_tokens": 0, "output_tokens": 0}
    message = {
        "id": f"msg_{request_id}",
        "type": "message",
        "role": "assistant",
        "model": reading.call.model,
        "content": [block],
        **end,
        "usage": usage,
    }
    if not reading.call.stream:
        return _document(message)
    begun = {**message, "content": [], "stop_reason": None}
    delta = {"type": "text_delta", "text": text}
    return _stream(
        _named("message_start", message=begun),
        _named("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _named("content_block_delta", index=0, delta=delta),
        _named("content_block_stop", index=0),
        _named("message_delta", delta=end, usage=usage),
        _named("message_stop"),
    )


def chat(reading: Reading, text: str, request_id: str) -> ErrorAnswer:
    """A completion whose every choice says the text. A stream tells usage only to a client that asked."""
    base = {"id": f"chatcmpl-{request_id}", "created": 0, "model": reading.call.model}
    choices = range(reading.call.choices)
    if not reading.call.stream:
        message = {"role": "assistant", "content": text, "refusal": None}
        said = [_choice(index, "stop", message=message) for index in choices]
        return _document({**base, "object": "chat.completion", "choices": said, "usage": _NO_TOKENS})
    base["object"] = "chat.completion.chunk"
    delta = {"role": "assistant", "content": text}
    events = [render({**base, "choices": [_choice(index, None, delta=delta)]}) for index in choices]
    events += [render({**base, "choices": [_choice(index, "stop", delta={})]}) for index in choices]
    options = mapping(reading.document.get("stream_options"))
    if flag(options, "include_usage") and not reading.call.usage_added:
        events.append(render({**base, "choices": [], "usage": _NO_TOKENS}))
    return _stream(*events, b"data: [DONE]\n\n")


def responses(reading: Reading, text: str, request_id: str) -> ErrorAnswer:
    """A completed response with one message."""
    ending = Ending({"id": f"resp_{request_id}"}, reading.call, 0, "completed")
    ending.begin()
    item = ending.new_message(0, text)
    whole = ending.completed([item], _NO_RESPONSE_TOKENS)
    return _stream(ending.events()) if reading.call.stream else _document(whole)


def gemini(reading: Reading, text: str, request_id: str) -> ErrorAnswer:
    """One piece with everything, which is a whole stream too: of events, or else in an array."""
    content = {"parts": [{"text": text}], "role": "model"}
    candidates = [
        {"content": content, "finishReason": "STOP", "index": index} for index in range(reading.call.choices)
    ]
    piece: dict[str, object] = {
        "candidates": candidates,
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0},
        "modelVersion": reading.call.model,
        "responseId": request_id,
    }
    if not reading.call.stream:
        return _document(piece)
    asked = parse_qs(reading.target.query)
    if "sse" in (*asked.get("alt", ()), *asked.get("$alt", ())):
        return _stream(render(piece, line_end=b"\r\n"))
    return _document([piece])


def _choice(index: int, reason: str | None, **said: object) -> dict[str, object]:
    return {"index": index, **said, "logprobs": None, "finish_reason": reason}


def _named(kind: str, **fields: object) -> bytes:
    return render({"type": kind, **fields}, kind)


def _document(body: object) -> ErrorAnswer:
    return ErrorAnswer(200, (("content-type", "application/json"),), orjson.dumps(body))


def _stream(*events: bytes) -> ErrorAnswer:
    return ErrorAnswer(200, (("content-type", "text/event-stream; charset=utf-8"),), b"".join(events))
