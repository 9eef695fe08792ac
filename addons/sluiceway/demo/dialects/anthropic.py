"""Anthropic's Messages API as its reference describes it: messages, streams, count_tokens, prompt caching."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha512
from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.answers import Written
from sluiceway.demo.counting import ROLE_BYTES, block_bytes, parts, prompt_tokens
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id, sse
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.prompt_cache import MINIMUM_TOKENS, PromptCache, prefixes
from sluiceway.demo.tools import Tool, ToolCall, call_for, example, quoted

Marked = tuple[bytes, str | None]  # a block of the prompt, and its cache mark's lifetime
_ROLES = ("user", "assistant", "system")
_LIFETIMES_S = {"5m": 300.0, "1h": 3600.0}


def messages(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/messages."""
    body = _checked(asked, "model", "max_tokens", "messages")
    message, usage = message_for(asked, memory, body)
    return reply(asked, message, usage, stream=body.get("stream") is True)


def message_for(asked: Asked, memory: Memory, body: Json) -> tuple[Json, Json]:
    """The message that answers a body, and its usage; other clouds' dialects of it answer so too."""
    model = models.dated(body["model"])
    marked = prompt_blocks(body)
    written = answers.write(
        asked.raw,
        wanted=asked.wanted,
        limit=body["max_tokens"],
        thinks=_thinks(body),
        call=_call(body),
        fixed=_fixed(body) or (quoted(_results(body)) if asked.wanted is None else None),
    )
    usage = _usage(memory.prompts, f"{asked.account} {model}", marked, written)
    message: Json = {
        "model": model,
        "id": new_id("msg_01"),
        "type": "message",
        "role": "assistant",
        "content": _content(written),
        "stop_reason": "tool_use" if written.call else "max_tokens" if written.truncated else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    return message, usage


def count_tokens(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/messages/count_tokens: the same count, and free of charge."""
    return counted(asked, _checked(asked, "model", "messages"))


def counted(asked: Asked, body: Json) -> Reply:
    """The count of a body that was checked."""
    count = prompt_tokens(block for block, _ in prompt_blocks(body))
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps({"input_tokens": count}), model=body["model"])


def _checked(asked: Asked, *required: str) -> Json:
    if not asked.headers.get("anthropic-version"):
        raise Rejected(400, "anthropic-version: header is required")
    body = body_of(asked)
    for name in required:
        if name not in body:
            raise Rejected(400, f"{name}: Field required")
    if not isinstance(body["model"], str) or not models.knows(asked.provider, body["model"]):
        raise Rejected(404, f"model: {body['model']}")
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise Rejected(400, "messages: at least one message is required")
    if any(not isinstance(item, dict) or item.get("role") not in _ROLES for item in body["messages"]):
        raise Rejected(400, "messages: each needs a role and content")
    _check_limits(body)
    return body


def _check_limits(body: Json) -> None:
    limit = body.get("max_tokens", 1)
    if not isinstance(limit, int) or limit < 1:
        raise Rejected(400, "max_tokens: must be greater than or equal to 1")
    budget = (body.get("thinking") or {}).get("budget_tokens")
    if budget is not None and limit <= budget and "max_tokens" in body:
        raise Rejected(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")


def prompt_blocks(body: Json) -> list[Marked]:
    """The prompt in the order the cache sees it: tools, system, messages."""
    found = [(block_bytes(tool), _lifetime(tool)) for tool in body.get("tools") or ()]
    if body.get("system"):
        found += _message("system", body["system"])
    for message in body["messages"]:
        found += _message(message["role"], message.get("content"))
    if body.get("cache_control"):  # on the request itself: marks the last block
        found[-1] = (found[-1][0], _lifetime(body))
    return found


def _message(role: str, content: Any) -> list[Marked]:
    head: Marked = (role.encode().ljust(ROLE_BYTES), None)
    return [head, *((block_bytes(part), _lifetime(part)) for part in parts(content))]


def _lifetime(part: Any) -> str | None:
    mark = part.get("cache_control") if isinstance(part, dict) else None
    return str(mark.get("ttl", "5m")) if isinstance(mark, dict) else None


def _thinks(body: Json) -> bool:
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")


def _call(body: Json) -> ToolCall | None:
    choice = body.get("tool_choice") or {"type": "auto"}
    if choice.get("type") == "none":
        return None
    forced = choice.get("name") or choice.get("type") == "any"
    tools = [Tool(tool["name"], tool.get("input_schema") or {}) for tool in body.get("tools") or ()]
    last = [part for part in _last_parts(body) if _is_text(part)]
    text = " ".join(part if isinstance(part, str) else part["text"] for part in last)
    return call_for(tools, text, forced=forced)


def _last_parts(body: Json) -> list[Any]:
    """What was said last. Claude Code puts a message of the role `system` behind its user's."""
    said = [message for message in body["messages"] if message["role"] != "system"]
    return parts(said[-1].get("content")) if said else []


def _results(body: Json) -> list[str]:
    found = [
        part for part in _last_parts(body) if isinstance(part, dict) and part.get("type") == "tool_result"
    ]
    inner = [piece for part in found for piece in parts(part.get("content"))]
    return [piece if isinstance(piece, str) else str(piece.get("text", "")) for piece in inner]


def _fixed(body: Json) -> str | None:
    """An answer that fits the schema that was asked for."""
    form = (body.get("output_config") or {}).get("format") or {}
    return orjson.dumps(example(form.get("schema"))).decode() if form.get("type") == "json_schema" else None


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and isinstance(part.get("text"), str))


def _usage(cache: PromptCache, owner: str, marked: list[Marked], written: Written) -> Json:
    read, fresh = _cached(cache, owner, marked)
    details = {"thinking_tokens": written.reasoning_tokens}
    return {
        "input_tokens": prompt_tokens(block for block, _ in marked) - read - sum(fresh.values()),
        "cache_creation_input_tokens": sum(fresh.values()),
        "cache_read_input_tokens": read,
        "cache_creation": {f"ephemeral_{lifetime}_input_tokens": count for lifetime, count in fresh.items()},
        "output_tokens": written.output_tokens,
        **({"output_tokens_details": details} if written.reasoning_tokens else {}),
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def _cached(cache: PromptCache, owner: str, marked: list[Marked]) -> tuple[int, dict[str, int]]:
    """Tokens read from the cache, and tokens written to it by lifetime.

    A mark writes everything up to it that no earlier mark covers; reading finds the longest prefix that
    any mark wrote before, wherever the marks are now (Anthropic looks back from each mark).
    """
    fresh = dict.fromkeys(_LIFETIMES_S, 0)
    if not any(lifetime for _, lifetime in marked):
        return 0, fresh
    whole = prefixes(owner, (block for block, _ in marked))
    marks = [
        (prefix, lifetime)
        for prefix, (_, lifetime) in zip(whole, marked, strict=True)
        if lifetime in _LIFETIMES_S and prefix.tokens >= MINIMUM_TOKENS
    ]
    if not marks:
        return 0, fresh
    covered = read = cache.longest(prefix for prefix in whole if prefix.tokens <= marks[-1][0].tokens)
    for prefix, lifetime in marks:
        fresh[str(lifetime)] += max(prefix.tokens - covered, 0)
        covered = max(covered, prefix.tokens)
        cache.remember(prefix, _LIFETIMES_S[str(lifetime)])
    return read, fresh


def _content(written: Written) -> list[Json]:
    content: list[Json] = []
    if written.reasoning:
        signature = b64encode(sha512(written.reasoning.encode()).digest()).decode()
        content.append({"type": "thinking", "thinking": written.reasoning, "signature": signature})
    if written.call:
        call = {"name": written.call.name, "input": orjson.loads(written.call.arguments)}
        content.append({"type": "tool_use", "id": new_id("toolu_01"), **call})
    elif written.text or not content:
        content.append({"type": "text", "text": written.text})
    return content


def reply(asked: Asked, message: Json, usage: Json, *, stream: bool) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    model = message["model"]
    if not stream:
        return Reply(200, request_id, headers, body=orjson.dumps(message), usage=usage, model=model)
    stream_events = events(message, asked.events)
    kind = "text/event-stream; charset=utf-8"
    return Reply(200, request_id, headers, content_type=kind, events=stream_events, usage=usage, model=model)


def events(message: Json, count: int | None) -> list[bytes]:
    """The whole stream; message_delta carries the final usage, cumulative."""
    content, usage = message["content"], message["usage"]
    start = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    start["usage"].pop("output_tokens_details", None)
    frames = [sse("message_start", {"type": "message_start", "message": start})]
    for index, block in enumerate(content):
        frames += _block_events(index, block, count)
        if index == 0:
            frames.insert(2, sse("ping", {"type": "ping"}))
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    final = {key: value for key, value in usage.items() if key in _FINAL_USAGE}
    frames.append(sse("message_delta", {"type": "message_delta", "delta": ended, "usage": final}))
    frames.append(sse("message_stop", {"type": "message_stop"}))
    return frames


_FINAL_USAGE = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
)


def _block_events(index: int, block: Json, count: int | None) -> list[bytes]:
    kind = block["type"]
    if kind == "tool_use":
        empty = block | {"input": {}}
        deltas = _deltas(
            index, "input_json_delta", "partial_json", orjson.dumps(block["input"]).decode(), count
        )
    elif kind == "thinking":
        empty = block | {"thinking": "", "signature": ""}
        deltas = _deltas(index, "thinking_delta", "thinking", block["thinking"], None)
        signed = {"type": "signature_delta", "signature": block["signature"]}
        deltas.append(_event("content_block_delta", index, delta=signed))
    else:
        empty = block | {"text": ""}
        deltas = _deltas(index, "text_delta", "text", block["text"], count)
    start = _event("content_block_start", index, content_block=empty)
    return [start, *deltas, _event("content_block_stop", index)]


def _event(name: str, index: int, **values: Json) -> bytes:
    return sse(name, {"type": name, "index": index, **values})


def _deltas(index: int, kind: str, field: str, text: str, count: int | None) -> list[bytes]:
    head = (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
        % (index, kind.encode(), field.encode())
    )
    return [head + piece + b"}}\n\n" for piece in answers.quoted(text, count)]
