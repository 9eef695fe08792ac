"""Gemini's API as its reference describes it: generate, stream (SSE or a JSON array), count and embed.

Fields are read in camel case and in snake case, as Google's JSON parser takes both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.answers import Written
from sluiceway.demo.counting import block_bytes, message_blocks, parts, prompt_tokens, tokens
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.prompt_cache import automatic
from sluiceway.demo.strict import signature_of
from sluiceway.demo.tools import Tool, ToolCall, call_for, example, quoted
from sluiceway.demo.vectors import vector

_PATH = re.compile(r"/(v1|v1beta|v1alpha)/models/([^/:]+):(\w+)")
_THINKS = re.compile(r"gemini-(2\.5-(pro|flash)(?!-lite)|[3-9])")
_JSON = "application/json; charset=UTF-8"


def call(asked: Asked, memory: Memory) -> Reply:
    """POST /v1beta/models/{model}:{method}."""
    found = _PATH.fullmatch(asked.path)
    version, model, method = found.groups() if found else ("", "", "")
    function = _METHODS.get(method)
    if function is None or not models.knows("gemini", model):
        message = f"models/{model} is not found for API version {version}, or is not supported for {method}."
        raise Rejected(404, message)
    return function(asked, memory, model, body_of(asked))


def _generate(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    answer, usage, _ = _answer(asked, memory, model, body)
    return _reply(asked, model, usage, body=orjson.dumps(answer))


def _stream(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    answer, usage, written = _answer(asked, memory, model, body)
    chunks = _chunks(answer, written, asked.events)
    if asked.query.get("alt") == "sse":
        events = [b"data: " + chunk + b"\r\n\r\n" for chunk in chunks]
        return _reply(asked, model, usage, events=events, content_type="text/event-stream")
    events = [(b",\r\n" if index else b"[") + chunk for index, chunk in enumerate(chunks)]
    events[-1] += b"]"
    return _reply(asked, model, usage, events=events)


def _count(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    count = prompt_tokens(_blocks(_get(body, "generateContentRequest") or body))
    answer = {"totalTokens": count, "promptTokensDetails": _by_modality(count)}
    return _reply(asked, model, None, body=orjson.dumps(answer))


def _embed(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    values, count = _embedding(body)
    usage = {"promptTokenCount": count}
    answer = {"embedding": {"values": values}, "usageMetadata": usage}
    return _reply(asked, model, usage, body=orjson.dumps(answer))


def _embed_batch(asked: Asked, memory: Memory, model: str, body: Json) -> Reply:
    if not body.get("requests"):
        raise Rejected(400, "* BatchEmbedContentsRequest.requests: at least one is required")
    found = [_embedding(request) for request in body["requests"]]
    usage = {"promptTokenCount": sum(count for _, count in found)}
    answer = {"embeddings": [{"values": values} for values, _ in found], "usageMetadata": usage}
    return _reply(asked, model, usage, body=orjson.dumps(answer))


_METHODS: dict[str, Callable[[Asked, Memory, str, Json], Reply]] = {
    "generateContent": _generate,
    "streamGenerateContent": _stream,
    "countTokens": _count,
    "embedContent": _embed,
    "batchEmbedContents": _embed_batch,
}


def _answer(asked: Asked, memory: Memory, model: str, body: Json) -> tuple[Json, Json, Written]:
    blocks = _blocks(body)
    config = _get(body, "generationConfig") or {}
    thinking = _get(config, "thinkingConfig") or {}
    written = answers.write(
        asked.raw,
        wanted=asked.wanted,
        limit=_get(config, "maxOutputTokens"),
        thinks=_THINKS.match(model) is not None and _get(thinking, "thinkingBudget") != 0,
        call=_call(body),
        fixed=_fixed(config) or (quoted(_results(body)) if asked.wanted is None else None),
    )
    cached = automatic(memory.prompts, f"{asked.account} {model}", blocks)
    usage = _usage(prompt_tokens(blocks), cached, written)
    candidate = {
        "content": {
            "parts": _signed(model, _parts(written, _get(thinking, "includeThoughts") is True)),
            "role": "model",
        },
        "finishReason": "MAX_TOKENS" if written.truncated else "STOP",
        "index": 0,
    }
    answer = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": new_id(""),
    }
    return answer, usage, written


def _blocks(body: Json) -> list[bytes]:
    contents = parts(body.get("contents"))
    if not contents:
        raise Rejected(400, "* GenerateContentRequest.contents: contents is not specified")
    blocks = [block_bytes(function) for function in _functions(body)]
    instruction = _get(body, "systemInstruction")
    if instruction:
        blocks += message_blocks("system", instruction.get("parts"))
    for content in contents:
        blocks += message_blocks(content.get("role", "user"), content.get("parts"))
    return blocks


def _functions(body: Json) -> list[Json]:
    return [
        function for tool in body.get("tools") or () for function in _get(tool, "functionDeclarations") or ()
    ]


def _call(body: Json) -> ToolCall | None:
    config = _get(_get(body, "toolConfig") or {}, "functionCallingConfig") or {}
    if config.get("mode") == "NONE":
        return None
    tools = [Tool(function["name"], _schema(function)) for function in _functions(body)]
    said = parts(parts(body["contents"])[-1].get("parts"))
    text = " ".join(str(part.get("text", "")) for part in said)
    allowed = _get(config, "allowedFunctionNames") or [True]
    return call_for(tools, text, forced=allowed[0] if config.get("mode") == "ANY" else False)


def _results(body: Json) -> list[Any]:
    said = parts(parts(body["contents"])[-1].get("parts"))
    found = [_get(part, "functionResponse") for part in said if isinstance(part, dict)]
    return [result.get("response") for result in found if result]


def _schema(function: Json) -> Json:
    return _get(function, "parametersJsonSchema") or function.get("parameters") or {}


def _fixed(config: Json) -> str | None:
    if _get(config, "responseMimeType") != "application/json":
        return None
    schema = _get(config, "responseJsonSchema") or _get(config, "responseSchema")
    return orjson.dumps(example(schema) if schema else {"answer": "yes"}).decode()


def _usage(prompt: int, cached: int, written: Written) -> Json:
    said = written.output_tokens - written.reasoning_tokens
    usage: Json = {"promptTokenCount": prompt, "candidatesTokenCount": said}
    if cached:
        usage |= {"cachedContentTokenCount": cached, "cacheTokensDetails": _by_modality(cached)}
    if written.reasoning_tokens:
        usage["thoughtsTokenCount"] = written.reasoning_tokens
    return usage | {
        "totalTokenCount": prompt + written.output_tokens,
        "promptTokensDetails": _by_modality(prompt),
    }


def _by_modality(count: int) -> list[Json]:
    return [{"modality": "TEXT", "tokenCount": count}]


def _parts(written: Written, include_thoughts: bool) -> list[Json]:
    thoughts: list[Json] = [{"text": written.reasoning, "thought": True}] if written.reasoning else []
    said: Json = {"text": written.text}
    if written.call:
        said = {"functionCall": {"name": written.call.name, "args": orjson.loads(written.call.arguments)}}
    return [*(thoughts if include_thoughts else []), said]


def _signed(model: str, said: list[Json]) -> list[Json]:
    """From Gemini 3 on every call is signed."""
    last = said[-1]
    if "functionCall" in last and re.match(r"gemini-[3-9]", model):
        last["thoughtSignature"] = signature_of(str(last))
    return said


def _chunks(answer: Json, written: Written, count: int | None) -> list[bytes]:
    """Pieces of the answer, each with the usage so far; only the last says why it ended."""
    *thoughts, said = answer["candidates"][0]["content"]["parts"]
    pieces: list[Json] = [{"text": piece} for piece in answers.pieces(written.text, count)] or [said]
    usage, done = answer["usageMetadata"], 0
    before = usage["totalTokenCount"] - usage["candidatesTokenCount"]
    chunks = [
        _chunk(answer, part, usage | {"candidatesTokenCount": 0, "totalTokenCount": before})
        for part in thoughts
    ]
    for piece in pieces[:-1]:
        done += len(piece["text"].encode())
        so_far = {"candidatesTokenCount": tokens(done), "totalTokenCount": before + tokens(done)}
        chunks.append(_chunk(answer, piece, usage | so_far))
    chunks.append(_chunk(answer, pieces[-1], usage, answer["candidates"][0]["finishReason"]))
    return chunks


def _chunk(answer: Json, part: Json, usage: Json, finish: str | None = None) -> bytes:
    candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return orjson.dumps(answer | {"candidates": [candidate], "usageMetadata": usage})


def _embedding(body: Json) -> tuple[list[float], int]:
    content = body.get("content") or {}
    text = b"".join(map(block_bytes, parts(content.get("parts"))))
    dimensions = int(_get(body, "outputDimensionality") or 3072)
    return vector(text, dimensions), tokens(len(text))


def _reply(
    asked: Asked,
    model: str,
    usage: Json | None,
    *,
    body: bytes = b"",
    events: list[bytes] | None = None,
    content_type: str = _JSON,
) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers("gemini", request_id, asked.now)
    return Reply(
        200,
        request_id,
        headers,
        content_type=content_type,
        body=body,
        events=events,
        usage=usage,
        model=model,
    )


def _get(body: Json, name: str) -> Any:
    return body[name] if name in body else body.get(re.sub(r"([A-Z])", r"_\1", name).lower())
