"""OpenAI's Responses API as its reference describes it: items in, items out, kept for the next turn."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.answers import Written
from sluiceway.demo.counting import block_bytes, message_blocks, parts, prompt_tokens
from sluiceway.demo.dialects.responses_stream import events_of
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory, Turn
from sluiceway.demo.prompt_cache import automatic
from sluiceway.demo.tools import Tool, ToolCall, call_for, example, quoted

_EVENT_STREAM = "text/event-stream; charset=utf-8"


def create(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/responses."""
    body = _checked(asked)
    items = _earlier(asked, memory, body) + _items(body["input"])
    written = _written(asked, body, items)
    model = models.dated(body["model"])
    blocks = _blocks(body, items)
    cached = automatic(memory.prompts, f"{asked.account} {model}", blocks)
    usage = _usage(prompt_tokens(blocks), cached, written)
    output = _output(written, body) if body.get("generate") is not False else []
    response = _response(body, model, asked.now, output, written) | {"usage": usage}
    if response["store"]:
        begun_at = asked.now if body.get("background") is True else None
        memory.store(asked.account, response["id"], Turn(response, [*items, *output], begun_at))
    if body.get("stream") is True:
        events = events_of(response, asked.events)
        return _reply(asked, model, usage, events=events, content_type=_EVENT_STREAM)
    if body.get("background") is True:  # the answer, and what it cost, come with a later GET
        queued = response | {"status": "queued", "output": [], "usage": None}
        return _reply(asked, model, usage, body=orjson.dumps(queued), usage_sent=False)
    return _reply(asked, model, usage, body=orjson.dumps(response))


def stored(asked: Asked, memory: Memory) -> Reply:
    """GET and DELETE /v1/responses/{id}: free of charge. A stream is taken up again after an event."""
    response_id = asked.path.rsplit("/", 1)[1]
    turn = memory.turns.get((asked.account, response_id))
    if turn is None:
        raise Rejected(404, f"Response with id '{response_id}' not found.")
    model = turn.response["model"]
    if asked.method == "GET":
        response = turn.response
        if not memory.jobs.is_over(turn.begun_at, asked.now):
            response = response | {"status": "in_progress", "output": [], "usage": None}
        elif asked.query.get("stream") == "true":
            after = int(asked.query.get("starting_after", -1))
            events = events_of(response, asked.events)[after + 1 :]
            return _reply(asked, model, None, events=events, content_type=_EVENT_STREAM)
        return _reply(asked, model, None, body=orjson.dumps(response))
    del memory.turns[asked.account, response_id]
    gone: Json = {"id": response_id, "object": "response", "deleted": True}
    return _reply(asked, model, None, body=orjson.dumps(gone))


