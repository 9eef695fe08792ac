"""Google's SDK reads what we write for it, and what Gemini wants of a conversation it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from google import genai
from google.genai import errors, types
from translation_cases import AT, FOLDERS, Case, name_of, named

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.gemini.contents_in import NO_SIGNATURE
from sluiceway.wire.translation.gemini.schemas import from_google
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import (
    Format,
    Message,
    Reasoning,
    Request,
    StopReason,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from sluiceway.wire.translation.passage import Translation, translated
from sluiceway.wire.translation.translator import Aim, Asked, Rendered

GEMINI = named("gemini")
OURS = [folder for folder in FOLDERS if folder.parent.name.startswith("gemini--")]
STREAMS = [folder for folder in OURS if (folder / "shown.sse").exists()]
WHOLE = [folder for folder in OURS if (folder / "shown.json").exists()]


def google(body: bytes, kind: str = "application/json", status: int = 200) -> genai.Client:
    """Google's client, to whom everything answers this."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": kind}, content=body)

    options = types.HttpOptions(
        base_url="http://google.test", httpx_client=httpx.Client(transport=httpx.MockTransport(answer))
    )
    return genai.Client(api_key="k", http_options=options)


@pytest.mark.parametrize("folder", STREAMS, ids=name_of)
def test_googles_sdk_reads_a_translated_stream(folder: Path) -> None:
    shown = (folder / "shown.sse").read_bytes()
    stream = google(shown, "text/event-stream").models.generate_content_stream(model="m", contents="Hi")
    if b'"error"' in shown:
        with pytest.raises(errors.APIError):
            list(stream)
        return
    pieces = list(stream)
    ends = [piece.candidates[0].finish_reason for piece in pieces if piece.candidates]
    assert ends[-1] is not None and set(ends[:-1]) <= {None}
    assert pieces[-1].usage_metadata is not None and pieces[-1].usage_metadata.prompt_token_count
    calls = [call for piece in pieces for call in piece.function_calls or ()]
    assert all(isinstance(call.args, dict) and call.name for call in calls)


@pytest.mark.parametrize("folder", WHOLE, ids=name_of)
def test_googles_sdk_reads_a_translated_answer(folder: Path) -> None:
    shown = (folder / "shown.json").read_bytes()
    types.GenerateContentResponse.model_validate_json(shown)
    answer = google(shown).models.generate_content(model="m", contents="Hi")
    assert answer.candidates is not None and answer.candidates[0].finish_reason is not None


def to_gemini(messages: tuple[Message, ...], model: str, **more: Any) -> dict[str, Any]:
    return GEMINI.render_request(Request("m", messages, **more), Aim(model), Losses()).document


CALL, OTHER = ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "f", "{}")
SIGNED = ToolCall("c1", "f", "{}", signature="CpQB", vendor="google")
RESULTS = Message("user", (ToolResult("c1", (Text("one"),)), ToolResult("c2", (Text("two"),))))
SIGNATURES = [
    pytest.param((CALL, OTHER), "gemini-3-pro-preview", [NO_SIGNATURE, None], id="of another vendor"),
    pytest.param((SIGNED, OTHER), "gemini-3.1-pro", ["CpQB", None], id="its own"),
    pytest.param((CALL, OTHER), "gemini-flash-latest", [NO_SIGNATURE, None], id="a current one"),
    pytest.param((CALL, OTHER), "gemini-2.5-pro", [None, None], id="an older one needs none"),
    pytest.param((CALL, OTHER), "gemma-3-27b-it", [None, None], id="no gemini"),
]


@pytest.mark.parametrize(("calls", "model", "signatures"), SIGNATURES)
def test_the_first_call_of_a_step_has_a_signature_where_the_model_wants_one(
    calls: tuple[ToolCall, ...], model: str, signatures: list[str | None]
) -> None:
    messages = (Message("user", (Text("Hi"),)), Message("assistant", calls), RESULTS)
    contents = to_gemini(messages, model)["contents"]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == signatures


