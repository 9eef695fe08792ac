"""OpenAI's SDK reads the responses that we write, and every event of them keeps the API's rules."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from sdk_judges import gpt
from translation_cases import AT, FOLDERS, Case, name_of, named

from sluiceway.wire.dialect import Target
from sluiceway.wire.sse import EventSplitter, data_of
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Request, StopReason, Text, Thinking
from sluiceway.wire.translation.passage import translated
from sluiceway.wire.translation.translator import Aim, Asked

STREAM = "text/event-stream; charset=utf-8"
ASK: dict[str, Any] = {"model": "m", "input": "Hi"}
OURS = [folder for folder in FOLDERS if folder.parent.name.startswith("openai_responses--")]
STREAMS = [folder for folder in OURS if (folder / "shown.sse").exists()]
WHOLE = [folder for folder in OURS if (folder / "shown.json").exists()]
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
GPT = named("openai_responses")


def events_in(shown: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(data_of(event)) for event in EventSplitter().feed(shown)]


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_openais_sdk_reads_a_translated_stream(folder: Path) -> None:
    shown = (folder / "shown.sse").read_bytes()
    for event in events_in(shown):
        EVENT.validate_json(orjson.dumps(event), strict=True)
    last = list(gpt(shown, STREAM).responses.create(stream=True, **ASK))[-1]
    assert last.type in ("response.completed", "response.incomplete", "response.failed")
    if last.type == "response.failed":
        assert last.response.error is not None and last.response.error.message
        return
    with gpt(shown, STREAM).responses.stream(**ASK) as stream:
        gathered = [item for event in stream if event.type == "response.output_item.done" and (item := event)]
    told = [item.model_dump(exclude_none=True) for item in last.response.output]
    assert [done.item.model_dump(exclude_none=True) for done in gathered] == told


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_events_are_numbered_and_every_item_begins_and_ends(folder: Path) -> None:
    events = events_in((folder / "shown.sse").read_bytes())
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    begun = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
    ended = [event["output_index"] for event in events if event["type"] == "response.output_item.done"]
    assert begun == list(range(len(begun)))
    assert sorted(ended) == begun or events[-1]["type"] == "response.failed"


@pytest.mark.parametrize("folder", WHOLE, ids=name_of)
def test_openais_sdk_reads_a_translated_response(folder: Path) -> None:
    shown = (folder / "shown.json").read_bytes()
    Response.model_validate_json(shown, strict=True)
    assert gpt(shown).responses.create(**ASK).to_dict() == orjson.loads(shown)


def test_codex_gets_its_own_tools_back_by_their_names_and_groups() -> None:
    folder = next(folder for folder in OURS if folder.name == "codex_turn_stream")
    last = list(gpt((folder / "shown.sse").read_bytes(), STREAM).responses.create(stream=True, **ASK))[-1]
    assert last.type == "response.completed"
    calls = [item for item in last.response.output if item.type.endswith("_call")]
    assert [(item.type, item.name, item.namespace) for item in calls] == [  # type: ignore[union-attr]
        ("function_call", "exec_command", None),
        ("custom_tool_call", "apply_patch", None),
        ("function_call", "spawn_agent", "collab"),
    ]
    assert calls[1].input == "*** Begin Patch\n"  # type: ignore[union-attr]
    assert last.response.usage is not None
    assert (last.response.usage.input_tokens, last.response.usage.input_tokens_details.cached_tokens) == (
        2040,
        2000,
    )


SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


@pytest.mark.parametrize("target", ["openai_responses", "openai_chat", "anthropic_messages"])
def test_sealed_thoughts_go_to_openai_alone(target: str) -> None:
    document = {"model": "m", "input": [{"role": "user", "content": "Hi"}, SEALED]}
    losses = Losses()
    request = GPT.parse_request(document, Target("POST", "/v1/responses"), losses)
    sent = named(target).render_request(request, Aim("gpt-5.4"), losses).document
    kept = "gAAA" in orjson.dumps(sent).decode()
    assert kept is (target == "openai_responses")
    assert losses.counts() == ({} if kept else {"messages: thinking": 1})


def test_thoughts_of_others_are_not_shown_to_who_would_send_them_back() -> None:
    answer = named("openai_chat").parse_answer(
        {"choices": [{"message": {"content": "Hi", "reasoning_content": "Hm"}, "finish_reason": "stop"}]}
    )
    assert [type(part) for part in answer.parts] == [Thinking, Text]
    shown = GPT.render_answer(answer, Asked(AT, "1", "m"))
    assert [item["type"] for item in shown["output"]] == ["message"]


STOPS = [
    pytest.param(StopReason.END, "completed", None, id="end"),
    pytest.param(StopReason.TOOL_USE, "completed", None, id="tool"),
    pytest.param(StopReason.MAX_TOKENS, "incomplete", "max_output_tokens", id="limit"),
    pytest.param(StopReason.REFUSAL, "incomplete", "content_filter", id="filter"),
]


@pytest.mark.parametrize(("stop", "status", "reason"), STOPS)
def test_why_an_answer_ended_is_told(stop: StopReason, status: str, reason: str | None) -> None:
    answer = GPT.parse_answer({"id": "resp_1", "status": "completed", "output": []})
    object.__setattr__(answer, "stop_reason", stop)
    shown = GPT.render_answer(answer, Asked(AT, "1", "m"))
    assert shown["status"] == status
    assert shown["incomplete_details"] == (None if reason is None else {"reason": reason})


@pytest.mark.parametrize(
    ("given", "sent"), [(None, None), (1, 16), (100, 100)], ids=["none", "below the least", "as it is"]
)
def test_a_limit_is_one_that_the_api_takes(given: int | None, sent: int | None) -> None:
    losses = Losses()
    request = Request("m", (), (Text("Count."),), max_output_tokens=given)
    document = GPT.render_request(request, Aim("gpt-5.4"), losses).document
    assert document.get("max_output_tokens") == sent and document["store"] is False


def test_an_error_of_openais_keeps_its_kind() -> None:
    shown = GPT.render_error(named("anthropic_messages").parse_error(429, {}), "sw_1")
    with pytest.raises(openai.RateLimitError):
        gpt(shown.body, status=shown.status).responses.create(**ASK)


def test_arguments_of_one_namespace_and_another_do_not_mix() -> None:
    tools = [
        {
            "type": "namespace",
            "name": group,
            "description": "",
            "tools": [{"type": "function", "name": "run"}],
        }
        for group in ("a", "b")
    ]
    document = {"model": "m", "input": "Hi", "tools": tools}
    at, aim = Target("POST", "/v1/responses"), Aim("claude-opus-4-8")
    made = translated(GPT, named("anthropic_messages"), document, at, aim, Asked(AT, "1"), Losses())
    names = [tool["name"] for tool in made.rendered.document["tools"]]
    assert len(set(names)) == 2 and all(a != b for a, b in pairwise(names))
    blocks = [{"type": "tool_use", "id": "t1", "name": names[1], "input": {}}]
    (call,) = made.answer({"content": blocks, "stop_reason": "tool_use"})["output"]
    assert (call["namespace"], call["name"], call["arguments"]) == ("b", "run", "{}")


def test_what_is_said_of_a_group_stands_with_the_first_of_its_tools() -> None:
    tools = [{"type": "function", "name": name, "description": f"To {name}."} for name in ("add", "drop")]
    group = {"type": "namespace", "name": "calendar", "description": "Asks first.", "tools": tools}
    document = {"model": "m", "input": "Hi", "tools": [group]}
    at, aim = Target("POST", "/v1/responses"), Aim("claude-opus-4-8")
    made = translated(GPT, named("anthropic_messages"), document, at, aim, Asked(AT, "1"), Losses())
    assert [tool["description"] for tool in made.rendered.document["tools"]] == [
        "To add.\n\nAbout all tools of the group 'calendar': Asks first.",
        "To drop.",
    ]


def test_a_tool_of_a_group_goes_by_its_own_name_where_no_other_has_it() -> None:
    case = Case(next(folder for folder in OURS if folder.name == "codex_turn_stream"))
    made = case.translated()
    assert [tool["name"] for tool in made.rendered.document["tools"]] == [
        "exec_command",
        "apply_patch",
        "spawn_agent",
    ]
    assert made.rendered.document["messages"][1]["content"][2]["name"] == "spawn_agent"


def test_a_case_names_what_only_openai_keeps() -> None:
    case = Case(next(folder for folder in OURS if folder.name == "what_cannot_go"))
    case.translated()
    why = {loss.field: loss.why for loss in case.losses.essential}
    assert why["previous_response_id"] == "the conversation before it is kept by OpenAI"
