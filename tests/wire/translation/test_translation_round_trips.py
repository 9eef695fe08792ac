"""What holds between any two APIs: calls, arguments and results survive the way there, and a streamed answer
is the same one, wherever it is cut."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from translation_cases import AT

from sluiceway.types import Usage, UsageSource
from sluiceway.wire.dialect import Target
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
from sluiceway.wire.translation.passage import Passage, translated
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.translator import Aim, Asked

SPOKEN = [one for one in TRANSLATORS if reads_clients(one.name)]
WAYS = [
    pytest.param(one, other, id=f"{one.name}-{other.name}")
    for one in SPOKEN
    for other in SPOKEN
    if one is not other
]
MODELS = {"openai_chat": "gpt-4.1", "openai_responses": "gpt-4.1", "gemini": "gemini-3-pro"}
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
arguments = st.dictionaries(texts, values, max_size=3)
names = st.sampled_from(["f", "mcp__" + "x" * 80, "read.file", "9lives", "näme"])
calls = st.lists(st.tuples(names, arguments), min_size=1, max_size=3)
few = settings(max_examples=12)


def request_of(called: list[tuple[str, dict[str, Any]]]) -> Request:
    made = [
        ToolCall(f"call_{n}", name, orjson.dumps(given).decode()) for n, (name, given) in enumerate(called)
    ]
    results = [ToolResult(call.id, (Text(f"result of {call.id}"),), name=call.name) for call in made]
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    offered = tuple(Tool(name, "Does it.", schema) for name in dict.fromkeys(name for name, _ in called))
    turns = (Message("user", (Text("Hi"),)), Message("assistant", tuple(made)))
    return Request("m", (*turns, Message("user", tuple(results))), tools=offered)


def there(source: Translator, request: Request) -> tuple[dict[str, Any], Target, dict[str, str]]:
    """The request in the source's API, and how its names are called in it."""
    written = source.render_request(request, Aim(MODELS.get(source.name, "claude-opus-4-5")), Losses())
    back = dict(written.names)
    return written.document, Target("POST", written.path, written.query), back


@pytest.mark.parametrize(("source", "target"), WAYS)
@few
@given(called=calls)
def test_calls_and_results_survive_the_way(
    source: Translator, target: Translator, called: list[tuple[str, dict[str, Any]]]
) -> None:
    document, at, back = there(source, request_of(called))
    model = MODELS.get(target.name, "claude-opus-4-5")
    made = translated(source, target, document, at, Aim(model), Asked(AT, "1"), Losses())
    names = made.rendered.names
    again = target.parse_request(
        made.rendered.document, Target("POST", made.rendered.path, made.rendered.query), Losses()
    )
    found = [part for turn in again.messages for part in turn.parts if isinstance(part, ToolCall)]
    shown = [names.get(call.name, call.name) for call in found]
    assert [
        (back.get(name, name), object_of(call.arguments)) for name, call in zip(shown, found, strict=True)
    ] == called
    results = [part for turn in again.messages for part in turn.parts if isinstance(part, ToolResult)]
    assert [result.id for result in results] == [call.id for call in found]
    told = [part.text for result in results for part in result.parts if isinstance(part, Text)]
    assert told == [f"result of call_{n}" for n in range(len(called))]
    offered = {names.get(tool.name, tool.name) for tool in again.tools}
    assert {back.get(name, name) for name in offered} == {name for name, _ in called}


def events_of(words: list[str], called: list[dict[str, Any]]) -> list[Event]:
    found: list[Event] = [Started("id1", "m"), PartStarted(0, Text(""))]
    found += [TextDelta(0, word) for word in words] + [PartEnded(0)]
    for index, given_arguments in enumerate(called, 1):
        text = orjson.dumps(given_arguments).decode()
        found.append(PartStarted(index, ToolCall(f"call_{index}", "f")))
        found += [ArgumentsDelta(index, text[:3]), ArgumentsDelta(index, text[3:]), PartEnded(index)]
    usage = Usage(20, 9, cache_read_tokens=4, source=UsageSource.REPORTED)
    return [*found, Finished(StopReason.TOOL_USE if called else StopReason.END, usage=usage)]


def passed(source: Translator, target: Translator, stream: bytes, size: int) -> bytes:
    document, at, _ = there(source, Request("m", (Message("user", (Text("Hi"),)),), stream=True))
    if source.name == "openai_chat":
        document["stream_options"] = {"include_usage": True}
    made = translated(source, target, document, at, Aim("m"), Asked(AT, "1", "m"), Losses())
    passage = Passage(made)
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    return b"".join(passage.feed(piece) for piece in pieces) + passage.finish()


def seen(translator: Translator, stream: bytes) -> tuple[str, list[Any], list[str], Event]:
    reader = translator.reader()
    events = [*reader.feed(stream), *reader.finish()]
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    begun = [event for event in events if isinstance(event, PartStarted) and isinstance(event.part, ToolCall)]
    written = {event.index: "" for event in begun}
    for event in events:
        if isinstance(event, ArgumentsDelta):
            written[event.index] += event.text
    ids = [event.part.id for event in begun if isinstance(event.part, ToolCall)]
    return words, [object_of(text) for text in written.values()], ids, events[-1]


@pytest.mark.parametrize(("source", "target"), WAYS)
@few
@given(words=st.lists(texts, min_size=1, max_size=4), called=st.lists(arguments, max_size=2), data=st.data())
def test_a_streamed_answer_is_the_same_wherever_it_is_cut(
    source: Translator,
    target: Translator,
    words: list[str],
    called: list[dict[str, Any]],
    data: st.DataObject,
) -> None:
    writer = target.writer(Asked(AT, "1", "m", include_usage=True))
    stream = b"".join(writer.write(event) for event in events_of(words, called))
    size = data.draw(st.sampled_from([1, 2, 3, 5, 7, 11, 13, 101, 997]))
    said, given_arguments, ids, last = seen(source, passed(source, target, stream, size))
    assert (said, given_arguments) == ("".join(words), called)
    assert ids == [f"call_{index}" for index in range(1, len(called) + 1)]
    assert isinstance(last, Finished)
    assert last.stop_reason is (StopReason.TOOL_USE if called else StopReason.END)
    assert (last.usage.input_tokens, last.usage.output_tokens, last.usage.cache_read_tokens) == (20, 9, 4)
