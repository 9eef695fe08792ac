"""All recorded traffic of the other tests of `wire`, translated each way: the SDKs take every request, and
every answer is one whole answer of the client's API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sdk_judges import REQUESTS, unread_by
from tests.wire.frame_files import stream_of
from translation_cases import AT, named

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.translation import TRANSLATORS, reads_clients
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Answer, Text, ToolCall
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.reading import object_of
from sluiceway.wire.translation.translator import Aim, Asked, Translator

MODELS = {
    "anthropic_messages": ("claude-3-5-haiku-20241022", "claude-sonnet-4-5", "claude-opus-5-5"),
    "openai_chat": ("gpt-4.1", "gpt-5.1", "gpt-5.4", "mistral-large-2512", "qwen3-max"),
    "openai_responses": ("gpt-4.1", "gpt-5.4", "grok-4"),
    "gemini": ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-3-flash-preview"),
    "bedrock_converse": ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"),
}
NAMES = [translator.name for translator in TRANSLATORS if translator.name in MODELS]
WAYS = [(one, other) for one in NAMES if reads_clients(one) for other in NAMES if one != other]
BACK = [(provider, client) for client, provider in WAYS]
ENDS = (
    b"[DONE]",
    b'"message_stop"',
    b'"error"',
    b'"response.completed"',
    b'"response.incomplete"',
    b"finishReason",
)
SAID = [{"role": "user", "content": "Hi"}]
HI: dict[str, Any] = {
    "model": "m",
    "max_tokens": 9,
    "messages": SAID,
    "input": "Hi",
    "contents": [{"parts": [{"text": "Hi"}]}],
}
PATH = "/v1beta/models/m:generateContent"  # where the API's path says something


def recorded(dialect: str, file: str) -> list[Path]:
    return sorted((Path(__file__).parent.parent / "cases" / dialect).glob(f"*/{file}"))


def across(source: Translator, target: Translator, document: dict[str, Any], model: str) -> Translation:
    asked = Asked(AT, "1", model)
    return translated(source, target, document, Target("POST", PATH), Aim(model), asked, Losses())


@pytest.mark.parametrize(("source", "target"), WAYS, ids=["-".join(way) for way in WAYS])
def test_every_recorded_request_is_one_that_the_other_sdk_takes(source: str, target: str) -> None:
    judged = 0
    for file in recorded(source, "request.json"):
        document = orjson.loads(file.read_bytes())
        if "model" not in document and source != "gemini":
            continue  # a deployment's: the path says it
        if "contents" not in document and source == "gemini":
            continue  # embeddings
        for model in MODELS[target]:
            found = across(named(source), named(target), document, model)
            assert target not in REQUESTS or unread_by(target, found.rendered.document) == [], (
                file.parent.name
            )
            judged += 1
    assert judged > 30


@pytest.mark.parametrize(("provider", "client"), BACK, ids=["-".join(way) for way in BACK])
def test_every_recorded_stream_ends_as_the_clients_api_does(provider: str, client: str) -> None:
    files = [*recorded(provider, "response.sse"), *recorded(provider, "response.frames.json")]
    assert files
    for file in files:
        translation = across(named(client), named(provider), HI, "m")
        whole, cut = translation.passage(), translation.passage()
        stream = stream_of(file) if file.suffix == ".json" else file.read_bytes()
        shown = whole.feed(stream) + whole.finish()
        pieces = (cut.feed(stream[at : at + 5]) for at in range(0, len(stream), 5))
        assert b"".join(pieces) + cut.finish() == shown, file.parent.name
        last = data_of(EventSplitter().feed(shown)[-1])
        assert any(end in last for end in ENDS), file.parent.name


@pytest.mark.parametrize(("provider", "client"), BACK, ids=["-".join(way) for way in BACK])
def test_every_recorded_answer_has_the_words_it_had(provider: str, client: str) -> None:
    for file in recorded(provider, "response.json"):
        translation = across(named(client), named(provider), HI, "m")
        answer = named(provider).parse_answer(orjson.loads(file.read_bytes()))
        again = named(client).parse_answer(translation.answer(orjson.loads(file.read_bytes())))
        assert told(again) == told(answer), file.parent.name
        assert again.usage.output_tokens == (answer.usage.output_tokens or 0)
        assert again.usage.input_tokens == (answer.usage.input_tokens or 0)


def told(answer: Answer) -> list[object]:
    """The words and the calls; what a vendor signed does not go to others."""
    said: list[object] = [part.text for part in answer.parts if isinstance(part, Text) and part.text]
    calls = (part for part in answer.parts if isinstance(part, ToolCall))
    return [*said, *((call.id, call.name, object_of(call.arguments)) for call in calls)]


def test_a_deployment_names_its_model_in_the_path() -> None:
    document = {"messages": HI["messages"]}
    at = Target("POST", "/openai/deployments/gpt-4o/chat/completions", "api-version=2025-04-01-preview")
    source, target = named("openai_chat"), named("anthropic_messages")
    aim = Aim("claude-sonnet-4-5")
    found = translated(source, target, document, at, aim, Asked(AT), Losses())
    assert found.rendered.document["model"] == "claude-sonnet-4-5"
    with pytest.raises(WireError, match="model"):
        translated(source, target, document, Target("POST", "/v1/chat/completions"), aim, Asked(AT), Losses())
