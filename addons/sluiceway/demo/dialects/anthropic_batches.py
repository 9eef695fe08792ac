"""Anthropic's Message Batches as their reference describes them: begun, looked at, cancelled, read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from sluiceway.demo.dialects import anthropic
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_JSON_LINES = "application/x-jsonl"


@dataclass(slots=True)
class Batch:
    """One batch: each request's result, and what all of them come to."""

    begun_at: float
    results: list[Json]
    cancelled: bool = False


def create(asked: Asked, memory: Memory) -> Reply:
    """POST /v1/messages/batches: billed here, told in the results. A request that is wrong errors alone."""
    requests = body_of(asked).get("requests")
    if not isinstance(requests, list) or not requests:
        raise Rejected(400, "requests: at least one request is required")
    results = [{"custom_id": each["custom_id"], "result": _result(asked, memory, each)} for each in requests]
    batch_id = new_id("msgbatch_01")
    memory.batches[asked.account, batch_id] = Batch(asked.now, results)
    usage = {"requests": [each["result"].get("message", {}).get("usage") for each in results]}
    return replace(_state(asked, memory, batch_id), usage=usage, usage_sent=False)


def _result(asked: Asked, memory: Memory, request: Json) -> Json:
    one = replace(asked, path="/v1/messages", raw=orjson.dumps(request["params"]))
    try:
        message = orjson.loads(anthropic.messages(one, memory).body)
    except Rejected as rejected:
        error = {"type": "invalid_request_error", "message": rejected.message}
        return {"type": "errored", "error": {"type": "error", "error": error}}
    message["usage"]["service_tier"] = "batch"
    return {"type": "succeeded", "message": message}


def state(asked: Asked, memory: Memory) -> Reply:
    """GET /v1/messages/batches/{id}."""
    return _state(asked, memory, asked.path.rsplit("/", 1)[1])


def cancel(asked: Asked, memory: Memory) -> Reply:
    """POST .../cancel: what has not ended yet is not done, and not billed."""
    batch_id = asked.path.split("/")[-2]
    batch = _known(asked, memory, batch_id)
    if not memory.jobs.is_over(batch.begun_at, asked.now):
        batch.results = [each | {"result": {"type": "canceled"}} for each in batch.results]
        batch.cancelled = True
    return _state(asked, memory, batch_id)


def results(asked: Asked, memory: Memory) -> Reply:
    """GET .../results: one JSON line for each request."""
    batch = _known(asked, memory, asked.path.split("/")[-2])
    if not _is_over(batch, asked, memory):
        raise Rejected(404, "The results of this batch are not available yet.")
    body = b"".join(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in batch.results)
    return _reply(asked, body, _JSON_LINES)


def _is_over(batch: Batch, asked: Asked, memory: Memory) -> bool:
    return batch.cancelled or memory.jobs.is_over(batch.begun_at, asked.now)


def _known(asked: Asked, memory: Memory, batch_id: str) -> Batch:
    batch: Batch | None = memory.batches.get((asked.account, batch_id))
    if batch is None:
        raise Rejected(404, f"Batch with id '{batch_id}' not found.")
    return batch


def _state(asked: Asked, memory: Memory, batch_id: str) -> Reply:
    batch = _known(asked, memory, batch_id)
    over = _is_over(batch, asked, memory)
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    for each in batch.results:
        counts[each["result"]["type"] if over else "processing"] += 1
    begun = datetime.fromtimestamp(batch.begun_at, UTC)
    document = {
        "id": batch_id,
        "type": "message_batch",
        "processing_status": "ended" if over else "in_progress",
        "request_counts": counts,
        "created_at": begun.isoformat(),
        "expires_at": (begun + timedelta(hours=24)).isoformat(),
        "ended_at": datetime.fromtimestamp(asked.now, UTC).isoformat() if over else None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": f"https://api.anthropic.com/v1/messages/batches/{batch_id}/results" if over else None,
    }
    return _reply(asked, orjson.dumps(document), "application/json")


def _reply(asked: Asked, body: bytes, content_type: str) -> Reply:
    request_id = new_id("req_")
    headers = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, headers, content_type=content_type, body=body)
