"""What translating costs: CPU per 100 KB request and per SSE event. `python -m tests.bench.translation`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

from sluiceway.wire.dialect import Target
from sluiceway.wire.eventstream import render
from sluiceway.wire.translation import TRANSLATORS, Translator, reads_clients
from sluiceway.wire.translation.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
)
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Message,
    Request,
    StopReason,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.translator import Aim, Asked

AT = datetime(2026, 11, 2, tzinfo=UTC)
MODELS = {
    "anthropic_messages": "claude-opus-4-8",
    "anthropic_vertex": "claude-opus-4-8",
    "openai_chat": "gpt-4.1",
    "openai_responses": "gpt-5.1",
    "gemini": "gemini-3-pro",
    "bedrock_converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
}
EVENTS = 200
LIMIT_REQUEST_US, LIMIT_EVENT_US = 1_000, 20


def conversation() -> Request:
    """An agent's request of about 100 KB: 30 tools, 25 turns with a call and a result of 2 KB each."""
    line = "def f(x: int) -> int:  # 'quoted' \"text\"\n    return x + 1\n"
    properties = {
        f"p{n}": {"type": "string", "description": "What it means, in a sentence."} for n in range(8)
    }
    schema = {"type": "object", "properties": properties, "required": ["p0"]}
    tools = tuple(Tool(f"tool_{n}", "Does something useful. " * 10, schema) for n in range(30))
    messages = [Message("user", (Text("Please do it."),))]
    for n in range(25):
        call = ToolCall(f"call_{n}", "tool_1", orjson.dumps({"p0": line, "n": n}).decode())
        messages.append(Message("assistant", (Text("I look at it."), call)))
        messages.append(Message("user", (ToolResult(f"call_{n}", (Text(line * 35),)),)))
    system = (Text("You are an agent. " * 300),)
    return Request("m", tuple(messages), system, tools, stream=True, max_output_tokens=8_000)


def events() -> list[Event]:
    """A streamed answer: words, then a call."""
    half = EVENTS // 2
    words: list[Event] = [TextDelta(0, f" word{n}") for n in range(half)]
    more: list[Event] = [ArgumentsDelta(1, "" if n else '{"p0":"x"}') for n in range(half)]
    call = PartStarted(1, ToolCall("call_1", "tool_1"))
    return [
        Started("id", "m"),
        *(PartStarted(0, Text("")), *words, PartEnded(0)),
        *(call, *more, PartEnded(1), Finished(StopReason.TOOL_USE)),
    ]


def answered(target: Translator, asked: Asked) -> list[bytes]:
    """The same answer as the provider streams it."""
    if reads_clients(target.name):
        writer = target.writer(asked)
        return [chunk for event in events() if (chunk := writer.write(event))]
    return [frame for event in events() if (frame := frame_of(event))]


def frame_of(event: Event) -> bytes:
    """An event as a frame of ConverseStream."""
    match event:
        case TextDelta(index, text):
            delta: dict[str, Any] = {"text": text}
            return render({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta")
        case ArgumentsDelta(index, text):
            delta = {"toolUse": {"input": text}}
            return render({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta")
        case PartStarted(index, ToolCall() as call):
            start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
            return render({"contentBlockIndex": index, "start": start}, "contentBlockStart")
        case PartEnded(index):
            return render({"contentBlockIndex": index}, "contentBlockStop")
        case Finished():
            return render({"stopReason": "tool_use"}, "messageStop")
    return b""


def best_us(work: Callable[[], Any], rounds: int = 200) -> float:
    """CPU time of the quickest of many rounds, in microseconds: others use this machine, too."""
    found = []
    for _ in range(rounds):
        begun = time.process_time_ns()
        work()
        found.append(time.process_time_ns() - begun)
    return min(found) / 1000


def measured(source: Translator, target: Translator) -> tuple[float, float, float]:
    """Microseconds for a request of 100 KB and for one event, and the request's size in KB."""
    request = conversation()
    asked = Asked(AT, "1", "m")
    document = source.render_request(request, Aim(MODELS[source.name], stream=True), Losses())
    body = orjson.dumps(document.document)
    at = Target("POST", document.path, document.query)

    def whole() -> Translation:
        made = translated(source, target, orjson.loads(body), at, Aim(MODELS[target.name]), asked, Losses())
        orjson.dumps(made.rendered.document)
        return made

    request_us = best_us(whole)
    translation, chunks = whole(), answered(target, asked)

    def stream() -> None:
        passage = translation.passage()
        for chunk in chunks:
            passage.feed(chunk)
        passage.finish()

    return request_us, best_us(stream) / len(chunks), len(body) / 1000


def main() -> None:
    """A table; exit 1 where a figure is over its limit."""
    over = False
    print(f"{'client':20} {'provider':20} {'KB':>6} {'us/request':>11} {'us/100 KB':>10} {'us/event':>9}")
    for source in TRANSLATORS:
        for target in TRANSLATORS:
            if source is target or not reads_clients(source.name):
                continue
            request_us, event_us, size = measured(source, target)
            scaled = request_us * 100 / size
            over = over or scaled > LIMIT_REQUEST_US or event_us > LIMIT_EVENT_US
            figures = f"{size:6.0f} {request_us:11.0f} {scaled:10.0f} {event_us:9.2f}"
            print(f"{source.name:20} {target.name:20} {figures}")
    raise SystemExit(1 if over else 0)


if __name__ == "__main__":
    main()
