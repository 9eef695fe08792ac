"""A response as the stream of events that the Responses API sends for it."""

from __future__ import annotations

from typing import Any

import orjson

from sluiceway.demo import answers
from sluiceway.demo.exchange import Json, sse


def events_of(response: Json, count: int | None) -> list[bytes]:
    """All events in order, numbered; the text or the arguments come in `count` deltas if given."""
    stream = _Stream()
    begun = response | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    stream.add("response.created", response=begun)
    stream.add("response.in_progress", response=begun)
    for index, item in enumerate(response["output"]):
        _ITEMS[item["type"]](stream, index, item, count)
    stream.add(f"response.{response['status']}", response=response)
    return stream.events


class _Stream:
    """Events so far. Each carries its place in the stream."""

    def __init__(self) -> None:
        self.events: list[bytes] = []

    def add(self, kind: str, **values: Any) -> None:
        self.events.append(sse(kind, {"type": kind, "sequence_number": len(self.events), **values}))

    def deltas(self, kind: str, text: str, count: int | None, **values: Any) -> None:
        """One event for each piece of the text, prepared but for the piece and the number."""
        fixed = orjson.dumps({"type": kind, **values})[:-1]
        head = b"event: " + kind.encode() + b"\ndata: " + fixed + b',"delta":'
        first = len(self.events)
        self.events += [
            b'%b%b,"sequence_number":%d}\n\n' % (head, piece, number)
            for number, piece in enumerate(answers.quoted(text, count), first)
        ]


def _reasoning(stream: _Stream, index: int, item: Json, count: int | None) -> None:
    stream.add("response.output_item.added", output_index=index, item=item | {"summary": []})
    for number, part in enumerate(item["summary"]):
        place = {"item_id": item["id"], "output_index": index, "summary_index": number}
        stream.add("response.reasoning_summary_part.added", **place, part=part | {"text": ""})
        stream.deltas("response.reasoning_summary_text.delta", part["text"], None, **place)
        stream.add("response.reasoning_summary_text.done", **place, text=part["text"])
        stream.add("response.reasoning_summary_part.done", **place, part=part)
    stream.add("response.output_item.done", output_index=index, item=item)


def _message(stream: _Stream, index: int, item: Json, count: int | None) -> None:
    begun = item | {"status": "in_progress", "content": []}
    stream.add("response.output_item.added", output_index=index, item=begun)
    for number, part in enumerate(item["content"]):
        place = {"item_id": item["id"], "output_index": index, "content_index": number}
        stream.add("response.content_part.added", **place, part=part | {"text": ""})
        stream.deltas("response.output_text.delta", part["text"], count, **place, logprobs=[])
        stream.add("response.output_text.done", **place, text=part["text"], logprobs=[])
        stream.add("response.content_part.done", **place, part=part)
    stream.add("response.output_item.done", output_index=index, item=item)


def _function_call(stream: _Stream, index: int, item: Json, count: int | None) -> None:
    begun = item | {"status": "in_progress", "arguments": ""}
    stream.add("response.output_item.added", output_index=index, item=begun)
    place = {"item_id": item["id"], "output_index": index}
    stream.deltas("response.function_call_arguments.delta", item["arguments"], count, **place)
    done = {"name": item["name"], "arguments": item["arguments"]}
    stream.add("response.function_call_arguments.done", **place, **done)
    stream.add("response.output_item.done", output_index=index, item=item)


def _custom_tool_call(stream: _Stream, index: int, item: Json, count: int | None) -> None:
    stream.add("response.output_item.added", output_index=index, item=item | {"input": ""})
    place = {"item_id": item["id"], "output_index": index}
    stream.deltas("response.custom_tool_call_input.delta", item["input"], count, **place)
    stream.add("response.custom_tool_call_input.done", **place, input=item["input"])
    stream.add("response.output_item.done", output_index=index, item=item)


_ITEMS = {
    "reasoning": _reasoning,
    "message": _message,
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
}
