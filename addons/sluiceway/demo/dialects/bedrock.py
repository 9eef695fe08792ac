"""Bedrock's runtime as its reference describes it: Converse and InvokeModel, whole or in frames, counting.

The models are Claude's, whose prompts are counted and cached as in Anthropic's own API, and for InvokeModel
one that takes Llama's body and one that takes Cohere's texts, whose usage only the headers tell.
"""

from __future__ import annotations

import re

import orjson

from sluiceway.demo import answers
from sluiceway.demo.counting import prompt_tokens, tokens
from sluiceway.demo.dialects import anthropic
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.vectors import vector
from sluiceway.wire.bedrock_invoke_stream import chunk_of
from sluiceway.wire.eventstream import CONTENT_TYPE, render
from sluiceway.wire.sse import data_of

METRICS = "amazon-bedrock-invocationMetrics"
_PATH = re.compile(r"/model/(?P<model>.+)/(?P<method>[a-z-]+)")
_UNKNOWN = re.compile(r"no-such|does-not-exist|unknown")
_DEFAULT_TOKENS = 4096
_BARE = re.compile(r".*anthropic\.|-v\d+(:\d+)?$")  # an answer names its model without profile and version
_STOPS = {"end_turn": "end_turn", "max_tokens": "max_tokens", "tool_use": "tool_use"}


def call(asked: Asked, memory: Memory) -> Reply:
    """POST /model/{modelId}/{operation}."""
    found = _PATH.fullmatch(asked.path)
    function = _METHODS.get(found["method"]) if found else None
    if found is None or function is None:
        raise Rejected(404, "Unable to determine service/operation name to be authorized")
    if _UNKNOWN.search(found["model"]):
        raise Rejected(400, "The provided model identifier is invalid.")
    return function(asked, memory, found["model"], body_of(asked))


