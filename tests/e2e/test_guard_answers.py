"""What was masked comes back in the answer: read by the real SDKs, in whatever pieces the bytes come."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import anthropic
import boto3
import httpx2
import openai
import orjson
import pytest
from botocore.config import Config
from google import genai
from google.genai import types as gemini_types

from sluiceway.wire.sse import data_of
from tests.e2e.guarded import HOSTS, KEY, MAIL, SECRET, Guarded
from tests.sdks import gemini_http
from tests.wire.smallest import PATHS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

RULES = """
  - {name: mask-all, detect: ["*"], action: mask}
"""
CLAUDE = "claude-sonnet-4-5"
SIZES = (1, 2, 3, 7, 16)
# Two values, one of them twice, a secret, quotes, and the beginning of a placeholder at the end.
SAID = f'mail {MAIL} and "dave@firm-mail.net", then {MAIL} again <b> {SECRET} <EMAIL_'
SEEN = SAID.replace(SECRET, "<SECRET_1>")
SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
TOOL = {"to": SEEN}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    started = Guarded(tmp_path_factory.mktemp("guard"), RULES)
    yield started
    started.stop()


@pytest.fixture
def claude(guarded: Guarded) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key=KEY, http_client=guarded.http, max_retries=0)


@pytest.fixture
def gpt(guarded: Guarded) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", http_client=guarded.http, max_retries=0)


@pytest.fixture
def google(guarded: Guarded) -> Iterator[genai.Client]:
    context = ssl.create_default_context(cafile=guarded.running.anchor)
    with gemini_http().Client(proxy=guarded.proxy, verify=context) as client:
        yield genai.Client(api_key="AIza-x", http_options=gemini_types.HttpOptions(httpx_client=client))


@pytest.fixture(autouse=True)
def nothing_leaks(guarded: Guarded) -> Iterator[None]:
    guarded.heard()
    yield
    heard = guarded.heard()
    assert b"<EMAIL_1>" in heard
    assert not any(value.encode() in heard for value in (MAIL, SECRET, "dave@firm-mail.net"))


def cut(size: int, events: int = 40) -> dict[str, str]:
    return {"x-demo-fault": f"trickle;size={size}", "x-demo-events": str(events)}


def asking(said: str = SAID, tool: bool = False) -> Any:
    return [{"role": "user", "content": ("use the tool; " if tool else "") + f"Repeat after me: {said}"}]


@pytest.mark.parametrize("size", SIZES)
def test_anthropics_sdk_reads_a_stream_with_the_values(claude: anthropic.Anthropic, size: int) -> None:
    asked: Any = {"model": CLAUDE, "max_tokens": 500, "messages": asking(), "extra_headers": cut(size)}
    with claude.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == SEEN
    assert [block.text for block in final.content if block.type == "text"] == [SEEN]


@pytest.mark.parametrize("size", SIZES)
def test_anthropics_sdk_reads_a_tool_call_with_the_values(claude: anthropic.Anthropic, size: int) -> None:
    tools: Any = [{"name": "send", "input_schema": SCHEMA}]
    asked: Any = {"model": CLAUDE, "max_tokens": 500, "messages": asking(tool=True), "tools": tools}
    with claude.messages.stream(**asked, extra_headers=cut(size)) as stream:
        final = stream.get_final_message()
    assert [block.input for block in final.content if block.type == "tool_use"] == [TOOL]


@pytest.mark.parametrize("size", SIZES)
def test_openais_sdk_reads_a_chat_with_the_values(gpt: openai.OpenAI, size: int) -> None:
    with gpt.chat.completions.stream(model="gpt-4o", messages=asking(), extra_headers=cut(size)) as stream:
        assert stream.get_final_completion().choices[0].message.content == SEEN


@pytest.mark.parametrize("size", SIZES)
def test_openais_sdk_reads_a_tool_call_with_the_values(gpt: openai.OpenAI, size: int) -> None:
    tools: Any = [{"type": "function", "function": {"name": "send", "parameters": SCHEMA}}]
    with gpt.chat.completions.stream(
        model="gpt-4o", messages=asking(tool=True), tools=tools, extra_headers=cut(size)
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [("send", TOOL)]


@pytest.mark.parametrize("size", SIZES)
def test_openais_sdk_reads_a_response_with_the_values(gpt: openai.OpenAI, size: int) -> None:
    with gpt.responses.stream(model="gpt-4o", input=asking(), extra_headers=cut(size)) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == SEEN
    assert [event.text for event in events if event.type == "response.output_text.done"] == [SEEN]
    assert final.output_text == SEEN
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("size", SIZES)
def test_openais_sdk_reads_a_function_call_with_the_values(gpt: openai.OpenAI, size: int) -> None:
    tools: Any = [{"type": "function", "name": "send", "parameters": SCHEMA}]
    with gpt.responses.stream(
        model="gpt-4o", input=asking(tool=True), tools=tools, extra_headers=cut(size)
    ) as stream:
        final = stream.get_final_response()
    (call,) = [item for item in final.output if item.type == "function_call"]
    assert json.loads(call.arguments) == TOOL


@pytest.mark.parametrize("size", SIZES)
def test_googles_sdk_reads_a_stream_with_the_values(google: genai.Client, size: int) -> None:
    config = gemini_types.GenerateContentConfig(http_options=gemini_types.HttpOptions(headers=cut(size)))
    pieces = google.models.generate_content_stream(
        model="gemini-2.0-flash", contents=f"Repeat after me: {SAID}", config=config
    )
    assert "".join(piece.text or "" for piece in pieces) == SEEN


@pytest.mark.parametrize("size", SIZES)
def test_an_array_of_gemini_holds_the_values(guarded: Guarded, size: int) -> None:
    path = "/v1beta/models/gemini-2.0-flash:streamGenerateContent"
    body = {"contents": [{"parts": [{"text": f"Repeat after me: {SAID}"}]}]}
    pieces = guarded.post("gemini", path, body, **cut(size)).json()
    texts = [piece["candidates"][0]["content"]["parts"][0]["text"] for piece in pieces]
    assert "".join(texts) == SEEN


def test_googles_sdk_reads_a_call_with_the_values(google: genai.Client) -> None:
    declared: Any = {"name": "send", "parameters_json_schema": SCHEMA}
    config = gemini_types.GenerateContentConfig(
        tools=[gemini_types.Tool(function_declarations=[declared])],
        automatic_function_calling=gemini_types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked = f"use the tool; Repeat after me: {SAID}"
    for answer in google.models.generate_content_stream(
        model="gemini-2.0-flash", contents=asked, config=config
    ):
        if answer.function_calls:
            assert answer.function_calls[0].args == TOOL


WHOLE = {
    "anthropic_messages": (
        {"model": CLAUDE, "max_tokens": 500, "messages": asking()},
        ["content", 0, "text"],
    ),
    "openai_chat": ({"model": "gpt-4o", "messages": asking()}, ["choices", 0, "message", "content"]),
    "openai_responses": ({"model": "gpt-4o", "input": asking()}, ["output", 0, "content", 0, "text"]),
    "gemini": (
        {"contents": [{"parts": [{"text": f"Repeat after me: {SAID}"}]}]},
        ["candidates", 0, "content", "parts", 0, "text"],
    ),
}


@pytest.mark.parametrize("encoding", ["", "gzip", "br", "trickle;size=3"])
@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_holds_the_values(guarded: Guarded, name: str, encoding: str) -> None:
    body, path = WHOLE[name]
    headers = {"x-demo-fault": encoding} if encoding else {}
    answer = guarded.post(name, PATHS[name].replace("2.5-pro", "2.0-flash"), body, **headers)
    assert "content-encoding" not in answer.headers
    found = answer.json()
    for step in path:
        found = found[step]
    assert found == SEEN


def test_thinking_is_signed_and_stays_as_it_is(guarded: Guarded) -> None:
    body = {"model": CLAUDE, "max_tokens": 2000, "messages": asking(), "stream": True}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = guarded.post("anthropic_messages", PATHS["anthropic_messages"], {**body, "thinking": thinking})
    plain = guarded.post("anthropic_messages", PATHS["anthropic_messages"], {**body, "thinking": thinking})
    assert signatures(answer.content) == signatures(plain.content) != []


def signatures(stream: bytes) -> list[Any]:
    events = [orjson.loads(data_of(event)) for event in stream.split(b"\n\n") if data_of(event)]
    return [event["delta"]["signature"] for event in events if "signature" in event.get("delta", {})]


def test_a_secret_cannot_be_had_back_by_its_placeholder(guarded: Guarded) -> None:
    said = f"Repeat after me: <SECRET_1> and <EMAIL_1>. My key is {SECRET}, my address {MAIL}"
    text = guarded.ask(said).json()["content"][0]["text"]
    # The placeholders that stand in the request as somebody's own words belong to nobody.
    assert text == f"<SECRET_1> and <EMAIL_1>. My key is <SECRET_2>, my address {MAIL}"
    guarded.ask(MAIL)


def test_an_answer_that_a_cap_ends_gives_back_what_is_held(guarded: Guarded) -> None:
    policy = guarded.running.deployment.settings.rules / "policy" / "10-test.yaml"
    cap = "{name: tight, scope: {employee: dave}, limit_usd: 0.0025, window: day}"
    policy.write_text(f"version: 1\nbudgets: [{cap}]\n")
    guarded.running.on.call(guarded.running.service.reload)
    long = " ".join([MAIL, "<EMAIL_", "<b>"] * 60)
    with guarded.client(guarded.running.add("dave")) as client:
        body = {"model": CLAUDE, "max_tokens": 800, "messages": asking(long), "stream": True}
        url = HOSTS["anthropic_messages"] + PATHS["anthropic_messages"]
        headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01", "x-demo-events": "200"}
        answer = client.post(url, json=body, headers=headers)
    policy.write_text("version: 1\nbudgets: []\n")
    guarded.running.on.call(guarded.running.service.reload)
    text = said_in(answer)
    assert answer.status_code == 200
    told = text.partition("[Sluiceway")[0].rstrip("\n")
    # It may end in the middle of a placeholder, which was held back and is given out then.
    assert long.replace(MAIL, "<EMAIL_1>").startswith(told.replace(MAIL, "<EMAIL_1>").rstrip())
    assert MAIL in told and "<EMAIL_1>" not in text
    assert text.endswith(".]")
    assert guarded.running.rows()[-1]["outcome"] == "capped"


def said_in(answer: httpx2.Response) -> str:
    events = [orjson.loads(data_of(event)) for event in answer.content.split(b"\n\n") if data_of(event)]
    return "".join(
        event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"
    )


@pytest.mark.parametrize("fault", ["cut;after=9", "stream-error;after=9"])
def test_a_stream_that_breaks_gives_back_what_is_held(guarded: Guarded, fault: str) -> None:
    body = {"model": CLAUDE, "max_tokens": 800, "messages": asking(), "stream": True}
    headers = {"x-demo-fault": fault, "x-demo-events": "40"}
    answer = guarded.post("anthropic_messages", PATHS["anthropic_messages"], body, **headers)
    text = said_in(answer)
    assert text and SEEN.replace(MAIL, "<EMAIL_1>").startswith(text.replace(MAIL, "<EMAIL_1>"))
    assert b"event: error" in answer.content


def test_awss_sdk_reads_both_streams_of_bedrock_with_the_values(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "ABSKexampleexampleexample")
    proxies = Config(proxies={"https": guarded.proxy}, retries={"total_max_attempts": 1})
    client = boto3.client(
        "bedrock-runtime", region_name="eu-central-1", config=proxies, verify=guarded.running.anchor
    )
    for name, value in cut(7).items():
        client.meta.events.register(
            "before-sign", lambda request, n=name, v=value, **_: request.headers.__setitem__(n, v)
        )
    claude = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    said = f"Repeat after me: {SAID}"
    with closing(client):
        asked = [{"role": "user", "content": [{"text": said}]}]
        events = client.converse_stream(modelId=claude, messages=asked)["stream"]
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        assert "".join(delta.get("text", "") for delta in deltas) == SEEN
        body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": asking()}
        chunks = client.invoke_model_with_response_stream(modelId=claude, body=orjson.dumps(body))["body"]
        documents = [orjson.loads(chunk["chunk"]["bytes"]) for chunk in chunks]
        assert "".join(each.get("delta", {}).get("text", "") for each in documents) == SEEN
        answer = orjson.loads(client.invoke_model(modelId=claude, body=orjson.dumps(body))["body"].read())
        assert answer["content"][0]["text"] == SEEN
