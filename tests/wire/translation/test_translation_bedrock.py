"""What Bedrock wants of a conversation it gets, by AWS's own model of the service."""

from __future__ import annotations

from typing import Any

import pytest
from request_models import CONVERSE
from translation_cases import AT, named

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.eventstream import render
from sluiceway.wire.translation import reads_clients
from sluiceway.wire.translation.failure import FailureKind
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Document,
    Image,
    Message,
    Reasoning,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from sluiceway.wire.translation.translator import Aim, Asked

BEDROCK = named("bedrock_converse")
CLAUDE, NOVA = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"
HI = Message("user", (Text("Hi"),))
SIGNED = Thinking("Hm", "c2ln", "anthropic")
CALL, RESULT = ToolCall("c1", "f", '{"a":1}'), ToolResult("c1", ())


def sent(messages: tuple[Message, ...], model: str = CLAUDE, **more: Any) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    document = BEDROCK.render_request(Request("m", messages, **more), Aim(model), losses).document
    CONVERSE.validate_python(document)
    return document, losses


@pytest.mark.parametrize(("model", "kept"), [(CLAUDE, True), (NOVA, False)])
def test_thoughts_of_claudes_go_to_a_claude(model: str, kept: bool) -> None:
    turns = (HI, Message("assistant", (SIGNED, CALL)), Message("user", (RESULT,)))
    document, losses = sent(turns, model, reasoning=Reasoning(True, 2_000), max_output_tokens=9_000)
    said = document["messages"][1]["content"]
    assert ("reasoningContent" in said[0]) is kept
    assert ("messages: thinking" in losses.counts()) is not kept
    thinking = document.get("additionalModelRequestFields", {}).get("thinking")
    assert thinking == ({"type": "enabled", "budget_tokens": 2_000} if kept else None)


def test_a_result_of_nothing_says_so_and_calls_have_their_tools() -> None:
    document, _ = sent((HI, Message("assistant", (CALL,)), Message("user", (RESULT,))))
    result = document["messages"][2]["content"][0]["toolResult"]
    assert result["toolUseId"] == "c1" and result["content"][0]["text"]
    assert document["toolConfig"]["tools"][0]["toolSpec"]["name"] == "f"


@pytest.mark.parametrize(("called", "lost"), [(True, True), (False, False)])
def test_no_choice_of_tools_is_said_as_far_as_it_can_be(called: bool, lost: bool) -> None:
    turns = (HI, Message("assistant", (CALL,)), Message("user", (RESULT,))) if called else (HI,)
    document, losses = sent(turns, tools=(Tool("f"),), tool_choice=ToolChoice("none"))
    assert ("toolConfig" in document) is called
    assert ("tool_choice" in losses.counts()) is lost


def test_documents_have_names_that_bedrock_takes_and_words_beside_them() -> None:
    documents = tuple(Document("JVBERi0=", title=title) for title in ("a/b_c.pdf", "a/b_c.pdf", None))
    document, _ = sent((Message("user", documents),))
    content = document["messages"][0]["content"]
    names = [block["document"]["name"] for block in content if "document" in block]
    assert names == ["a b c pdf 1", "a b c pdf 2", "document 3"] and "text" in content[-1]


@pytest.mark.parametrize(
    "part", [Image(url="https://pictures.example/a.png"), Document(url="https://files.example/a.pdf")]
)
def test_what_bedrock_would_have_to_fetch_is_essential(part: Any) -> None:
    losses = Losses()
    BEDROCK.render_request(Request("m", (Message("user", (part,)),)), Aim(CLAUDE), losses)
    assert len(losses.essential) == 1


def test_a_model_is_named_in_the_path() -> None:
    for stream, verb in ((True, "converse-stream"), (False, "converse")):
        found = BEDROCK.render_request(Request("m", (HI,)), Aim(CLAUDE, stream=stream), Losses())
        assert found.path == f"/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/{verb}"


def test_clients_of_converse_stay_at_bedrock() -> None:
    assert not reads_clients("bedrock_converse") and reads_clients("gemini") and not reads_clients("rerank")
    with pytest.raises(WireError):
        BEDROCK.parse_request({}, Target("POST", "/"), Losses())
    with pytest.raises(WireError):
        BEDROCK.writer(Asked(AT))
    with pytest.raises(WireError):
        BEDROCK.render_answer(BEDROCK.parse_answer({}), Asked(AT))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, FailureKind.INVALID), (429, FailureKind.RATE), (503, FailureKind.OVERLOADED), (424, "invalid")],
)
def test_an_error_is_known_by_its_status(status: int, kind: str) -> None:
    failure = BEDROCK.parse_error(status, {"message": "So it is."})
    assert (failure.kind, failure.message) == (kind, "So it is.")


def test_an_answer_without_its_last_frame_is_whole_all_the_same() -> None:
    reader = BEDROCK.reader()
    delta = {"contentBlockIndex": 0, "delta": {"text": "Hi"}}
    stream = render(delta, "contentBlockDelta") + render({"stopReason": "end_turn"}, "messageStop")
    events = [type(event).__name__ for event in (*reader.feed(stream), *reader.finish())]
    assert events == ["Started", "PartStarted", "TextDelta", "PartEnded", "Finished"]