def cancel(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/responses/{id}/cancel: what is over stays as it is, so that asking twice changes nothing."""
    response_id = asked.path.split("/")[-2]
    turn = memory.turns.get((asked.account, response_id))
    if turn is None:
        raise Rejected(404, f"Response with id '{response_id}' not found.")
    if not memory.jobs.is_over(turn.begun_at, asked.now):
        cancelled = turn.response | {"status": "cancelled", "output": [], "usage": None}
        turn = Turn(cancelled, turn.items)
        memory.store(asked.account, response_id, turn)
    return _reply(asked, turn.response["model"], None, body=orjson.dumps(turn.response))


def _checked(asked: Asked) -> Json:
    body = body_of(asked)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Rejected(400, "Missing required parameter: 'model'.", param="model")
    if not models.knows(asked.provider, model):
        message = f"The requested model '{model}' does not exist."
        raise Rejected(400, message, param="model", code="model_not_found")
    if not isinstance(body.setdefault("input", ""), str | list):
        raise Rejected(400, "Invalid type for 'input'.", param="input", code="invalid_type")
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < 16):
        message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."
        raise Rejected(400, message, param="max_output_tokens", code="integer_below_min_value")
    return body


def _earlier(asked: Asked, memory: Memory, body: Json) -> list[Json]:
    previous = body.get("previous_response_id")
    if previous is None:
        return []
    turn = memory.turns.get((asked.account, previous))
    if turn is None:
        message = f"Previous response with id '{previous}' not found."
        raise Rejected(400, message, param="previous_response_id", code="previous_response_not_found")
    return turn.items


def _items(value: str | list[Json]) -> list[Json]:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _written(asked: Asked, body: Json, items: list[Json]) -> Written:
    effort = (body.get("reasoning") or {}).get("effort")
    silent = body.get("generate") is False  # a warm-up over the socket: the prompt is read, nothing is said
    return answers.write(
        asked.raw,
        wanted=0 if silent else asked.wanted,
        limit=body.get("max_output_tokens"),
        thinks=models.reasons(body["model"]) and effort not in ("none", "minimal"),
        call=None if silent else _call(body, items),
        fixed=None if silent else _fixed(body) or (quoted(_results(items)) if asked.wanted is None else None),
    )


def _blocks(body: Json, items: list[Json]) -> list[bytes]:
    blocks = [block_bytes(tool) for tool in body.get("tools") or ()]
    if body.get("instructions"):
        blocks += message_blocks("system", body["instructions"])
    for item in items:
        if "role" in item:
            blocks += message_blocks(item["role"], item.get("content"))
        else:
            blocks.append(block_bytes(item))
    return blocks


def _call(body: Json, items: list[Json]) -> ToolCall | None:
    choice = body.get("tool_choice", "auto")
    if choice == "none":
        return None
    forced = choice.get("name", True) if isinstance(choice, dict) else choice == "required"
    brought = [tool for item in items if item.get("type") == "additional_tools" for tool in item["tools"]]
    tools = _tools([*(body.get("tools") or ()), *brought])
    return call_for(tools, _last_words(items), forced=forced)


def _tools(given: list[Json], namespace: str | None = None) -> list[Tool]:
    """Those a client can be asked to run. Codex brings its own in groups, within an input item."""
    found: list[Tool] = []
    for tool in given:
        if tool.get("type") == "namespace":
            found += _tools(tool["tools"], tool["name"])
        elif tool.get("type") in ("function", "custom"):
            free = tool["type"] == "custom"
            found.append(Tool(tool["name"], tool.get("parameters") or {}, free, namespace))
    return found


def _results(items: list[Json]) -> list[Any]:
    last: Json = items[-1] if items else {}
    told = parts(last.get("output")) if str(last.get("type")).endswith("_call_output") else []
    return [part.get("text", part) if isinstance(part, dict) else part for part in told]


def _last_words(items: list[Json]) -> str:
    last: Json = items[-1] if items else {}
    said = parts(last.get("content")) if last.get("role") == "user" else []
    return " ".join(part if isinstance(part, str) else str(part.get("text", "")) for part in said)


def _fixed(body: Json) -> str | None:
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        return orjson.dumps(example(form.get("schema"))).decode()
    return '{"answer":"yes"}' if form.get("type") == "json_object" else None


def _usage(prompt: int, cached: int, written: Written) -> Json:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": written.output_tokens,
        "output_tokens_details": {"reasoning_tokens": written.reasoning_tokens},
        "total_tokens": prompt + written.output_tokens,
    }


def _output(written: Written, body: Json) -> list[Json]:
    output: list[Json] = []
    if written.reasoning:
        asked_for = (body.get("reasoning") or {}).get("summary")
        summary = [{"type": "summary_text", "text": written.reasoning}] if asked_for else []
        output.append({"id": new_id("rs_"), "type": "reasoning", "summary": summary})
    status = "incomplete" if written.truncated else "completed"
    if written.call:
        output.append(_called(written.call) | {"status": status})
    else:
        text = {"type": "output_text", "text": written.text, "annotations": [], "logprobs": []}
        message = {"id": new_id("msg_"), "type": "message", "status": status, "role": "assistant"}
        output.append(message | {"content": [text]})
    return output


def _called(call: ToolCall) -> Json:
    group = {"namespace": call.namespace} if call.namespace else {}
    item = {"name": call.name, "call_id": new_id("call_"), **group}
    if call.free:
        return item | {"id": new_id("ctc_"), "type": "custom_tool_call", "input": call.arguments}
    return item | {"id": new_id("fc_"), "type": "function_call", "arguments": call.arguments}


def _response(body: Json, model: str, now: int, output: list[Json], written: Written) -> Json:
    given: dict[str, Any] = {name: body.get(name, usual) for name, usual in _ECHOED.items()}
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": now,
        "status": "incomplete" if written.truncated else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if written.truncated else None,
        "model": model,
        "output": output,
        **given,
        "service_tier": "default",
        "truncation": "disabled",
        "user": None,
    }


_ECHOED: dict[str, Any] = {  # what the answer repeats of the request, or says in its place
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
}


def _reply(
    asked: Asked,
    model: str,
    usage: Json | None,
    *,
    body: bytes = b"",
    events: list[bytes] | None = None,
    content_type: str = "application/json",
    usage_sent: bool = True,
) -> Reply:
    request_id = new_id("req_")
    return Reply(
        200,
        request_id,
        answer_headers(asked.provider, request_id, asked.now),
        content_type=content_type,
        body=body,
        events=events,
        usage=usage,
        usage_sent=usage_sent,
        model=model,
    )
