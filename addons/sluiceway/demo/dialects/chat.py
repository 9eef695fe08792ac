"""OpenAI's Chat Completions as its reference describes it; also what compatible providers speak."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.answers import Written
from sluiceway.demo.counting import block_bytes, message_blocks, parts, prompt_tokens
from sluiceway.demo.dialects import family
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id, sse
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory
from sluiceway.demo.prompt_cache import automatic
from sluiceway.demo.tools import Tool, ToolCall, call_for, example, quoted

_DONE = b"data: [DONE]\n\n"
_FINGERPRINT = "fp_5d3c0f7e01"


def completions(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/chat/completions."""
    body = _checked(asked)
    model = models.dated(body["model"])
    blocks = _blocks(body)
    written = answers.write(
        asked.raw,
        wanted=asked.wanted,
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        thinks=models.reasons(body["model"]) and body.get("reasoning_effort") not in ("none", "minimal"),
        call=_call(body),
        fixed=_fixed(body) or (quoted(_results(body)) if asked.wanted is None else None),
    )
    cached = automatic(memory.prompts, f"{asked.account} {model}", blocks)
    usage = family.usage_of(asked.provider, _usage(prompt_tokens(blocks), cached, written, _choices(body)))
    head = {"id": new_id("chatcmpl-"), "created": asked.now, "model": model}
    tail = {"service_tier": "default", "system_fingerprint": _FINGERPRINT}
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    if not body.get("stream"):
        choices = [_choice(index, written) for index in range(_choices(body))]
        answer = head | {"object": "chat.completion", "choices": choices, "usage": usage} | tail
        return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)
    told = bool((body.get("stream_options") or {}).get("include_usage"))
    chunk = head | {"object": "chat.completion.chunk"} | tail | ({"usage": None} if told else {})
    events = _events(chunk, written, _choices(body), asked.events)
    if family.tells_in_last_chunk(asked.provider):
        told = True
        index = _choices(body) - 1
        events[-1] = family.last_chunk(asked.provider, chunk, index, _finish(written), usage)
    elif told:
        events.append(sse(None, chunk | {"choices": [], "usage": usage}))
    if asked.provider not in family.WITHOUT_DONE:
        events.append(_DONE)
    kind = "text/event-stream; charset=utf-8"
    return Reply(
        200, request_id, headers, content_type=kind, events=events, usage=usage, usage_sent=told, model=model
    )


def _checked(asked: Asked) -> Json:
    body = family.body_for(asked, body_of(asked))
    family.check(asked, body)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Rejected(400, "you must provide a model parameter")
    if not models.knows(asked.provider, model):
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise Rejected(404, message, code="model_not_found")
    listed = body.get("messages")
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) for item in listed):
        raise Rejected(400, "Missing required parameter: 'messages'.", param="messages")
    if "max_tokens" in body and asked.provider == "openai" and models.reasons(model):
        message = "Unsupported parameter: 'max_tokens' is not supported with this model. "
        message += "Use 'max_completion_tokens' instead."
        raise Rejected(400, message, param="max_tokens", code="unsupported_parameter")
    for name in ("max_tokens", "max_completion_tokens", "n"):
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise Rejected(400, f"Invalid '{name}': integer below minimum value.", param=name)
    return body


def _choices(body: Json) -> int:
    return int(body.get("n") or 1)


def _blocks(body: Json) -> list[bytes]:
    blocks = [block_bytes(tool) for tool in body.get("tools") or ()]
    for message in body["messages"]:
        blocks += message_blocks(str(message.get("role", "")), message.get("content"))
        blocks += map(orjson.dumps, message.get("tool_calls") or ())
    return blocks


def _call(body: Json) -> ToolCall | None:
    choice = body.get("tool_choice", "auto")
    if choice == "none":
        return None
    forced = choice["function"]["name"] if isinstance(choice, dict) else choice == "required"
    functions = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    tools = [Tool(function["name"], function.get("parameters") or {}) for function in functions]
    return call_for(tools, _last_words(_last(body)), forced=forced)


def _results(body: Json) -> list[str]:
    last = _last(body)
    told = parts(last.get("content")) if last.get("role") == "tool" else []
    return [part if isinstance(part, str) else str(part.get("text", "")) for part in told]


def _last(body: Json) -> Json:
    """What was said last, instructions in the middle aside."""
    messages: list[Json] = body["messages"]
    said = [message for message in messages if message["role"] not in ("system", "developer")]
    return said[-1] if said else messages[-1]


def _last_words(message: Json) -> str:
    if message.get("role") != "user":
        return ""
    said = parts(message.get("content"))
    return " ".join(part if isinstance(part, str) else str(part.get("text", "")) for part in said)


def _fixed(body: Json) -> str | None:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return orjson.dumps(example(form["json_schema"].get("schema"))).decode()
    return '{"answer":"yes"}' if form.get("type") == "json_object" else None


def _usage(prompt: int, cached: int, written: Written, choices: int) -> Json:
    completion = written.output_tokens * choices
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": written.reasoning_tokens * choices,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _finish(written: Written) -> str:
    return "tool_calls" if written.call else "length" if written.truncated else "stop"


def _choice(index: int, written: Written) -> Json:
    message: Json = {"role": "assistant", "content": written.text, "refusal": None, "annotations": []}
    if written.call:
        call = {"name": written.call.name, "arguments": written.call.arguments}
        message["content"] = None
        message["tool_calls"] = [{"id": new_id("call_"), "type": "function", "function": call}]
    return {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(written)}


def _events(chunk: Json, written: Written, choices: int, count: int | None) -> list[bytes]:
    """For each choice its role, its pieces and its finish; a chunk holds one choice, as OpenAI sends them."""
    events: list[bytes] = []
    for index in range(choices):
        events.append(_event(chunk, index, _opening(written)))
        events += _deltas(chunk, index, written, count)
        events.append(_event(chunk, index, {}, _finish(written)))
    return events


def _event(chunk: Json, index: int, delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return sse(None, chunk | {"choices": [choice]})


def _opening(written: Written) -> Json:
    if not written.call:
        return {"role": "assistant", "content": "", "refusal": None}
    function = {"name": written.call.name, "arguments": ""}
    call: Any = {"index": 0, "id": new_id("call_"), "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}


def _deltas(chunk: Json, index: int, written: Written, count: int | None) -> list[bytes]:
    """The pieces, written into one prepared chunk: this is the path that benchmarks run."""
    text, delta = written.text, b'{"content":%s}'
    if written.call:
        text, delta = written.call.arguments, b'{"tool_calls":[{"index":0,"function":{"arguments":%s}}]}'
    opening, ending = delta.split(b"%s")
    choice = b',"choices":[{"index":%d,"delta":' % index
    head = b"data: " + orjson.dumps(chunk)[:-1] + choice + opening
    tail = ending + b',"logprobs":null,"finish_reason":null}]}\n\n'
    return [head + piece + tail for piece in answers.quoted(text, count)]
