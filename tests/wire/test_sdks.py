"""The official SDKs as judges: what we write in a provider's name, its own client reads as the provider's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import boto3
import openai
import orjson
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from google import genai
from google.genai import errors as genai_errors

from sluiceway.types import Call, ErrorAnswer, Refusal, RefusalKind
from sluiceway.wire import Target, by_name

CASES = Path(__file__).parent / "cases"
NOTE = 'The budget of team core is used up. Ask "dave" – please.'
LOST = Refusal(RefusalKind.UNREACHABLE, "upstream_lost", "The provider closed the connection.")
MESSAGES: Any = [{"role": "user", "content": "Say hi"}]


@dataclass
class FakeProvider:
    """Answers every request with the same bytes and counts how often it was asked."""

    answer: ErrorAnswer = field(default_factory=lambda: ErrorAnswer(500, (), b""))
    asked: int = 0
    url: str = ""

    def streams(self, body: bytes) -> None:
        self.answer = ErrorAnswer(200, (("content-type", "text/event-stream"),), body)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeProvider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fake = FakeProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            fake.asked += 1
            self.send_response(fake.answer.status)
            for name, value in (*fake.answer.headers, ("content-length", str(len(fake.answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(fake.answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def claude(provider: FakeProvider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="k", base_url=provider.url) as client:
        yield client


@pytest.fixture
def gpt(provider: FakeProvider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="k", base_url=f"{provider.url}/v1") as client:
        yield client


@pytest.fixture
def google(provider: FakeProvider) -> Iterator[genai.Client]:
    options = genai.types.HttpOptions(base_url=provider.url)
    client = genai.Client(api_key="k", http_options=options)
    yield client
    client.close()


def until(case: str, marker: bytes) -> bytes:
    """The recorded stream up to and with the event that holds `marker`."""
    whole = (CASES / case / "response.sse").read_bytes()
    blank = b"\r\n\r\n" if b"\r\n\r\n" in whole else b"\n\n"
    return whole[: whole.index(blank, whole.index(marker)) + len(blank)]


def ended(dialect: str, begun: bytes, end: str = "cut") -> bytes:
    tap = by_name(dialect).tap(
        Call(dialect=dialect, operation="chat", model="m", stream=True), 200, "text/event-stream"
    )
    return tap.feed(begun) + (tap.cut(NOTE) if end == "cut" else tap.fail(LOST, "req-1"))


ANTHROPIC_CUTS = [
    pytest.param("text_stream", b"Hello", ["text"], id="in-text"),
    pytest.param("text_stream", b"message_start", ["text"], id="before-any-block"),
    pytest.param("tools_stream", b"Ber", ["text", "tool_use", "text"], id="in-a-tool-call"),
    pytest.param("tools_stream", b'"name":"get_weather"', ["text", "tool_use", "text"], id="at-a-tool-call"),
    pytest.param("thinking_stream", b"signature_delta", ["thinking", "text"], id="in-thinking"),
]


@pytest.mark.parametrize(("case", "marker", "blocks"), ANTHROPIC_CUTS)
def test_anthropics_sdk_reads_a_cut_as_max_tokens(
    claude: anthropic.Anthropic, provider: FakeProvider, case: str, marker: bytes, blocks: list[str]
) -> None:
    provider.streams(ended("anthropic_messages", until(f"anthropic_messages/{case}", marker)))
    with claude.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "max_tokens"
    assert [block.type for block in message.content] == blocks
    last = message.content[-1]
    assert last.type == "text"
    assert last.text.endswith(NOTE)
    assert message.usage.output_tokens > 0


def test_anthropics_sdk_reads_a_cut_before_the_first_event(
    claude: anthropic.Anthropic, provider: FakeProvider
) -> None:
    provider.streams(ended("anthropic_messages", b""))
    with claude.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream:
        assert stream.get_final_text() == NOTE


def test_anthropics_sdk_raises_our_message_when_the_stream_broke(
    claude: anthropic.Anthropic, provider: FakeProvider
) -> None:
    provider.streams(ended("anthropic_messages", until("anthropic_messages/text_stream", b"Hello"), "fail"))
    with (
        pytest.raises(anthropic.APIStatusError, match="closed the connection"),
        claude.messages.stream(model="m", max_tokens=9, messages=MESSAGES) as stream,
    ):
        stream.get_final_message()


CHAT_CUTS = [
    pytest.param("text_stream", b"Hello", id="in-text"),
    pytest.param("tools_stream", b"prompt_tokens", id="in-a-tool-call"),
]


@pytest.mark.parametrize(("case", "marker"), CHAT_CUTS)
def test_openais_sdk_reads_a_cut_chat_as_length(
    gpt: openai.OpenAI, provider: FakeProvider, case: str, marker: bytes
) -> None:
    provider.streams(ended("openai_chat", until(f"openai_chat/{case}", marker)))
    with gpt.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas).endswith(NOTE)
    assert chunks[-1].choices[0].finish_reason == "length"
    arguments = [
        call.function.arguments for delta in deltas for call in delta.tool_calls or [] if call.function
    ]
    assert NOTE not in "".join(part or "" for part in arguments)


def test_openais_sdk_raises_our_message_when_the_chat_broke(
    gpt: openai.OpenAI, provider: FakeProvider
) -> None:
    provider.streams(ended("openai_chat", until("openai_chat/text_stream", b"Hello"), "fail"))
    with (
        pytest.raises(openai.APIError, match="closed the connection"),
        gpt.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream,
    ):
        list(stream)


RESPONSES_CUTS = [
    pytest.param("text_stream", b'"delta":"Hello"', ["message"], id="in-text"),
    pytest.param("text_stream", b"response.created", ["message"], id="before-any-item"),
    pytest.param("reasoning_and_tools", b"gAAAAAB", ["reasoning", "message"], id="between-items"),
    pytest.param("reasoning_and_tools", b"arguments.delta", ["reasoning", "message"], id="in-a-tool-call"),
]


@pytest.mark.parametrize(("case", "marker", "items"), RESPONSES_CUTS)
def test_openais_sdk_reads_a_cut_response_as_incomplete(
    gpt: openai.OpenAI, provider: FakeProvider, case: str, marker: bytes, items: list[str]
) -> None:
    provider.streams(ended("openai_responses", until(f"openai_responses/{case}", marker)))
    with gpt.responses.stream(model="m", input="Say hi") as stream:
        events = list(stream)
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert [item.type for item in last.response.output] == items
    assert last.response.output_text.endswith(NOTE)
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == list(
        range(len(events))
    )


def test_openais_sdk_reads_a_broken_response_as_failed(gpt: openai.OpenAI, provider: FakeProvider) -> None:
    provider.streams(ended("openai_responses", until("openai_responses/text_stream", b"Hello"), "fail"))
    with gpt.responses.create(model="m", input="Say hi", stream=True) as stream:
        last = list(stream)[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.error.code, last.response.error.message) == ("server_error", LOST.message)


def test_googles_sdk_reads_a_cut_as_max_tokens(google: genai.Client, provider: FakeProvider) -> None:
    provider.streams(ended("gemini", until("gemini/text_stream", b"Hello")))
    pieces = list(google.models.generate_content_stream(model="m", contents="Say hi"))
    assert "".join(piece.text or "" for piece in pieces).endswith(NOTE)
    assert pieces[-1].candidates is not None
    assert pieces[-1].candidates[0].finish_reason == genai.types.FinishReason.MAX_TOKENS
    assert pieces[-1].usage_metadata is not None
    assert pieces[-1].usage_metadata.candidates_token_count == 2, "what the provider had counted by then"


def test_googles_sdk_raises_our_message_when_the_stream_broke(
    google: genai.Client, provider: FakeProvider
) -> None:
    provider.streams(ended("gemini", until("gemini/text_stream", b"Hello"), "fail"))
    with pytest.raises(genai_errors.APIError, match="closed the connection"):
        list(google.models.generate_content_stream(model="m", contents="Say hi"))


FINAL = [
    kind for kind in RefusalKind if kind.value in ("identity", "budget", "policy", "request", "misdirected")
]


def refusal(kind: RefusalKind) -> Refusal:
    return Refusal(kind, "some_code", NOTE)


@pytest.mark.parametrize("kind", FINAL)
def test_anthropics_sdk_shows_a_final_refusal_at_once(
    claude: anthropic.Anthropic, provider: FakeProvider, kind: RefusalKind
) -> None:
    provider.answer = by_name("anthropic_messages").refuse(refusal(kind), "req-1")
    with pytest.raises(anthropic.APIStatusError) as error:
        claude.messages.create(model="m", max_tokens=9, messages=MESSAGES)
    assert provider.asked == 1
    assert NOTE in str(error.value.body)


@pytest.mark.parametrize("kind", FINAL)
@pytest.mark.parametrize("codex", [False, True], ids=["sdk", "codex"])
def test_openais_sdk_shows_a_final_refusal_at_once(
    gpt: openai.OpenAI, provider: FakeProvider, kind: RefusalKind, codex: bool
) -> None:
    provider.answer = by_name("openai_responses").refuse(refusal(kind), "req-1", codex)
    with pytest.raises(openai.APIStatusError) as error:
        gpt.responses.create(model="m", input="Say hi")
    assert provider.asked == 1
    assert NOTE in str(error.value.body)


@pytest.mark.parametrize("kind", FINAL)
def test_googles_sdk_shows_a_final_refusal_at_once(
    google: genai.Client, provider: FakeProvider, kind: RefusalKind
) -> None:
    provider.answer = by_name("gemini").refuse(refusal(kind), "req-1")
    with pytest.raises(genai_errors.ClientError) as error:
        google.models.generate_content(model="m", contents="Say hi")
    assert provider.asked == 1
    assert error.value.message == NOTE


@pytest.mark.parametrize("kind", [RefusalKind.BUSY, RefusalKind.RATE])
def test_the_sdks_try_again_when_waiting_helps(
    claude: anthropic.Anthropic, gpt: openai.OpenAI, provider: FakeProvider, kind: RefusalKind
) -> None:
    soon = Refusal(kind, "some_code", NOTE, retry_after_s=0)
    provider.answer = by_name("anthropic_messages").refuse(soon, "req-1")
    with pytest.raises(anthropic.RateLimitError):
        claude.with_options(max_retries=1).messages.create(model="m", max_tokens=9, messages=MESSAGES)
    provider.answer = by_name("openai_chat").refuse(soon, "req-1")
    with pytest.raises(openai.RateLimitError):
        gpt.with_options(max_retries=1).chat.completions.create(model="m", messages=MESSAGES)
    assert provider.asked == 4


NOTICE = (
    'Your requests are audited from today: "http://sluiceway.internal/audit".\n'
    "Acknowledge it, please – then ask again."
)


def noticed(name: str, document: dict[str, Any], path: str, query: str = "") -> ErrorAnswer:
    """The notice in answer to the request that the SDK is about to send."""
    dialect = by_name(name)
    return dialect.notice(
        dialect.read(Target("POST", path, query), {}, orjson.dumps(document)), NOTICE, "sw_1"
    )


def test_anthropics_sdk_reads_a_notice_as_the_assistants_answer(
    claude: anthropic.Anthropic, provider: FakeProvider
) -> None:
    request: dict[str, Any] = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": MESSAGES}
    provider.answer = noticed("anthropic_messages", request, "/v1/messages")
    said = claude.messages.create(**request)
    provider.answer = noticed("anthropic_messages", {**request, "stream": True}, "/v1/messages")
    with claude.messages.stream(**request) as stream:
        streamed = stream.get_final_message()
    for message in (said, streamed):
        assert [(block.type, getattr(block, "text", None)) for block in message.content] == [("text", NOTICE)]
        assert (message.stop_reason, message.model, message.role) == (
            "end_turn",
            request["model"],
            "assistant",
        )
        assert (message.usage.input_tokens, message.usage.output_tokens) == (0, 0)


@pytest.mark.parametrize("choices", [1, 2])
@pytest.mark.parametrize("usage", [True, False], ids=["usage-asked", "usage-not-asked"])
def test_openais_sdk_reads_a_notice_as_a_completion(
    gpt: openai.OpenAI, provider: FakeProvider, choices: int, usage: bool
) -> None:
    request: dict[str, Any] = {"model": "gpt-5.1", "messages": MESSAGES, "n": choices}
    provider.answer = noticed("openai_chat", request, "/v1/chat/completions")
    said = gpt.chat.completions.create(**request)
    assert [(one.message.content, one.finish_reason) for one in said.choices] == [(NOTICE, "stop")] * choices
    assert said.usage is not None and said.usage.total_tokens == 0
    request |= {"stream": True, **({"stream_options": {"include_usage": True}} if usage else {})}
    provider.answer = noticed("openai_chat", request, "/v1/chat/completions")
    chunks = list(gpt.chat.completions.create(**request))
    for index in range(choices):
        mine = [one for chunk in chunks for one in chunk.choices if one.index == index]
        assert "".join(one.delta.content or "" for one in mine) == NOTICE
        assert mine[-1].finish_reason == "stop"
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([0] if usage else [])


def test_openais_sdk_reads_a_notice_as_a_response(gpt: openai.OpenAI, provider: FakeProvider) -> None:
    request: dict[str, Any] = {"model": "gpt-5.1", "input": "Say hi"}
    provider.answer = noticed("openai_responses", request, "/v1/responses")
    said = gpt.responses.create(**request)
    provider.answer = noticed("openai_responses", {**request, "stream": True}, "/v1/responses")
    with gpt.responses.stream(**request) as stream:
        events = list(stream)
        streamed = stream.get_final_response()
    for response in (said, streamed):
        assert (response.output_text, response.status, response.model) == (NOTICE, "completed", "gpt-5.1")
        assert response.usage is not None and response.usage.total_tokens == 0
        assert [getattr(item, "status", None) for item in response.output] == ["completed"]
    assert events[0].type == "response.created"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == NOTICE
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == list(
        range(len(events))
    )


def test_googles_sdk_reads_a_notice_as_the_models_answer(
    google: genai.Client, provider: FakeProvider
) -> None:
    request = {"contents": [{"parts": [{"text": "Say hi"}]}]}
    provider.answer = noticed("gemini", request, "/v1beta/models/m:generateContent")
    said = google.models.generate_content(model="m", contents="Say hi")
    provider.answer = noticed("gemini", request, "/v1beta/models/m:streamGenerateContent", "alt=sse")
    streamed = list(google.models.generate_content_stream(model="m", contents="Say hi"))
    for answer in (said, *streamed):
        assert answer.text == NOTICE
        assert answer.candidates is not None
        assert answer.candidates[0].finish_reason == genai.types.FinishReason.STOP
        assert answer.usage_metadata is not None and answer.usage_metadata.total_token_count == 0
    assert len(streamed) == 1


def test_without_events_gemini_gets_its_notice_in_an_array() -> None:
    request = {"contents": [{"parts": [{"text": "Say hi"}]}]}
    answer = noticed("gemini", request, "/v1beta/models/m:streamGenerateContent", "key=k&alt=json")
    (piece,) = orjson.loads(answer.body)
    assert piece["candidates"][0]["content"]["parts"] == [{"text": NOTICE}]
    assert dict(answer.headers)["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/v1beta/models/m:embedContent", "/v1beta/models/m:countTokens"])
def test_where_no_model_would_speak_gemini_gets_a_refusal(path: str) -> None:
    answer = noticed("gemini", {"content": {"parts": [{"text": "x"}]}}, path)
    assert (answer.status, orjson.loads(answer.body)["error"]["message"]) == (403, NOTICE)


def test_where_no_assistant_would_speak_the_sdks_show_a_refusal(
    claude: anthropic.Anthropic, gpt: openai.OpenAI, provider: FakeProvider
) -> None:
    request: dict[str, Any] = {"model": "m", "messages": MESSAGES}
    provider.answer = noticed("anthropic_messages", request, "/v1/messages/count_tokens")
    with pytest.raises(anthropic.BadRequestError, match="Acknowledge it"):
        claude.messages.count_tokens(**request)
    provider.answer = noticed("openai_embeddings", {"model": "m", "input": "x"}, "/v1/embeddings")
    with pytest.raises(openai.PermissionDeniedError, match="Acknowledge it"):
        gpt.embeddings.create(model="m", input="x")
    assert provider.asked == 2


NOTICED = [
    pytest.param("anthropic_messages", {"model": "m", "messages": MESSAGES, "stream": True}, id="anthropic"),
    pytest.param(
        "openai_chat",
        {"model": "m", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}},
        id="chat",
    ),
    pytest.param("openai_responses", {"model": "m", "input": "hi", "stream": True}, id="responses"),
    pytest.param("gemini", {"contents": []}, id="gemini"),
    pytest.param("bedrock_converse", {"messages": []}, id="converse"),
]


@pytest.mark.parametrize(("name", "document"), NOTICED)
def test_our_own_tap_reads_a_notice_as_a_complete_answer_without_tokens(
    name: str, document: dict[str, Any]
) -> None:
    aws = "/model/m/converse-stream"
    path = aws if name == "bedrock_converse" else "/v1beta/models/m:streamGenerateContent"
    answer = noticed(name, document, path, "alt=sse")
    call = Call(dialect=name, operation="chat", model="m", stream=True)
    tap = by_name(name).tap(call, 200, dict(answer.headers)["content-type"])
    assert tap.feed(answer.body) + tap.finish() == answer.body
    got = tap.answer()
    assert (got.complete, got.usage.input_tokens, got.usage.output_tokens) == (True, 0, 0)


@pytest.fixture
def aws(provider: FakeProvider) -> Iterator[Any]:
    session = boto3.session.Session("AKIAEXAMPLE000000001", "a secret of nobody", region_name="us-east-1")
    retries = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    client = session.client("bedrock-runtime", endpoint_url=provider.url, config=retries)
    yield client
    client.close()


CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
CLAUDE_BODY: dict[str, Any] = {"anthropic_version": "x", "max_tokens": 9, "messages": MESSAGES}


def test_boto3_reads_a_notice_as_the_assistants_answer(aws: Any, provider: FakeProvider) -> None:
    provider.answer = noticed("bedrock_converse", CONVERSE, "/model/m/converse")
    answer = aws.converse(modelId="m", **CONVERSE)
    assert answer["output"]["message"]["content"] == [{"text": NOTICE}]
    assert answer["usage"]["totalTokens"] == 0
    provider.answer = noticed("bedrock_converse", CONVERSE, "/model/m/converse-stream")
    events = list(aws.converse_stream(modelId="m", **CONVERSE)["stream"])
    assert events[1]["contentBlockDelta"]["delta"]["text"] == NOTICE
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 0


def test_boto3_reads_a_notice_in_claudes_own_body(aws: Any, provider: FakeProvider) -> None:
    provider.answer = noticed("bedrock_invoke", CLAUDE_BODY, "/model/m/invoke")
    body = orjson.loads(aws.invoke_model(modelId="m", body=orjson.dumps(CLAUDE_BODY))["body"].read())
    assert body["content"][0]["text"] == NOTICE
    provider.answer = noticed("bedrock_invoke", CLAUDE_BODY, "/model/m/invoke-with-response-stream")
    answer = aws.invoke_model_with_response_stream(modelId="m", body=orjson.dumps(CLAUDE_BODY))
    events = [orjson.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    assert events[2]["delta"]["text"] == NOTICE
    assert events[-1]["type"] == "message_stop"


def test_boto3_reads_a_notice_for_another_vendors_body_as_a_no(aws: Any, provider: FakeProvider) -> None:
    provider.answer = noticed("bedrock_invoke", {"prompt": "hi", "max_gen_len": 9}, "/model/m/invoke")
    with pytest.raises(ClientError, match=r"AccessDeniedException.*audited from today"):
        aws.invoke_model(modelId="m", body=b"{}")


@pytest.mark.parametrize(
    "kind", [RefusalKind.BUDGET, RefusalKind.POLICY, RefusalKind.REQUEST, RefusalKind.IDENTITY]
)
def test_boto3_asks_once_where_the_no_is_final(aws: Any, provider: FakeProvider, kind: RefusalKind) -> None:
    provider.answer = by_name("bedrock_converse").refuse(Refusal(kind, "code", NOTE), "r")
    with pytest.raises(ClientError) as error:
        aws.converse(modelId="m", **CONVERSE)
    assert error.value.response["Error"]["Message"] == NOTE
    assert provider.asked == 1