def test_what_stands_for_a_signature_comes_back_as_none() -> None:
    part = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": NO_SIGNATURE}
    document = {"contents": [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": [part]}]}
    request = GEMINI.parse_request(document, Target("POST", "/v1beta/models/m:generateContent"), Losses())
    (call,) = request.messages[1].parts
    assert isinstance(call, ToolCall) and (call.signature, call.vendor) == (None, None)


def test_calls_without_ids_meet_their_results_by_name_and_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {"n": n}}} for n, name in enumerate(["f", "g", "f"])]
    results = [
        {"functionResponse": {"name": name, "response": {"output": text}}}
        for name, text in (("f", "first"), ("f", "third"), ("g", "second"))
    ]
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": calls},
        {"role": "user", "parts": results},
    ]
    at, aim = Target("POST", "/v1beta/models/m:generateContent"), Aim("claude-opus-4-8")
    claude = named("anthropic_messages")
    sent = translated(GEMINI, claude, {"contents": contents}, at, aim, Asked(AT, "1"), Losses())
    called, given = (message["content"] for message in sent.rendered.document["messages"][1:3])
    assert [block["id"] for block in called] == [block["tool_use_id"] for block in given]
    assert [block["content"] for block in given] == ["first", "second", "third"]


def test_half_a_command_is_not_shown_as_a_command() -> None:
    case = Case(next(folder for folder in OURS if folder.name == "cut_short_stream"))
    assert case.stream is not None
    passage = case.translated().passage()
    shown = (passage.feed(case.stream) + passage.finish()).decode()
    assert '"args":{"INVALID_JSON":"{\\"command\\":\\"l"}' in shown and '"finishReason":"MAX_TOKENS"' in shown


def test_thoughts_are_shown_to_who_asked_for_them() -> None:
    answer = {"candidates": [{"content": {"parts": [{"text": "T", "thought": True}, {"text": "A"}]}}]}
    found = GEMINI.parse_answer(answer)
    for shown in (True, False, None):
        request = Request("m", (), reasoning=Reasoning(shown=shown))
        told = GEMINI.render_answer(found, Asked(AT, "1", "m", request=request))
        parts = told["candidates"][0]["content"]["parts"]
        assert len(parts) == (2 if shown else 1)


THINKING = [
    ("gemini-2.5-pro", Reasoning(False), {"thinkingBudget": 128}),
    ("gemini-2.5-flash", Reasoning(False), {"thinkingBudget": 0}),
    ("gemini-2.5-flash", Reasoning(True, 60_000), {"thinkingBudget": 24_576}),
    ("gemini-2.5-pro", Reasoning(True), {"thinkingBudget": -1}),
    ("gemini-3-pro-preview", Reasoning(True, effort="medium"), {"thinkingLevel": "LOW"}),
    ("gemini-3.1-pro-preview", Reasoning(True, effort="medium"), {"thinkingLevel": "MEDIUM"}),
    ("gemini-3-flash", Reasoning(True, effort="max", shown=True), "HIGH"),
    ("gemini-3-flash", Reasoning(True, effort="none", shown=True), {"thinkingLevel": "MINIMAL"}),
    ("gemini-2.0-flash", Reasoning(True, effort="high"), None),
    ("gemini-3-flash", Reasoning(), None),
]


@pytest.mark.parametrize(("model", "reasoning", "told"), THINKING, ids=lambda value: str(value)[:40])
def test_thinking_is_asked_for_as_the_model_takes_it(model: str, reasoning: Reasoning, told: Any) -> None:
    document = to_gemini((Message("user", (Text("Hi"),)),), model, reasoning=reasoning)
    if told == "HIGH":
        told = {"thinkingLevel": "HIGH", "includeThoughts": True}
    assert document.get("generationConfig", {}).get("thinkingConfig") == told


@pytest.mark.parametrize(
    ("model", "tools", "forced"),
    [
        ("gemini-2.5-pro", False, True),
        ("gemini-2.5-pro", True, False),
        ("gemini-3-pro-preview", True, True),
        ("gemini-1.5-pro", False, False),
    ],
)
def test_a_schema_is_forced_where_the_model_can_be(model: str, tools: bool, forced: bool) -> None:
    offered = (Tool("f", schema={"type": "object"}),) if tools else ()
    form = Format({"type": "object", "properties": {"a": {"type": "string"}}})
    document = to_gemini((Message("user", (Text("Hi"),)),), model, tools=offered, format=form)
    assert ("responseJsonSchema" in document.get("generationConfig", {})) is forced
    assert ("systemInstruction" in document) is not forced


