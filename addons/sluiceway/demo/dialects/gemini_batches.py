"""Gemini's files and batches as its reference describes them: uploaded, begun, looked at, cancelled, read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from sluiceway.demo.dialects import gemini
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply, body_of, new_id
from sluiceway.demo.headers import answer_headers
from sluiceway.demo.memory import Memory

_JSON = "application/json; charset=UTF-8"
_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1beta."


@dataclass(slots=True)
class Batch:
    """One batch: each request's answer or error; `file`: they are read as a file of this name."""

    model: str
    begun_at: float
    answers: list[Json]
    file: str | None
    cancelled: bool = False


def upload(asked: Asked, memory: Memory) -> Reply:
    """POST /upload/v1beta/files: resumable in two requests or more."""
    command = asked.headers.get("x-goog-upload-command", "")
    if "start" in command:
        upload_id = new_id("up")
        memory.batches["", upload_id] = (asked.account, b"")
        where = (
            f"https://{asked.headers.get('host')}{asked.path}?upload_id={upload_id}&upload_protocol=resumable"
        )
        return _reply(asked, {}, ("x-goog-upload-url", where), ("x-goog-upload-status", "active"))
    upload_id = asked.query.get("upload_id", "")
    account, content = memory.batches["", upload_id]
    content += asked.raw
    memory.batches["", upload_id] = (account, content)
    if "finalize" not in command:
        return _reply(asked, {}, ("x-goog-upload-status", "active"))
    name = new_id("f")
    memory.batches[account, name] = content
    file = {"name": f"files/{name}", "sizeBytes": str(len(content)), "state": "ACTIVE", "source": "UPLOADED"}
    return _reply(asked, {"file": file}, ("x-goog-upload-status", "final"))


def download(asked: Asked, memory: Memory) -> Reply:
    """GET files/{id}:download."""
    content: bytes = _known(asked, memory, asked.path.rsplit("/", 1)[1].removesuffix(":download"))
    return replace(_reply(asked, {}), body=content, content_type="application/octet-stream")


def create(asked: Asked, memory: Memory) -> Reply:
    """POST models/{model}:batchGenerateContent: billed here, told when it is over."""
    model = asked.path.rsplit("/", 1)[1].partition(":")[0]
    source = (body_of(asked).get("batch") or {}).get("inputConfig") or {}
    if (file := source.get("fileName")) is not None:
        lines = _known(asked, memory, file.removeprefix("files/")).splitlines()
        requests = [orjson.loads(line) for line in lines if line.strip()]
    else:
        requests = (source.get("requests") or {}).get("requests") or []
    if not requests:
        raise Rejected(400, "* BatchGenerateContentRequest.batch.input_config: required")
    answers = [_answered(asked, memory, model, each) for each in requests]
    batch_id = new_id("b")
    results = None if file is None else f"batch-{batch_id}"
    memory.batches[asked.account, batch_id] = Batch(model, asked.now, answers, results)
    if results is not None:
        written = (orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in answers)
        memory.batches[asked.account, results] = b"".join(written)
    usage = {"requests": [each.get("response", {}).get("usageMetadata") for each in answers]}
    return replace(_state(asked, memory, batch_id), usage=usage, usage_sent=False)


def state(asked: Asked, memory: Memory) -> Reply:
    """GET batches/{id}."""
    return _state(asked, memory, asked.path.rsplit("/", 1)[1])


def cancel(asked: Asked, memory: Memory) -> Reply:
    """POST batches/{id}:cancel: what has not run yet does not."""
    batch = _known(asked, memory, asked.path.rsplit("/", 1)[1].removesuffix(":cancel"))
    batch.cancelled = not memory.jobs.is_over(batch.begun_at, asked.now)
    return _reply(asked, {})


def _answered(asked: Asked, memory: Memory, model: str, request: Json) -> Json:
    one = replace(asked, path=f"/v1beta/models/{model}:generateContent", raw=orjson.dumps(request["request"]))
    kept = {name: request[name] for name in ("key", "metadata") if name in request}
    try:
        return kept | {"response": orjson.loads(gemini.call(one, memory).body)}
    except Rejected as rejected:
        return kept | {"error": {"code": 3, "message": rejected.message}}


def _state(asked: Asked, memory: Memory, batch_id: str) -> Reply:
    batch: Batch = _known(asked, memory, batch_id)
    over = memory.jobs.is_over(batch.begun_at, asked.now)
    failed = sum("error" in each for each in batch.answers)
    counts = {"pendingRequestCount": len(batch.answers)}
    if over and not batch.cancelled:
        counts = {"successfulRequestCount": len(batch.answers) - failed, "failedRequestCount": failed}
    told = {name: str(number) for name, number in counts.items() if number}
    metadata = {
        "@type": f"{_TYPE}GenerateContentBatch",
        "model": f"models/{batch.model}",
        "createTime": datetime.fromtimestamp(batch.begun_at, UTC).isoformat().replace("+00:00", "Z"),
        "state": f"BATCH_STATE_{'CANCELLED' if batch.cancelled else 'SUCCEEDED' if over else 'PENDING'}",
        "name": f"batches/{batch_id}",
        "batchStats": {"requestCount": str(len(batch.answers)), **told},
    }
    operation: Json = {"name": f"batches/{batch_id}", "metadata": metadata}
    if batch.cancelled:
        operation |= {"done": True, "error": {"code": 1, "message": "cancelled"}}
    elif over:
        output: Json = {"responsesFile": f"files/{batch.file}"}
        if batch.file is None:
            output = {"inlinedResponses": {"inlinedResponses": batch.answers}}
        metadata["output"] = output
        operation |= {"done": True, "response": {"@type": f"{_TYPE}GenerateContentBatchOutput", **output}}
    return _reply(asked, operation)


def _known(asked: Asked, memory: Memory, name: str) -> Any:
    found = memory.batches.get((asked.account, name))
    if found is None:
        raise Rejected(404, "Requested entity was not found.")
    return found


def _reply(asked: Asked, document: Json, *headers: tuple[str, str]) -> Reply:
    request_id = new_id("req_")
    own = answer_headers(asked.provider, request_id, asked.now)
    return Reply(200, request_id, (*own, *headers), content_type=_JSON, body=orjson.dumps(document))