def _converse(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    message, usage = anthropic.message_for(asked, memory, _as_messages(body, model))
    answer = {
        "output": {"message": {"role": "assistant", "content": [_block(b) for b in message["content"]]}},
        "stopReason": _STOPS[message["stop_reason"]],
        "usage": usage_of(usage),
        "metrics": {"latencyMs": 42},
    }
    return _reply(asked, model, usage_of(usage), body=orjson.dumps(answer))


def _converse_stream(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    message, usage = anthropic.message_for(asked, memory, _as_messages(body, model))
    events = [render({"role": "assistant", "p": "abcd"}, "messageStart")]
    for index, block in enumerate(message["content"]):
        events += _block_frames(index, block, asked.events)
    events.append(render({"stopReason": _STOPS[message["stop_reason"]]}, "messageStop"))
    end: Json = {"usage": usage_of(usage), "metrics": {"latencyMs": 42}, "p": "abcdefghij"}
    return _reply(asked, model, usage_of(usage), events=[*events, render(end, "metadata")])


def _invoke(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    if "anthropic_version" in body:
        message, usage = anthropic.message_for(asked, memory, {**body, "model": _BARE.sub("", model)})
        return _reply(asked, model, usage_of(usage), body=orjson.dumps(message), counted=True)
    if "texts" in body:
        vectors = [vector(text.encode(), 16) for text in body["texts"]]
        usage = {"inputTokens": tokens(sum(len(text.encode()) for text in body["texts"])), "outputTokens": 0}
        answer: Json = {"embeddings": vectors, "id": new_id(""), "response_type": "embeddings_floats"}
        return _reply(asked, model, usage, body=orjson.dumps(answer), counted=True)
    written, usage = _generation(asked, body)
    answer = {"generation": written.text, "stop_reason": "length" if written.truncated else "stop"}
    answer |= {"prompt_token_count": usage["inputTokens"], "generation_token_count": usage["outputTokens"]}
    return _reply(asked, model, usage, body=orjson.dumps(answer), counted=True)


def _invoke_stream(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    if "anthropic_version" in body:
        message, usage = anthropic.message_for(asked, memory, {**body, "model": _BARE.sub("", model)})
        chunks = [orjson.loads(data_of(event)) for event in anthropic.events(message, asked.events)]
        counts = usage_of(usage)
    else:
        written, counts = _generation(asked, body)
        chunks = [{"generation": piece} for piece in answers.pieces(written.text, asked.events)]
        chunks.append({"generation": "", "stop_reason": "stop"})
    chunks[-1][METRICS] = {
        **{name.removesuffix("Tokens") + "TokenCount": count for name, count in counts.items()},
        "invocationLatency": 42,
        "firstByteLatency": 20,
    }
    return _reply(asked, model, counts, events=[chunk_of(chunk) for chunk in chunks])


def _count(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    messages = _as_messages((body.get("input") or {}).get("converse") or {}, model)
    count = prompt_tokens(block for block, _ in anthropic.prompt_blocks(messages))
    return _reply(asked, model, None, body=orjson.dumps({"inputTokens": count}))


_METHODS = {
    "converse": _converse,
    "converse-stream": _converse_stream,
    "invoke": _invoke,
    "invoke-with-response-stream": _invoke_stream,
    "count-tokens": _count,
}


def usage_of(usage: Json) -> Json:
    """Anthropic's counts in AWS's words."""
    counts = {
        "inputTokens": usage["input_tokens"],
        "outputTokens": usage["output_tokens"],
        "cacheReadInputTokens": usage["cache_read_input_tokens"],
        "cacheWriteInputTokens": usage["cache_creation_input_tokens"],
    }
    return {**counts, "totalTokens": sum(counts.values())}


def _generation(asked: Asked, body: Json) -> tuple[answers.Written, Json]:
    if not isinstance(body.get("prompt"), str):
        raise Rejected(400, "Malformed input request: #: required key [prompt] not found")
    limit = body.get("max_gen_len", 512)
    written = answers.write(asked.raw, wanted=asked.wanted, limit=limit, thinks=False)
    return written, {
        "inputTokens": tokens(len(body["prompt"].encode())),
        "outputTokens": written.output_tokens,
    }


def _as_messages(body: Json, model: str) -> Json:
    """A Converse request as one of Anthropic's."""
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        raise Rejected(400, "messages: at least one message is required")
    config = body.get("inferenceConfig") or {}
    tools = [
        tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools") or () if "toolSpec" in tool
    ]
    return {
        "model": model,
        "max_tokens": config.get("maxTokens", _DEFAULT_TOKENS),
        "messages": [{"role": m["role"], "content": _blocks(m["content"])} for m in body["messages"]],
        "system": _blocks(body.get("system") or []),
        "tools": [{"name": tool["name"], "input_schema": tool["inputSchema"]["json"]} for tool in tools],
        "thinking": (body.get("additionalModelRequestFields") or {}).get("thinking"),
    }


def _blocks(content: list[Json]) -> list[Json]:
    found: list[Json] = []
    for block in content:
        if "cachePoint" in block and found:
            ttl = block["cachePoint"].get("ttl", "5m")
            found[-1] = {**found[-1], "cache_control": {"type": "ephemeral", "ttl": ttl}}
        elif "toolResult" in block:
            inner = _blocks(block["toolResult"]["content"])
            found.append({"type": "tool_result", "content": inner})
        elif "text" in block:
            found.append({"type": "text", "text": block["text"]})
        else:
            found.append({"type": "image"} if "image" in block or "document" in block else block)
    return found


def _block(block: Json) -> Json:
    if block["type"] == "tool_use":
        return {"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}}
    if block["type"] == "thinking":
        text = {"text": block["thinking"], "signature": block["signature"]}
        return {"reasoningContent": {"reasoningText": text}}
    return {"text": block["text"]}


def _block_frames(index: int, block: Json, count: int | None) -> list[bytes]:
    at, frames = {"contentBlockIndex": index}, []
    if block["type"] == "tool_use":
        start = {"toolUse": {"toolUseId": block["id"], "name": block["name"]}}
        frames.append(render({**at, "start": start}, "contentBlockStart"))
        text = orjson.dumps(block["input"]).decode()
        deltas: list[Json] = [{"toolUse": {"input": piece}} for piece in answers.pieces(text, count)]
    elif block["type"] == "thinking":
        deltas = [{"reasoningContent": {"text": piece}} for piece in answers.pieces(block["thinking"], None)]
        deltas.append({"reasoningContent": {"signature": block["signature"]}})
    else:
        deltas = [{"text": piece} for piece in answers.pieces(block["text"], count)]
    frames += [render({**at, "delta": delta, "p": "abc"}, "contentBlockDelta") for delta in deltas]
    return [*frames, render(at, "contentBlockStop")]


def _reply(
    asked: Asked,
    model: str,
    usage: Json | None,
    *,
    body: bytes = b"",
    events: list[bytes] | None = None,
    counted: bool = False,
) -> Reply:
    """`counted`: the headers say the usage, as InvokeModel's do."""
    request_id = new_id("")
    headers = answer_headers("bedrock", request_id, asked.now)
    if counted and usage is not None:
        headers += tuple((_HEADERS[name], str(usage[name])) for name in _HEADERS if name in usage)
    kind = "application/json" if events is None else CONTENT_TYPE
    return Reply(
        200, request_id, headers, content_type=kind, body=body, events=events, usage=usage, model=model
    )


_HEADERS = {
    "inputTokens": "x-amzn-bedrock-input-token-count",
    "outputTokens": "x-amzn-bedrock-output-token-count",
    "cacheReadInputTokens": "x-amzn-bedrock-cache-read-input-token-count",
    "cacheWriteInputTokens": "x-amzn-bedrock-cache-write-input-token-count",
}