def test_googles_schemas_become_json_schemas() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "when": {"type": "STRING", "format": "date-time", "nullable": True},
            "many": {"type": "ARRAY", "items": {"type": "INTEGER"}, "max_items": "3"},
            "type": {"any_of": [{"type": "NUMBER", "minimum": 0}, {"type": "TYPE_UNSPECIFIED"}]},
        },
        "required": ["when"],
        "propertyOrdering": ["when"],
    }
    assert from_google(schema) == {
        "type": "object",
        "properties": {
            "when": {"type": ["string", "null"], "format": "date-time"},
            "many": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
            "type": {"anyOf": [{"type": "number", "minimum": 0}, {}]},
        },
        "required": ["when"],
    }


ERRORS = [
    pytest.param(400, "invalid_request_error", "INVALID_ARGUMENT", id="wrong"),
    pytest.param(402, "billing_error", "PERMISSION_DENIED", id="no money"),
    pytest.param(429, "rate_limit_error", "RESOURCE_EXHAUSTED", id="rate"),
    pytest.param(529, "overloaded_error", "UNAVAILABLE", id="overloaded"),
]


@pytest.mark.parametrize(("status", "kind", "told"), ERRORS)
def test_an_error_is_told_as_google_tells_it(status: int, kind: str, told: str) -> None:
    body = {"type": "error", "error": {"type": kind, "message": "So it is."}}
    shown = GEMINI.render_error(named("anthropic_messages").parse_error(status, body), "sw_1")
    with pytest.raises(errors.APIError, match=r"So it is\.") as caught:
        google(shown.body, status=shown.status).models.generate_content(model="m", contents="Hi")
    assert (caught.value.code, caught.value.status) == (shown.status, told)


def test_a_key_that_google_refuses_is_not_taken_for_a_wrong_request() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = {
        "error": {
            "code": 400,
            "message": "API key not valid.",
            "status": "INVALID_ARGUMENT",
            "details": details,
        }
    }
    assert named("anthropic_messages").render_error(GEMINI.parse_error(400, body), "sw_1").status == 401


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("/v1beta/models/amazon.nova-pro-v1%3A0:generateContent", "amazon.nova-pro-v1:0"),
        ("/v1beta/models/anthropic%2Fclaude-opus-4-8:generateContent", "anthropic/claude-opus-4-8"),
        ("/v1beta/models/x", None),
        ("/v1beta/models/:generateContent", None),
        ("/", None),
    ],
)
def test_any_providers_model_may_stand_in_the_path(path: str, model: str | None) -> None:
    document = {"contents": [{"parts": [{"text": "Hi"}]}]}
    if model is None:
        with pytest.raises(WireError, match="path"):
            GEMINI.parse_request(document, Target("POST", path), Losses())
    else:
        assert GEMINI.parse_request(document, Target("POST", path), Losses()).model == model


def test_a_blocked_prompt_is_a_refusal() -> None:
    found = GEMINI.parse_answer({"promptFeedback": {"blockReason": "SAFETY"}})
    assert found.stop_reason is StopReason.REFUSAL and found.parts == ()


def test_ids_of_calls_differ_from_answer_to_answer() -> None:
    parts = [{"functionCall": {"name": "f", "args": {}}}] * 2
    answers = [
        GEMINI.parse_answer({"responseId": given, "candidates": [{"content": {"parts": parts}}]})
        for given in ("r1", "r2")
    ]
    ids = {part.id for answer in answers for part in answer.parts if isinstance(part, ToolCall)}
    assert len(ids) == 4


def test_a_request_to_count_is_written_as_one() -> None:
    request = Request("m", (Message("user", (Text("Hi"),)),))
    found = GEMINI.render_request(request, Aim("gemini-2.5-pro", counts_only=True), Losses())
    assert found.path == "/v1beta/models/gemini-2.5-pro:countTokens"
    assert found.document["generateContentRequest"]["model"] == "models/gemini-2.5-pro"
    assert GEMINI.parse_count(GEMINI.render_count(7)) == 7


def test_a_stream_ends_without_an_end_where_the_provider_broke_off() -> None:
    rendered = Rendered({}, "/")
    passage = Translation(named("openai_chat"), GEMINI, rendered, Asked(AT, "1", "m")).passage()
    piece = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}
    shown = passage.feed(b"data: %b\r\n\r\n" % orjson.dumps(piece)) + passage.finish()
    assert b'"error"' in shown and b"[DONE]" not in shown
