"""An agent's loop of twenty turns, each served by another vendor than the one before, behind each SDK.

The simulated providers are as strict as the real ones: a call without its result, an id given twice, thoughts
or signatures of others, turns out of order are a 400 there. Nothing of the kind may happen, no result may be
lost, and each row has exactly what its provider billed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from sluiceway.demo.exchange import Served
from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since, billed_tokens, tokens_of

pytestmark = pytest.mark.e2e

TURNS = 20
CLAUDE, GPT, OLD_GPT, GEMINI = "claude-haiku-4-5", "gpt-5.4", "gpt-4.1", "gemini-3-flash-preview"
POLICY = f"""\
routes:
  - name: from-claude
    match: {{model: {CLAUDE}}}
    failover: [{{provider: openai, model: {GPT}}}, {{provider: google, model: {GEMINI}}}]
  - name: from-gpt
    match: {{model: {GPT}}}
    failover: [{{provider: google, model: {GEMINI}}}, {{provider: anthropic, model: {CLAUDE}}}]
  - name: from-old-gpt
    match: {{model: {OLD_GPT}}}
    failover: [{{provider: google, model: {GEMINI}}}, {{provider: anthropic, model: {CLAUDE}}}]
  - name: from-gemini
    match: {{model: {GEMINI}}}
    failover: [{{provider: anthropic, model: {CLAUDE}}}, {{provider: openai, model: {GPT}}}]
  - name: bedrock
    match: {{model: [gemini-2.5-pro, claude-opus-4-1]}}
    to: {{provider: bedrock, model: "amazon.nova-pro-v1:0"}}
