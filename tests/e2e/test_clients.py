"""Unmodified clients through the proxy: whole answers, and each row equals the provider's own count."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types as gemini_types

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import claude
from tests.sdks import gemini_http

pytestmark = [
    pytest.mark.e2e,
    # The SDKs warn of models that are new today and old when these tests run.
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

CLAUDE = "claude-sonnet-4-5"
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LONG = "What follows is the handbook. " * 400


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture
def http(quick: Running, alice: str) -> Iterator[httpx2.Client]:
    context = ssl.create_default_context(cafile=quick.anchor)
    with httpx2.Client(proxy=alice, verify=context) as client:
        yield client


@pytest.fixture
def claude_sdk(http: httpx2.Client) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-ant-api03-test", http_client=http, max_retries=0)


@pytest.fixture
def openai_sdk(http: httpx2.Client) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", http_client=http, max_retries=0)


@pytest.fixture
def gemini_sdk(quick: Running, alice: str) -> Iterator[genai.Client]:
    context = ssl.create_default_context(cafile=quick.anchor)
    with gemini_http().Client(proxy=alice, verify=context) as client:
        options = gemini_types.HttpOptions(httpx_client=client)
        yield genai.Client(api_key="AIza-test", http_options=options)


def test_anthropic_message(claude_sdk: anthropic.Anthropic, since: Since) -> None:
    message = claude_sdk.messages.create(**claude())
    row = since.matching()
    assert (message.usage.input_tokens, message.usage.output_tokens) == (
        row["input_tokens"],
        row["output_tokens"],
    )
    # 3 and 15 USD a million tokens: 3,000 and 15,000 nano-dollars each.
    assert row["cost_nusd"] == row["input_tokens"] * 3_000 + row["output_tokens"] * 15_000
    assert (row["client_name"], row["model_served"]) == ("anthropic-python", "claude-sonnet-4-5-20250929")
    assert (row["response_id"], row["stream"]) == (message.id, False)


def test_anthropic_stream(claude_sdk: anthropic.Anthropic, since: Since) -> None:
    with claude_sdk.messages.stream(**claude()) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text != ""  # type: ignore[union-attr]  # a text block
    row = since.matching()
    assert (row["stream"], row["response_id"]) == (True, final.id)


def test_anthropic_tool_call_in_a_stream(claude_sdk: anthropic.Anthropic, since: Since) -> None:
    tools: Any = [{"name": "weather", "description": "Weather of a city", "input_schema": WEATHER}]
    with claude_sdk.messages.stream(**claude("use the tool"), tools=tools) as stream:
        final = stream.get_final_message()
    assert [block.input for block in final.content if block.type == "tool_use"] == [{"city": "example"}]
    since.matching()


def test_anthropic_thinking_in_a_stream(claude_sdk: anthropic.Anthropic, since: Since) -> None:
    request = claude("why?", thinking={"type": "enabled", "budget_tokens": 1024}) | {"max_tokens": 2048}
    with claude_sdk.messages.stream(**request) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert since.matching()["reasoning_tokens"] > 0


def test_anthropic_prompt_cache_writes_and_reads_have_their_own_prices(
    claude_sdk: anthropic.Anthropic, since: Since, quick: Running
) -> None:
    system: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]
    claude_sdk.messages.create(**claude(), system=system)
    written = since.matching()
    again = Since(quick)
    claude_sdk.messages.create(**claude(), system=system)
    read = again.matching()
    assert written["cache_write_tokens"] == read["cache_read_tokens"] > 1024
    # A five-minute write costs 1.25 times input, a read a tenth.
    plain = written["input_tokens"] - written["cache_write_tokens"]
    output = written["output_tokens"] * 15_000
    assert written["cost_nusd"] == plain * 3_000 + written["cache_write_tokens"] * 3_750 + output
    assert (
        read["cost_nusd"] == plain * 3_000 + read["cache_read_tokens"] * 300 + read["output_tokens"] * 15_000
    )


def test_anthropic_count_tokens_is_free(claude_sdk: anthropic.Anthropic, since: Since) -> None:
    request = claude()
    counted = claude_sdk.messages.count_tokens(model=CLAUDE, messages=request["messages"])
    assert counted.input_tokens > 0
    row = since.row()
    assert (row["operation"], row["cost_nusd"], row["charged_nusd"]) == ("count_tokens", 0, 0)
    assert (row["outcome"], row["metered"]) == ("ok", True)


def test_openai_chat(openai_sdk: openai.OpenAI, since: Since) -> None:
    answer = openai_sdk.chat.completions.create(
        model="gpt-4.1-mini", messages=[{"role": "user", "content": "hi"}]
    )
    assert answer.choices[0].message.content
    row = since.matching()
    # 0.40 and 1.60 USD a million tokens.
    assert row["cost_nusd"] == row["input_tokens"] * 400 + row["output_tokens"] * 1_600


def test_openai_chat_stream_hides_the_usage_nobody_asked_for(openai_sdk: openai.OpenAI, since: Since) -> None:
    chunks = list(
        openai_sdk.chat.completions.create(
            model="gpt-4.1-mini", messages=[{"role": "user", "content": "hi"}], stream=True
        )
    )
    assert all(chunk.choices for chunk in chunks)
    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    since.matching()


def test_openai_chat_stream_shows_the_usage_that_was_asked_for(
    openai_sdk: openai.OpenAI, since: Since
) -> None:
    chunks = list(
        openai_sdk.chat.completions.create(
            model="gpt-4.1-mini",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    row = since.matching()
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == row["output_tokens"]


def test_openai_reasoning_is_part_of_the_output_and_told_apart(
    openai_sdk: openai.OpenAI, since: Since
) -> None:
    openai_sdk.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "hi"}])
    row = since.matching()
    assert 0 < row["reasoning_tokens"] < row["output_tokens"]


def test_openai_tool_call_in_a_stream(openai_sdk: openai.OpenAI, since: Since) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    with openai_sdk.chat.completions.stream(
        model="gpt-4.1-mini", messages=[{"role": "user", "content": "use the tool"}], tools=tools
    ) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None
    assert json.loads(calls[0].function.arguments) == {"city": "example"}
    since.matching()


def test_openai_responses(openai_sdk: openai.OpenAI, since: Since, quick: Running) -> None:
    first = openai_sdk.responses.create(model="gpt-4.1-mini", input=LONG)
    assert first.output_text
    since.matching()
    again = Since(quick)
    openai_sdk.responses.create(model="gpt-4.1-mini", input="And?", previous_response_id=first.id)
    assert again.matching()["input_tokens"] > len(LONG) // 4


def test_openai_responses_stream(openai_sdk: openai.OpenAI, since: Since) -> None:
    with openai_sdk.responses.stream(model="gpt-5-mini", input="hi") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == text
    assert since.matching()["reasoning_tokens"] > 0


def test_openai_embeddings(openai_sdk: openai.OpenAI, since: Since) -> None:
    answer = openai_sdk.embeddings.create(model="text-embedding-3-small", input=["one", "two words"])
    assert [len(each.embedding) for each in answer.data] == [1536, 1536]
    row = since.matching()
    assert (row["operation"], row["output_tokens"]) == ("embeddings", 0)
    assert row["cost_nusd"] == row["input_tokens"] * 20  # 0.02 USD a million


def test_gemini_generate_content(gemini_sdk: genai.Client, since: Since) -> None:
    answer = gemini_sdk.models.generate_content(model="gemini-2.5-flash", contents="hi")
    assert answer.text
    row = since.matching()
    assert (row["operation"], row["model_requested"]) == ("generate_content", "gemini-2.5-flash")
    # 0.30 and 2.50 USD a million tokens; thoughts are output.
    assert row["cost_nusd"] == row["input_tokens"] * 300 + row["output_tokens"] * 2_500
    assert row["reasoning_tokens"] > 0


def test_gemini_stream(gemini_sdk: genai.Client, since: Since) -> None:
    pieces = list(gemini_sdk.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))
    assert "".join(piece.text or "" for piece in pieces)
    assert since.matching()["stream"] is True


def test_gemini_function_call(gemini_sdk: genai.Client, since: Since) -> None:
    declared: Any = {"name": "weather", "parameters_json_schema": WEATHER}
    config = gemini_types.GenerateContentConfig(
        tools=[gemini_types.Tool(function_declarations=[declared])],
        automatic_function_calling=gemini_types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = gemini_sdk.models.generate_content(
        model="gemini-2.5-flash", contents="use the tool", config=config
    )
    assert answer.function_calls is not None
    assert answer.function_calls[0].args == {"city": "example"}
    since.matching()


def test_gemini_count_tokens_is_free(gemini_sdk: genai.Client, since: Since) -> None:
    assert gemini_sdk.models.count_tokens(model="gemini-2.5-flash", contents="hi").total_tokens
    row = since.row()
    assert (row["operation"], row["cost_nusd"]) == ("count_tokens", 0)


def test_gemini_embedding(gemini_sdk: genai.Client, since: Since) -> None:
    answer = gemini_sdk.models.embed_content(model="gemini-embedding-001", contents="hi")
    assert answer.embeddings
    assert since.matching()["operation"] == "embeddings"


FROM_THE_ENVIRONMENT = """\
import warnings
warnings.simplefilter("ignore")
import anthropic, openai
from google import genai
asked = [{"role": "user", "content": "hi"}]
with anthropic.Anthropic(api_key="sk-ant-api03-test", max_retries=0) as sdk:
    with sdk.messages.stream(model="claude-sonnet-4-5", max_tokens=200, messages=asked) as stream:
        print(stream.get_final_text() != "")
