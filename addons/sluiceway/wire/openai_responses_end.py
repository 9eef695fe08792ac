"""The events of a Responses stream that we write: its end before its time, as if the output limit had been
reached, or all of one that says a notice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Call
from sluiceway.wire.sse import render


class Ending:
    """Writes events that go on where the provider's stopped: same response, next sequence numbers.

    `status` is what its messages end with."""

    def __init__(
        self, created: Mapping[str, Any], call: Call, sequence_number: int, status: str = "incomplete"
    ) -> None:
        self._response = {**_empty(call), **created}
        self._number = sequence_number
        self._status = status
        self._events: list[bytes] = []

    def failed(self, code: str, message: str) -> bytes:
        """`response.failed` with an error in words."""
        error = {"code": code, "message": message}
        self._add("response.failed", response={**self._response, "status": "failed", "error": error})
        return self.events()

    def open_message(self, item: Mapping[str, Any], index: int, text: str, message: str) -> Mapping[str, Any]:
        """Adds `message` to the open text of `item` and closes both; returns the closed item."""
        place = {"item_id": item.get("id"), "output_index": index, "content_index": 0}
        added = f"\n\n{message}" if text else message
        self._add("response.output_text.delta", **place, delta=added, logprobs=[])
        part = {"type": "output_text", "text": text + added, "annotations": [], "logprobs": []}
        self._add("response.output_text.done", **place, text=text + added, logprobs=[])
        self._add("response.content_part.done", **place, part=part)
        closed = {**item, "status": self._status, "content": [part]}
        self._add("response.output_item.done", output_index=index, item=closed)
        return closed

    def new_message(self, index: int, message: str) -> Mapping[str, Any]:
        """Adds `message` as an item of its own; returns it."""
        item = {"id": "msg_sluiceway", "type": "message", "role": "assistant", "content": []}
        part: dict[str, object] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self._add("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})
        place = {"item_id": item["id"], "output_index": index, "content_index": 0}
        self._add("response.content_part.added", **place, part=part)
        return self.open_message(item, index, "", message)

    def incomplete(self, output: list[Mapping[str, Any]]) -> bytes:
        """All events so far and the last one. Its usage is null: only the provider knows it."""
        details = {"reason": "max_output_tokens"}
        last = {**self._response, "status": "incomplete", "incomplete_details": details, "output": output}
        self._add("response.incomplete", response=last)
        return self.events()

    def begin(self) -> None:
        """The first events, where the provider has sent none."""
        for kind in ("response.created", "response.in_progress"):
            self._add(kind, response={**self._response, "status": "in_progress"})

    def completed(self, output: list[Mapping[str, Any]], usage: Mapping[str, Any]) -> Mapping[str, Any]:
        """Adds the last event of a whole stream; returns the response it carries."""
        last = {**self._response, "status": "completed", "output": output, "usage": usage}
        self._add("response.completed", response=last)
        return last

    def events(self) -> bytes:
        """All events so far."""
        return b"".join(self._events)

    def _add(self, kind: str, **fields: object) -> None:
        self._events.append(render({"type": kind, "sequence_number": self._number, **fields}, kind))
        self._number += 1


def _empty(call: Call) -> dict[str, Any]:
    """What a response must have, for a stream that broke before its first event."""
    return {
        "id": "resp_sluiceway",
        "object": "response",
        "created_at": 0,
        "model": call.model or "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }
