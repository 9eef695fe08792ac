"""What later answers tell of earlier jobs: the same however they are cut, and nothing before it is over."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluiceway.errors import WireError
from sluiceway.wire import Target, by_name
from sluiceway.wire import socket_by_name as by_name_of_sockets
from sluiceway.wire.later import Job, follow, is_whole

PIECES = (1, 2, 3, 7, 64, 10**6)
USAGE = {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42}


def seen(form: str, path: str, body: bytes, size: int, kind: str = "application/json") -> Job | None:
    follower = follow(form, path, kind)
    passed = b"".join(follower.feed(body[at : at + size]) for at in range(0, len(body), size))
    assert passed + follower.finish() == body
    return follower.job()


def response(**changes: Any) -> bytes:
    return orjson.dumps(
        {"id": "resp_1", "object": "response", "status": "completed", "usage": USAGE} | changes
    )


def message(tokens: int, model: str = "claude-haiku-4-5") -> dict[str, Any]:
    usage = {"input_tokens": tokens, "output_tokens": 2, "service_tier": "batch"}
    return {"type": "message", "id": "m", "model": model, "stop_reason": "end_turn", "usage": usage}


def results(*found: dict[str, Any]) -> bytes:
    lines = ({"custom_id": str(number), "result": each} for number, each in enumerate(found))
    return b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)


@pytest.mark.parametrize("size", PIECES)
def test_a_response_that_is_over_tells_its_usage(size: int) -> None:
    job = seen("openai_response", "/v1/responses/resp_1", response(), size)
    assert job is not None
    assert (job.kind, job.remote_id) == ("response", "resp_1")
    (answer,) = job.answers
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 12)


@pytest.mark.parametrize(
    "body",
    [
        response(status="queued", usage=None),
        response(status="in_progress", usage=None),
        response(status="a new word"),
        response()[:-1],
        b"",
        b"[]",
        b"\xff\xfe",
    ],
    ids=["queued", "running", "unknown status", "cut", "empty", "list", "no text"],
)
def test_what_is_not_over_tells_nothing(body: bytes) -> None:
    assert seen("openai_response", "/v1/responses/resp_1", body, 7) is None


@pytest.mark.parametrize("size", PIECES)
def test_a_stream_taken_up_again_in_its_middle_tells_by_its_last_event(size: int) -> None:
    delta = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
    last = b'event: response.completed\ndata: {"type":"response.completed","response":%b}\n\n' % response()
    path = "/v1/responses/resp_1"
    job = seen("openai_response", path, delta + last, size, "text/event-stream")
    assert job is not None and job.answers[0].usage.input_tokens == 30
    assert seen("openai_response", path, delta, size, "text/event-stream") is None


def test_a_response_without_its_id_is_the_one_that_was_asked_for() -> None:
    job = seen("openai_response", "/v1/responses/resp_9/cancel", response(id=None, status="cancelled"), 64)
    assert job is not None and job.remote_id == "resp_9"


@pytest.mark.parametrize("size", PIECES)
def test_results_tell_each_request_that_is_billed(size: int) -> None:
    body = results(
        {"type": "succeeded", "message": message(10)},
        {"type": "errored", "error": {"type": "error"}},
        {"type": "canceled"},
        {"type": "expired"},
        {"type": "a new word"},
        {"type": "succeeded", "message": message(20)},
    )
    job = seen("anthropic_results", "/v1/messages/batches/msgbatch_1/results", body, size)
    assert job is not None
    assert (job.kind, job.remote_id) == ("batch", "msgbatch_1")
    assert [answer.usage.input_tokens for answer in job.answers] == [10, 20]


def test_results_that_were_not_read_to_their_end_or_not_understood_tell_nothing() -> None:
    body = results({"type": "succeeded", "message": message(10)})
    path = "/v1/messages/batches/msgbatch_1/results"
    cut = follow("anthropic_results", path, "application/x-jsonl")
    cut.feed(body)
    assert cut.job() is None  # never finished: the client or the provider broke off
    assert seen("anthropic_results", path, body + b"{", 7) is None
    assert seen("anthropic_results", path, body + b"[]\n", 7) is None


@pytest.mark.parametrize(
    ("state", "tells"),
    [
        ({"processing_status": "ended", "request_counts": {"succeeded": 0, "canceled": 2}}, True),
        ({"processing_status": "ended", "request_counts": {"succeeded": 1}}, False),
        ({"processing_status": "canceling", "request_counts": {"succeeded": 0}}, False),
        ({"processing_status": "ended", "request_counts": None}, False),
        ({"processing_status": "ended"}, False),
    ],
    ids=["nothing succeeded", "one did", "not over", "null", "absent"],
)
def test_the_state_of_an_anthropic_batch_tells_only_that_nothing_is_billed(state: Any, tells: bool) -> None:
    job = seen("anthropic_batch", "/v1/messages/batches/msgbatch_1", orjson.dumps(state), 7)
    assert (job == Job("batch", "msgbatch_1", ())) is tells


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({}, [30]),
        ({"status": "expired"}, [30]),
        ({"status": "cancelled"}, [30]),
        ({"status": "in_progress"}, None),
        ({"status": "cancelling"}, None),
        ({"usage": None}, None),
        ({"usage": {"input_tokens": 0, "output_tokens": 0}}, None),
        ({"status": "failed", "usage": None, "request_counts": {"completed": 0}}, []),
        ({"status": "failed", "usage": None, "request_counts": None}, []),
    ],
    ids=["done", "expired", "cut short", "running", "stopping", "null", "zero", "nothing", "no counts"],
)
def test_an_openai_batch_tells_the_sum_of_its_usage(changes: Any, tokens: list[int] | None) -> None:
    batch = {"id": "batch_1", "status": "completed", "usage": USAGE, "request_counts": {"completed": 3}}
    job = seen("openai_batch", "/v1/batches/batch_1/cancel", orjson.dumps(batch | changes), 7)
    told = None if job is None else [answer.usage.input_tokens for answer in job.answers]
    assert told == tokens
    assert job is None or (job.remote_id, job.summed) == ("batch_1", 3 if tokens else 1)


# Batches as they are begun

MESSAGES = [{"role": "user", "content": "a text to be seen"}]


def batch(*params: dict[str, Any]) -> bytes:
    return orjson.dumps({"requests": [{"custom_id": str(n), "params": p} for n, p in enumerate(params)]})


def test_a_batch_is_read_as_the_sum_of_its_requests_and_masked_in_each() -> None:
    dialect = by_name("anthropic_batches")
    one = {"model": "m", "max_tokens": 10, "messages": MESSAGES}
    reading = dialect.read(Target("POST", "/v1/messages/batches"), {}, batch(one, one | {"max_tokens": 21}))
    call = reading.call
    assert (call.operation, call.model, call.choices, call.max_output_tokens) == ("batch", "m", 2, 16)
    assert (call.background, call.service_tier, call.stream) == (True, "batch", False)
    assert call.input_bytes == 2 * len("user" + "a text to be seen")
    texts = [segment for segment in dialect.segments(reading) if segment.text == "a text to be seen"]
    assert [segment.path[:2] for segment in texts] == [("requests", 0), ("requests", 1)]
    masked = dialect.replaced(reading, {texts[1].path: "<X_1>"})
    assert [each["params"]["messages"][0]["content"] for each in orjson.loads(masked.body)["requests"]] == [
        "a text to be seen",
        "<X_1>",
    ]
    other, _ = dialect.with_model(reading, "n")
    assert (other.call.model, other.call.choices) == ("n", 2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (batch(), "between 1 and 100000"),
        (batch({"model": "m", "max_tokens": 1}), r"requests\.0\.params\.messages: a list"),
        (batch({"model": "m", "messages": []}, {"model": "n", "messages": []}), "same model"),
        (b'{"requests": [1]}', r"requests\.0\.params"),
    ],
    ids=["empty", "no messages", "two models", "no object"],
)
def test_a_batch_that_cannot_be_read_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        by_name("anthropic_batches").read(Target("POST", "/v1/messages/batches"), {}, body)


def form(*parts: tuple[str, bytes], boundary: str = "b0undary") -> tuple[str, bytes]:
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (boundary.encode(), name.encode(), content)
        for name, content in parts
    )
    return f"multipart/form-data; boundary={boundary}", body + b"--%b--\r\n" % boundary.encode()


@pytest.mark.parametrize(
    "fields",
    [(("purpose", b"user_data"), ("file", b"%PDF")), (("file", b"{}"),)],
    ids=["another purpose", "no purpose"],
)
def test_of_a_file_that_is_for_no_batch_nothing_is_read(fields: tuple[tuple[str, bytes], ...]) -> None:
    kind, body = form(*fields)
    reading = by_name("openai_files").read(Target("POST", "/v1/files"), {"content-type": kind}, body)
    assert (reading.body is body, reading.call.choices, reading.call.input_bytes) == (True, 0, 0)
    assert by_name("openai_files").segments(reading) == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ((("purpose", b"batch"),), "file: is required"),
        ((("purpose", b"user_data"), ("purpose", b"batch"), ("file", b"{}")), "twice"),
        ((("purpose", b"batch"), ("file", b"")), "between 1 and"),
        ((("purpose", b"batch"), ("file", b"{")), "line 1"),
        ((("purpose", b"batch"), ("file", b'{"url": "/v1/moderations"}')), "only /v1/chat/completions"),
    ],
    ids=["no file", "two purposes", "empty", "no JSON", "another API"],
)
def test_a_file_of_requests_that_cannot_be_read_is_refused_with_its_line(
    fields: tuple[tuple[str, bytes], ...], words: str
) -> None:
    kind, body = form(*fields)
    with pytest.raises(WireError, match=words):
        by_name("openai_files").read(Target("POST", "/v1/files"), {"content-type": kind}, body)


def test_what_stands_in_a_file_of_requests_is_seen_by_the_guard_and_never_rewritten() -> None:
    dialect = by_name("openai_files")
    request = {"model": "gpt-5-mini", "input": "a text to be seen", "max_output_tokens": 16}
    line = orjson.dumps({"custom_id": "1", "method": "POST", "url": "/v1/responses", "body": request})
    kind, body = form(("purpose", b"batch"), ("file", line))
    reading = dialect.read(Target("POST", "/v1/files"), {"content-type": kind}, body)
    assert reading.body is body
    (text,) = (segment for segment in dialect.segments(reading) if segment.text == "a text to be seen")
    assert text.fixed
    with pytest.raises(WireError):
        dialect.replaced(reading, {text.path: "<X_1>"})


def generated(tokens: int) -> dict[str, Any]:
    usage = {"promptTokenCount": tokens, "candidatesTokenCount": 2, "totalTokenCount": tokens + 2}
    return {"response": {"candidates": [], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"}}


INLINE = {"inlinedResponses": {"inlinedResponses": [generated(10), {"error": {"code": 3}}, generated(20)]}}
FILE = {"responsesFile": "files/batch-b"}
HIDDEN = {"inlinedResponses": {"inlinedResponses": [generated(10), {"metadata": {}}]}}


@pytest.mark.parametrize(
    ("operation", "tokens", "file"),
    [
        ({"done": True, "response": INLINE}, [10, 20], None),
        ({"metadata": {"state": "BATCH_STATE_SUCCEEDED", "output": INLINE}}, [10, 20], None),
        ({"metadata": {"state": "JOB_STATE_SUCCEEDED", "output": FILE}}, [], "batch-b"),
        ({"done": True, "response": {"inlinedResponses": {}}}, [], None),
        (
            {"done": True, "metadata": {"batchStats": {"requestCount": "2", "failedRequestCount": "2"}}},
            [],
            None,
        ),
        ({"metadata": {"state": "BATCH_STATE_CANCELLED", "batchStats": {"requestCount": "2"}}}, [], None),
        (
            {
                "metadata": {
                    "state": "BATCH_STATE_CANCELLED",
                    "batchStats": {"requestCount": "2", "successfulRequestCount": "1"},
                }
            },
            None,
            None,
        ),
        ({"metadata": {"state": "BATCH_STATE_EXPIRED"}}, None, None),
        ({"metadata": {"state": "BATCH_STATE_RUNNING", "batchStats": {"requestCount": "2"}}}, None, None),
        ({"done": False, "metadata": {"state": "a new word"}}, None, None),
        ({}, None, None),
        ({"done": True, "response": HIDDEN}, None, None),
    ],
    ids=[
        *("inline", "inline in the metadata", "a file", "no answers", "all failed", "cancelled at once"),
        *("cancelled in its middle", "no counts", "running", "unknown state", "nothing", "hidden"),
    ],
)
def test_the_state_of_a_gemini_batch_has_its_answers_or_names_their_file(
    operation: Any, tokens: list[int] | None, file: str | None
) -> None:
    for size in PIECES:
        job = seen("gemini_batch", "/v1beta/batches/b-1", orjson.dumps(operation), size)
        told = None if job is None else [answer.usage.input_tokens for answer in job.answers]
        assert told == tokens
        assert job is None or (job.kind, job.remote_id, job.results) == ("batch", "b-1", file)


def test_the_file_of_a_gemini_batchs_results_tells_each_answer() -> None:
    lines = ({"key": "a"} | generated(10), {"key": "b", "error": {"code": 3}}, {"key": "c"} | generated(20))
    body = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    path = "/download/v1beta/files/batch-b:download"
    for size in PIECES:
        job = seen("gemini_results", path, body, size)
        assert job is not None and (job.kind, job.remote_id) == ("results", "batch-b")
        assert [answer.usage.input_tokens for answer in job.answers] == [10, 20]
    assert seen("gemini_results", path, body + b'{"key": "d"}', 7) is None


def test_a_gemini_batch_is_masked_and_moved_in_each_of_its_requests() -> None:
    asked = [
        {"request": {"contents": [{"parts": [{"text": f"a text {n}"}]}]}, "metadata": {}} for n in (0, 1)
    ]
    asked[1]["request"]["model"] = "models/gemini-2.5-pro"
    document = {"batch": {"displayName": "d", "inputConfig": {"requests": {"requests": asked}}}}
    dialect, target = (
        by_name("gemini_batches"),
        Target("POST", "/v1/models/gemini-2.5-pro:batchGenerateContent"),
    )
    reading = dialect.read(target, {}, orjson.dumps(document))
    (text,) = (segment for segment in dialect.segments(reading) if segment.text == "a text 1")
    masked = orjson.loads(dialect.replaced(reading, {text.path: "<X_1>"}).body)
    requests = masked["batch"]["inputConfig"]["requests"]["requests"]
    assert [one["request"]["contents"][0]["parts"][0]["text"] for one in requests] == ["a text 0", "<X_1>"]
    moved, path = dialect.with_model(reading, "gemini-2.5-flash")
    assert path == "/v1/models/gemini-2.5-flash:batchGenerateContent"
    assert (moved.call.model, moved.call.choices) == ("gemini-2.5-flash", 2)
    requests = orjson.loads(moved.body)["batch"]["inputConfig"]["requests"]["requests"]
    assert [one["request"].get("model") for one in requests] == [None, "models/gemini-2.5-flash"]
    both = {"batch": {"inputConfig": {"fileName": "files/f", "requests": {"requests": asked}}}}
    with pytest.raises(WireError, match="a file of them, too"):
        dialect.read(target, {}, orjson.dumps(both))


@pytest.mark.parametrize(
    ("status", "query", "followed"),
    [
        (200, "", True),
        (200, "alt=media&key=k", True),
        (200, "stream=true&starting_after=3", True),
        (206, "", False),
        (200, "fields=done", False),
        (200, "alt=json&%66ields=done", False),
        (200, "$fields=done", False),
    ],
    ids=["plain", "download", "taken up again", "a range", "some fields", "in disguise", "other spelling"],
)
def test_an_answer_of_which_only_a_part_was_asked_for_tells_nothing(
    status: int, query: str, followed: bool
) -> None:
    assert is_whole(status, query, {}) is followed
    assert not is_whole(status, query, {"x-goog-fieldmask": "done"})


def test_background_is_refused_on_a_socket_where_the_api_does_not_use_it() -> None:
    dialect = by_name_of_sockets("openai_responses_socket")
    session = dialect.session(Target("GET", "/v1/responses"), None)
    frame = {"type": "response.create", "model": "gpt-5-mini", "input": "hi"}
    assert session.read(orjson.dumps(frame)).does == "ask"
    with pytest.raises(WireError, match="background"):
        session.read(orjson.dumps({**frame, "background": True}))