with openai.OpenAI(api_key="sk-test", max_retries=0) as sdk:
    print(len(list(sdk.chat.completions.create(model="gpt-4.1-mini", messages=asked, stream=True))) > 2)
sdk = genai.Client(api_key="AIza-test")
print(len(list(sdk.models.generate_content_stream(model="gemini-2.5-flash", contents="hi"))) > 0)
"""


def environment(running: Running, proxy: str) -> dict[str, str]:
    """What a developer sets, and nothing of this process that could stand in for it."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return kept | {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": running.anchor, "NO_PROXY": "localhost,127.0.0.1"}


def test_the_python_sdks_need_nothing_but_their_environment(
    quick: Running, alice: str, since: Since, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FROM_THE_ENVIRONMENT],
        env=environment(quick, alice),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["True"] * 3, done.stderr[-2000:]
    assert {row["outcome"] for row in since.rows(3)} == {"ok"}
    assert {row["client_name"] for row in since.rows(3)} == {
        "anthropic-python",
        "openai-python",
        "google-genai-python",
    }


NODE = """\
const http = require("node:http"), tls = require("node:tls"), proxy = new URL(process.env.HTTPS_PROXY);
const host = "api.anthropic.com";
const auth = "Basic " + Buffer.from(proxy.username + ":" + proxy.password).toString("base64");
const connect = http.request({host: proxy.hostname, port: proxy.port, method: "CONNECT", path: host + ":443",
                              headers: {"proxy-authorization": auth}});
connect.on("connect", (answer, socket) => {
  const secure = tls.connect({socket, servername: host}, () => {
    const body = JSON.stringify({model: "claude-sonnet-4-5", max_tokens: 50, stream: true,
                                 messages: [{role: "user", content: "hi"}]});
    const asked = http.request({createConnection: () => secure, method: "POST", path: "/v1/messages",
      headers: {host, "x-api-key": "sk-ant-api03-test", "anthropic-version": "2023-06-01",
                "content-type": "application/json", "content-length": Buffer.byteLength(body)}},
      (response) => {
        let text = "";
        response.on("data", (piece) => text += piece);
        response.on("end", () => {
          console.log(response.statusCode, text.includes("message_stop"));
          secure.end();
        });
      });
    asked.end(body);
  });
});
connect.end();
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_a_stream(quick: Running, alice: str, since: Since) -> None:
    trust = {"NODE_EXTRA_CA_CERTS": quick.anchor}
    done = subprocess.run(
        ["node", "-e", NODE],
        env=environment(quick, alice) | trust,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["200", "true"], done.stderr
    since.matching()


def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", "-m", "10", *arguments], capture_output=True, text=True, timeout=20, env={}
    )


QUESTION = [
    "-H",
    "x-api-key: sk-ant-api03-test",
    "-H",
    "anthropic-version: 2023-06-01",
    "-d",
    json.dumps(claude(stream=True)),
    "https://api.anthropic.com/v1/messages",
]


def test_curl_through_the_plain_listener(quick: Running, alice: str, since: Since) -> None:
    answer = curl("--cacert", quick.anchor, "--proxy", alice, *QUESTION)
    assert "event: message_stop" in answer.stdout, answer.stderr
    assert since.matching()["client_name"] == "curl"


def test_curl_through_the_tls_listener(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY, listener="{address: 127.0.0.1:0, tls: auto}")
    since, proxy = Since(running), running.add("alice").replace("http://", "https://")
    answer = curl("--cacert", running.anchor, "--proxy-cacert", running.anchor, "--proxy", proxy, *QUESTION)
    assert "event: message_stop" in answer.stdout, answer.stderr
    since.matching()


def test_curl_waits_for_100_continue_and_gets_it(quick: Running, alice: str, since: Since) -> None:
    answer = curl("--cacert", quick.anchor, "--proxy", alice, "-v", "-H", "Expect: 100-continue", *QUESTION)
    assert "< HTTP/1.1 100 Continue" in answer.stderr
    assert "event: message_stop" in answer.stdout
    since.matching()