inject: [{{name: for-all}}]
"""
KEYS = {
    "bedrock": "ABSKexampleexampleexample",
    "anthropic": "sk-ant-api03-ours",
    "openai": "sk-proj-ours",
    "google": "AIza-of-the-company",
}
SIMULATED = {"anthropic": "anthropic", "openai": "openai", "google": "gemini"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
}
type Turn = Callable[[str, str | None], str]  # what is asked, the last result; the command that came


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("loops"), latency=NO_LATENCY)
    started.set_rules("20-routes", POLICY)
    for provider, secret in KEYS.items():
        started.add_key(f"{provider}-key", provider, secret)
    started.on.call(started.providers.be_strict)
    yield started
    started.stop()


@pytest.fixture
def environment(running: Running, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setenv("HTTPS_PROXY", running.add(request.node.callspec.id))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))


def claudes() -> Turn:
    """Thinks aloud, so that thoughts with a signature stand between those without."""
    client = anthropic.Anthropic(api_key="sluiceway", max_retries=0)
    said: list[Any] = []
    tools: Any = [{"name": "Bash", "description": "Runs a command.", "input_schema": SCHEMA}]
    last: list[str] = []

    def turn(words: str, result: str | None) -> str:
        results = [{"type": "tool_result", "tool_use_id": given, "content": result} for given in last]
        said.append({"role": "user", "content": [*results, {"type": "text", "text": words}]})
        with client.messages.stream(
            model=CLAUDE,
            max_tokens=4000,
            thinking={"type": "enabled", "budget_tokens": 1024},
            messages=said,
            tools=tools,
        ) as stream:
            message = stream.get_final_message()
        said.append({"role": "assistant", "content": message.content})
        (call,) = [block for block in message.content if block.type == "tool_use"]
        last[:] = [call.id]
        return str(call.input["command"])

    return turn


def chats() -> Turn:
    client = openai.OpenAI(api_key="sluiceway", max_retries=0)
    said: list[Any] = []
    function = {"name": "Bash", "description": "Runs a command.", "parameters": SCHEMA}
    tools: Any = [{"type": "function", "function": function}]
    last: list[str] = []

    def turn(words: str, result: str | None) -> str:
        said.extend({"role": "tool", "tool_call_id": given, "content": result} for given in last)
        said.append({"role": "user", "content": words})
        answer = client.chat.completions.create(model=OLD_GPT, messages=said, tools=tools)
        message = answer.choices[0].message
        assert answer.choices[0].finish_reason == "tool_calls" and message.tool_calls
        said.append(message.model_dump(exclude_none=True))
        (call,) = message.tool_calls
        last[:] = [call.id]
        return str(json.loads(call.function.arguments)["command"])  # type: ignore[union-attr]

    return turn


def responses() -> Turn:
    """Keeps its own history, as Codex does, with all items as they came."""
    client = openai.OpenAI(api_key="sluiceway", max_retries=0)
    said: list[Any] = []
    tools: Any = [{"type": "function", "name": "Bash", "parameters": SCHEMA, "strict": False}]
    last: list[str] = []

    def turn(words: str, result: str | None) -> str:
        said.extend({"type": "function_call_output", "call_id": given, "output": result} for given in last)
        said.append({"role": "user", "content": words})
        events = client.responses.create(model=GPT, input=said, tools=tools, store=False, stream=True)
        (ended,) = [event.response for event in events if event.type == "response.completed"]
        said.extend(item.model_dump(exclude_none=True) for item in ended.output if item.type != "reasoning")
        (call,) = [item for item in ended.output if item.type == "function_call"]
        last[:] = [call.call_id]
        return str(json.loads(call.arguments)["command"])

    return turn


def geminis() -> Turn:
    client = genai.Client(api_key="sluiceway")
    said: list[types.Content] = []
    declared = types.FunctionDeclaration(
        name="Bash", description="Runs a command.", parameters_json_schema=SCHEMA
    )
    off = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])], automatic_function_calling=off
    )
    last: list[types.FunctionCall] = []

    def turn(words: str, result: str | None) -> str:
        if last:
            told = types.FunctionResponse(id=last[0].id, name=last[0].name, response={"output": result})
            said.append(types.Content(role="user", parts=[types.Part(function_response=told)]))
        if words:
            said.append(types.Content(role="user", parts=[types.Part(text=words)]))
        pieces = client.models.generate_content_stream(model=GEMINI, contents=said, config=config)
        parts = [part for piece in pieces for part in piece.candidates[0].content.parts or ()]  # type: ignore
        said.append(types.Content(role="model", parts=[part for part in parts if part.text != ""]))
        (call,) = [part.function_call for part in parts if part.function_call]
        last[:] = [call]
        return str((call.args or {})["command"])

    return turn


LOOPS = [
    pytest.param(claudes, ("anthropic", "openai", "google"), id="messages"),
    pytest.param(responses, ("openai", "google", "anthropic"), id="responses"),
    pytest.param(chats, ("openai", "google", "anthropic"), id="chat"),
    pytest.param(geminis, ("google", "anthropic", "openai"), id="gemini"),
]


@pytest.mark.parametrize(("start", "order"), LOOPS)
@pytest.mark.usefixtures("environment")
def test_an_agents_loop_goes_on_at_every_vendor(
    running: Running, start: Callable[[], Turn], order: tuple[str, ...]
) -> None:
    since, turn, result = Since(running), start(), None
    attempts = 0
    for number in range(TURNS):
        away = order[: number % 3]
        running.on.call(lambda: _forget(running))  # a breaker would lead past a provider that is well again
        for provider in away:
            running.on.call(
                lambda provider=provider: running.providers.fault(SIMULATED[provider], "503", times=1)
            )
        attempts += 1 + len(away)
        command = f"echo {number}"
        order_line = f'Turn {number}: use the tool Bash: {{"command": "{command}"}}'
        assert turn(order_line, result) == command
        result = f"result {number}"
    rows = since.rows(attempts)
    ok = [row for row in rows if row["outcome"] == "ok"]
    assert [row["provider"] for row in ok] == [order[number % 3] for number in range(TURNS)]
    assert {one.status for one in since.served} == {200, 503}
    served = [one for one in since.served if one.usage is not None]
    for row, billed in zip(ok, served, strict=True):
        assert tokens_of(row) == billed_tokens(billed)
        assert (row["usage_source"], row["model_served"]) == ("reported", billed.model)
    assert _grows(served)


def _forget(running: Running) -> None:
    breakers = running.service.gateway.parts.breakers
    breakers.__init__(changed=breakers.changed)  # type: ignore[misc]
    running.providers.clear_faults()


def _grows(served: list[Served]) -> bool:
    """Whether each vendor read more from turn to turn: a lost result would be a shorter prompt."""
    for provider in {one.provider for one in served}:
        read = [billed_tokens(one)["input_tokens"] for one in served if one.provider == provider]
        if any(after <= before for before, after in pairwise(read)):
            return False
    return True


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("stream", [True, False], ids=["frames", "whole"])
def test_an_agent_works_at_bedrock(running: Running, stream: bool) -> None:
    since, client = Since(running), genai.Client(api_key="sluiceway")
    declared = types.FunctionDeclaration(name="Bash", parameters_json_schema=SCHEMA)
    asked: Any = {
        "model": "gemini-2.5-pro",
        "contents": 'Use the tool Bash: {"command": "ls"}',
        "config": {
            "tools": [types.Tool(function_declarations=[declared])],
            "automatic_function_calling": {"disable": True},
        },
    }
    answers = (
        client.models.generate_content_stream(**asked)
        if stream
        else [client.models.generate_content(**asked)]
    )
    calls = [call for answer in answers for call in answer.function_calls or ()]
    assert [(call.name, call.args) for call in calls] == [("Bash", {"command": "ls"})]
    row = since.matching()
    assert (row["provider"], row["upstream_dialect"]) == ("bedrock", "bedrock_converse")
    assert row["model_routed"] == "amazon.nova-pro-v1:0"


@pytest.mark.parametrize("model", ["claude-opus-4-1"], ids=["messages-at-bedrock"])
@pytest.mark.usefixtures("environment")
def test_a_model_at_bedrock_is_asked_in_an_api_that_it_has(running: Running, model: str) -> None:
    since, client = Since(running), anthropic.Anthropic(api_key="sluiceway", max_retries=0)
    said: Any = [{"role": "user", "content": "Say hello."}]
    with client.messages.stream(model=model, max_tokens=300, messages=said) as stream:
        assert stream.get_final_text()
    row = since.matching()  # Bedrock has the Messages API, too, but for Claude alone
    assert (row["provider"], row["upstream_dialect"]) == ("bedrock", "bedrock_converse")
