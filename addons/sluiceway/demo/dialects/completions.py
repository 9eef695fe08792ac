"""OpenAI's older Completions, which answer with `text`, and Mistral's fill-in-the-middle, with messages."""

from __future__ import annotations

import orjson

from sluiceway.demo import answers, models
from sluiceway.demo.counting import tokens
from sluiceway.demo.dialects import family
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id, sse
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory


def create(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/completions and /v1/fim/completions."""
    body = family.body_for(asked, body_of(asked))
    family.check(asked, body)
    model, prompts = body.get("model"), _prompts(body.get("prompt"))
    if not isinstance(model, str) or not models.knows(asked.provider, model):
        raise Rejected(404, f"The model `{model}` does not exist.", code="model_not_found")
    fills = asked.path.endswith("/fim/completions")
    limit = body.get("max_tokens") or (None if fills else 16)
    written = answers.write(asked.raw, wanted=asked.wanted, limit=limit, thinks=False)
    count = tokens(sum(len(prompt.encode()) for prompt in (*prompts, body.get("suffix") or "")))
    completion = written.output_tokens * len(prompts)
    usage: Json = {
        "prompt_tokens": count,
        "completion_tokens": completion,
        "total_tokens": count + completion,
    }
    finish = "length" if written.truncated else "stop"
    head = {"id": new_id("cmpl-"), "created": asked.now, "model": models.dated(model)}
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    if not body.get("stream"):
        said = (
            {"message": {"role": "assistant", "content": written.text}} if fills else {"text": written.text}
        )
        choices = [{"index": n, **said, "finish_reason": finish} for n in range(len(prompts))]
        form = "chat.completion" if fills else "text_completion"
        answer = head | {"object": form, "choices": choices, "usage": usage}
        return Reply(200, request_id, headers, body=orjson.dumps(answer), usage=usage, model=model)
    told = fills or bool((body.get("stream_options") or {}).get("include_usage"))
    chunk = head | {"object": "chat.completion.chunk" if fills else "text_completion"}
    events = [_piece(chunk, fills, piece, None) for piece in answers.pieces(written.text, asked.events)]
    events.append(_piece(chunk | ({"usage": usage} if fills else {}), fills, "", finish))
    if told and not fills:
        events.append(sse(None, chunk | {"choices": [], "usage": usage}))
    events.append(b"data: [DONE]\n\n")
    kind = "text/event-stream; charset=utf-8"
    return Reply(
        200, request_id, headers, content_type=kind, events=events, usage=usage, usage_sent=told, model=model
    )


def _prompts(prompt: object) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt or not all(isinstance(item, str) for item in prompt):
        raise Rejected(400, "'$.prompt' is invalid.", param="prompt")
    return prompt


def _piece(chunk: Json, fills: bool, text: str, finish: str | None) -> bytes:
    said = {"delta": {"content": text}} if fills else {"text": text}
    return sse(None, chunk | {"choices": [{"index": 0, **said, "finish_reason": finish}]})
