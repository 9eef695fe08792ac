"""OpenAI's files and batches as their reference describes them: a file of requests, run as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from sluiceway.demo.dialects import chat, embeddings, responses
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.forms import fields_of
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_AT: dict[str, Callable[[Asked, Memory], Reply]] = {
    "/v1/chat/completions": chat.completions,
    "/v1/responses": responses.create,
    "/v1/embeddings": embeddings.create,
}


def upload(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/files."""
    form = fields_of(asked)
    if not isinstance(form.get("file"), bytes) or not isinstance(form.get("purpose"), str):
        raise Rejected(400, "'file' and 'purpose' are required properties.")
    file_id = new_id("file-")
    memory.batches[asked.account, file_id] = form["file"]
    told = {"id": file_id, "object": "file", "bytes": len(form["file"]), "created_at": asked.now}
    return _reply(
        asked, {**told, "filename": "batch.jsonl", "purpose": form["purpose"], "status": "processed"}
    )


def content(asked: Asked, memory: Memory) -> Reply:
    """GET /v1/files/{id}/content."""
    found = _known(asked, memory, asked.path.split("/")[-2])
    return replace(_reply(asked, {}), body=found, content_type="application/octet-stream")


def create(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/batches: billed here, told when it is over."""
    body = body_of(asked)
    lines = _known(asked, memory, str(body.get("input_file_id"))).splitlines()
    results = [_answered(asked, memory, orjson.loads(line)) for line in lines]
    usage, output_id, batch_id = _sum(results), new_id("file-"), new_id("batch_")
    output = b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in results)
    memory.batches[asked.account, output_id] = output
    done = sum(each["response"]["status_code"] == 200 for each in results)
    batch: Json = {
        "id": batch_id,
        "object": "batch",
        "endpoint": body.get("endpoint"),
        "input_file_id": body["input_file_id"],
        "completion_window": "24h",
        "created_at": asked.now,
        "status": "completed",
        "output_file_id": output_id,
        "request_counts": {"total": len(results), "completed": done, "failed": len(results) - done},
        "usage": usage,
    }
    memory.batches[asked.account, batch_id] = batch
    told = _state(asked, memory, batch_id)
    return replace(_reply(asked, told), usage=usage, usage_sent=False)


def state(asked: Asked, memory: Memory) -> Reply:
    """GET /v1/batches/{id}."""
    return _reply(asked, _state(asked, memory, asked.path.rsplit("/", 1)[1]))


def cancel(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/batches/{id}/cancel: what has not run yet does not."""
    batch_id = asked.path.split("/")[-2]
    batch = _known(asked, memory, batch_id)
    if not memory.jobs.is_over(batch["created_at"], asked.now):
        counts = {"total": batch["request_counts"]["total"], "completed": 0, "failed": 0}
        gone = {"status": "cancelled", "request_counts": counts, "usage": None, "created_at": 0}
        memory.batches[asked.account, batch_id] = batch | gone
    return _reply(asked, _state(asked, memory, batch_id))


def _state(asked: Asked, memory: Memory, batch_id: str) -> Json:
    batch: Json = _known(asked, memory, batch_id)
    if batch["status"] == "cancelled" or memory.jobs.is_over(batch["created_at"], asked.now):
        return batch
    counts = {"total": batch["request_counts"]["total"], "completed": 0, "failed": 0}
    running = {"status": "in_progress", "output_file_id": None, "usage": None, "request_counts": counts}
    return batch | running


def _answered(asked: Asked, memory: Memory, line: Json) -> Json:
    one = replace(asked, path=line["url"], raw=orjson.dumps(line["body"]))
    try:
        body, status = orjson.loads(_AT[line["url"]](one, memory).body), 200
    except Rejected as rejected:
        body, status = {"error": {"message": rejected.message}}, rejected.status
    response = {"status_code": status, "request_id": new_id("req_"), "body": body}
    return {"id": new_id("batch_req_"), "custom_id": line["custom_id"], "response": response, "error": None}


def _sum(results: list[Json]) -> Json:
    """The batch's usage, under its own names whichever API its requests are for."""
    total: Counter[str] = Counter()
    for each in results:
        usage = each["response"]["body"].get("usage") or {}
        total["input"] += usage.get("input_tokens", usage.get("prompt_tokens", 0))
        total["output"] += usage.get("output_tokens", usage.get("completion_tokens", 0))
        inputs = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
        outputs = usage.get("output_tokens_details") or usage.get("completion_tokens_details") or {}
        total["cached"] += inputs.get("cached_tokens", 0)
        total["reasoning"] += outputs.get("reasoning_tokens", 0)
    return {
        "input_tokens": total["input"],
        "input_tokens_details": {"cached_tokens": total["cached"]},
        "output_tokens": total["output"],
        "output_tokens_details": {"reasoning_tokens": total["reasoning"]},
        "total_tokens": total["input"] + total["output"],
    }


def _known(asked: Asked, memory: Memory, name: str) -> Any:
    found = memory.batches.get((asked.account, name))
    if found is None:
        raise Rejected(404, f"No such object: {name}")
    return found


def _reply(asked: Asked, document: Json) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, body=orjson.dumps(document))
