"""`rules classify --jsonl`: texts or whole requests in, the task of each out, a line for a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

import orjson

from sluiceway.gateway.tasks import task_of
from sluiceway.policy.task import Task, classify, signals
from sluiceway.wire.question import asks_something

SHAPES = 'write {"text": "..."} or the JSON body of a request with messages, input, contents or a prompt'


def run_jsonl(lines: Iterable[bytes], out: IO[bytes]) -> int:
    """Answers every line that is not blank, in its order: a task, or an `error` with the line's number, which
    makes the result 1 instead of 0. Writes nothing of what it read."""
    status = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            answer = answered(told(line))
        except ValueError as error:
            answer, status = {"error": str(error), "line": number}, 1
        out.write(orjson.dumps(answer) + b"\n")
        out.flush()  # whoever asks line by line waits for the answer
    return status


def answered(task: Task) -> dict[str, Any]:
    """A task as it is printed."""
    return {"task": task.task, "confidence": task.confidence, "reasons": list(task.reasons)}


def told(line: bytes) -> Task:
    """The task of one line: a text, a request's body, or an object with `body` and, if need be, `client`.

    Raises ValueError with what is wrong and what to write instead."""
    try:
        document = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON (column {error.colno}); {SHAPES}") from None
    if not isinstance(document, dict):
        raise ValueError(f"not an object; {SHAPES}")  # noqa: TRY004  # one kind of error for a line
    return _of_object(document)


def _of_object(document: Mapping[str, Any]) -> Task:
    client = document.get("client")
    if client is not None and not isinstance(client, str):
        raise ValueError("client: must be a text")  # as above
    if asks_something(document):
        return task_of(document, client)
    if "text" not in document:
        raise ValueError(f"neither a text nor a request; {SHAPES}")
    if not isinstance(text := document["text"], str):
        raise ValueError("text: must be a text")  # noqa: TRY004  # as above
    return classify(signals(text, client=client))
