"""A provider of another API behind each SDK, unmodified: answers, tools, masks, caps, errors, rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since

pytestmark = pytest.mark.e2e

POLICY = """\
routes:
  - {name: claude-is-gpt, match: {model: "claude-opus-*"}, to: {provider: openai, model: gpt-4.1}}
  - {name: gpt-is-claude, match: {model: "gpt-4o*"}, to: {provider: anthropic, model: claude-haiku-4-5}}
  - {name: to-mistral, match: {model: claude-sonnet-5}, to: {provider: mistral, model: mistral-large-2512}}
  - {name: resilient, match: {model: claude-haiku-4-5}, failover: [{provider: openai, model: gpt-4.1-mini}]}
  - {name: cheapest, match: {model: claude-sonnet-4-6},
     choose: {from: [gpt-4.1-nano, claude-haiku-4-5], prefer: cheapest}}
guard:
  - {name: masks, detect: [EMAIL_ADDRESS], action: mask}
  - {name: there, match: {provider: openai, model: gpt-4.1-mini}, detect: [PHONE_NUMBER], action: mask}
inject: [{name: for-all}]
"""
KEYS = {"anthropic": "sk-ant-api03-ours", "openai": "sk-proj-ours", "mistral": "mistral-ours"}
MAIL = "carol.weber@firm-mail.net"
BASH: dict[str, Any] = {
    "name": "Bash",
    "description": "Runs a command.",
    "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}},
}
ORDER = 'use the tool Bash: {"command": "ls -la"}'


def hi(text: str = "Say hello.") -> Any:
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("translation"), latency=NO_LATENCY)
    started.set_rules("20-routes", POLICY)
    for provider, secret in KEYS.items():
        started.add_key(f"{provider}-key", provider, secret)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture(autouse=True)
def environment(running: Running, alice: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HTTPS_PROXY", alice)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))
    yield
    running.on.call(running.providers.clear_faults)
    parts = running.service.gateway.parts
    running.on.call(lambda: parts.breakers.__init__(changed=parts.breakers.changed))  # type: ignore[misc]


@pytest.fixture
def claude() -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sluiceway", max_retries=0) as client:
        yield client


@pytest.fixture
def gpt() -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sluiceway", max_retries=0) as client:
        yield client


@pytest.fixture
def since(running: Running) -> Since:
    return Since(running)


def test_claudes_sdk_streams_from_openai(claude: anthropic.Anthropic, since: Since) -> None:
    with claude.messages.stream(model="claude-opus-4-8", max_tokens=200, messages=hi()) as stream:
        message = stream.get_final_message()
        headers = stream.response.headers
    row = since.matching()
    assert message.content[0].type == "text" and message.stop_reason == "end_turn"
    assert (row["dialect"], row["upstream_dialect"]) == ("anthropic_messages", "openai_chat")
    assert (row["provider_requested"], row["provider"], row["model_routed"]) == (
        "anthropic",
        "openai",
        "gpt-4.1",
    )
    assert message.usage.output_tokens == row["output_tokens"]
    assert headers["x-sluiceway-translated"] == "openai_chat"
    assert "x-api-key" not in since.header_names and "anthropic-version" not in since.header_names


def test_openais_sdk_gets_a_whole_answer_from_claude(gpt: openai.OpenAI, since: Since) -> None:
    raw = gpt.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=hi(), seed=7, temperature=1.5
    )
    answer, row = raw.parse(), since.matching()
    assert answer.choices[0].message.content and answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
        row["input_tokens"],
        row["output_tokens"],
    )
    assert (row["dialect"], row["upstream_dialect"]) == ("openai_chat", "anthropic_messages")
    assert raw.headers["x-sluiceway-translated"] == "anthropic_messages; lost: seed, temperature"


@pytest.mark.parametrize("include", [True, False], ids=["usage asked for", "not asked for"])
def test_openais_sdk_streams_from_claude(gpt: openai.OpenAI, since: Since, include: bool) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if include else {}
    chunks = list(gpt.chat.completions.create(model="gpt-4o-mini", messages=hi(), stream=True, **options))
    row = since.matching()
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.completion_tokens for usage in told] == ([row["output_tokens"]] if include else [])
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("fault", ["401", "429;retry-after=30", "500", "529"])
def test_an_error_comes_in_the_clients_form(
    running: Running, claude: anthropic.Anthropic, gpt: openai.OpenAI, since: Since, fault: str
) -> None:
    status = int(fault[:3])
    for provider in ("openai", "anthropic"):
        running.on.call(lambda provider=provider: running.providers.fault(provider, fault))
    with pytest.raises(anthropic.APIStatusError) as theirs:
        claude.messages.create(model="claude-opus-4-8", max_tokens=20, messages=hi())
    assert theirs.value.body["type"] == "error" and theirs.value.body["error"]["message"]
    with pytest.raises(openai.APIStatusError) as ours:
        gpt.chat.completions.create(model="gpt-4o", messages=hi())
    assert ours.value.body["message"]
    assert theirs.value.status_code == status
    assert ours.value.status_code == (503 if status == 529 else status)
    told = [(row["status"], row["upstream_status"]) for row in since.rows(2)]
    assert told == [(status, status), (ours.value.status_code, status)]
    if "retry" in fault:
        assert ours.value.response.headers["retry-after"] == "30"


@pytest.mark.parametrize("fault", ["cut;after=3", "stream-error;after=3", "bad-json"])
def test_a_stream_that_breaks_says_so_in_the_clients_form(
    running: Running, claude: anthropic.Anthropic, since: Since, fault: str
) -> None:
    running.on.call(lambda: running.providers.fault("openai", fault))
    with (
        pytest.raises(anthropic.APIStatusError),
        claude.messages.stream(model="claude-opus-4-8", max_tokens=200, messages=hi()) as stream,
    ):
        stream.until_done()
    assert since.row()["outcome"] in ("truncated", "upstream_error")


def test_what_cannot_be_carried_is_refused_by_name(claude: anthropic.Anthropic, since: Since) -> None:
    tools: Any = [{"type": "web_search_20250305", "name": "web_search"}]
    with pytest.raises(anthropic.BadRequestError) as caught:
        claude.messages.create(model="claude-opus-4-8", max_tokens=20, messages=hi(), tools=tools)
    message = caught.value.body["error"]["message"]
    assert "tools.web_search_20250305: only Anthropic and its models have this tool" in message
    row = since.row()
    assert (row["refusal_code"], row["refusal_rule"]) == ("not_translatable", "claude-is-gpt")
    assert since.served == []


def test_the_header_tells_all_that_was_masked_on_the_way(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    """By the rules for what was asked, and by those for where it failed over to."""
    running.on.call(lambda: running.providers.fault("anthropic", "529", times=1))
    said = hi(f"Write to {MAIL}, or call +49 30 901820.")
    raw = claude.messages.with_raw_response.create(model="claude-haiku-4-5", max_tokens=20, messages=said)
    assert raw.headers["x-sluiceway-guard"] == "masked EMAIL_ADDRESS=1, PHONE_NUMBER=1"
    assert since.rows(2)[-1]["provider"] == "openai"


SEARCH: Any = [{"type": "web_search_20250305", "name": "web_search"}]


@pytest.mark.parametrize(
    ("tools", "provider"), [([], "openai"), (SEARCH, "anthropic")], ids=["can be carried", "cannot"]
)
def test_a_choice_leaves_out_whom_the_request_cannot_be_told(
    claude: anthropic.Anthropic, since: Since, tools: Any, provider: str
) -> None:
    claude.messages.create(model="claude-sonnet-4-6", max_tokens=20, messages=hi(), tools=tools)
    row = since.row()
    assert (row["provider"], row["route_rule"], row["outcome"]) == (provider, "cheapest", "ok")


def test_masked_values_come_back_across_apis(claude: anthropic.Anthropic, since: Since) -> None:
    text = f"Repeat after me: write to {MAIL} today"
    with claude.messages.stream(model="claude-opus-4-8", max_tokens=200, messages=hi(text)) as stream:
        said = stream.get_final_text()
    assert MAIL in said
    message = claude.messages.create(model="claude-opus-4-8", max_tokens=200, messages=hi(text))
    assert MAIL in message.content[0].text
    assert [json.loads(row["guard_findings"]) for row in since.rows(2)] == [{"EMAIL_ADDRESS": 1}] * 2


def test_a_provider_with_a_smaller_api_gets_what_it_takes(claude: anthropic.Anthropic, since: Since) -> None:
    message = claude.messages.create(
        model="claude-sonnet-5", max_tokens=60, messages=hi(), metadata={"user_id": "alice"}
    )
    row = since.matching()
    assert message.content and (row["provider"], row["output_tokens"] <= 60) == ("mistral", True)


def test_tokens_are_counted_here_for_a_model_of_another_api(
    claude: anthropic.Anthropic, since: Since
) -> None:
    raw = claude.messages.with_raw_response.count_tokens(model="claude-opus-4-8", messages=hi("word " * 900))
    assert 600 < raw.parse().input_tokens < 3000
    assert raw.headers["x-sluiceway-estimated"] == "input_tokens"
    assert (since.row()["cost_nusd"], since.served) == (0, [])


def test_an_agents_loop_goes_on_through_failovers(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    """Twenty turns, some served by the other vendor, whose calls and ids the first then reads."""
    messages, ids = hi(f"Turn 0: {ORDER}"), []
    for turn in range(20):
        if turn % 3 == 1:
            running.on.call(lambda: running.providers.fault("anthropic", "529", times=1))
        with claude.messages.stream(
            model="claude-haiku-4-5", max_tokens=300, messages=messages, tools=[BASH]
        ) as stream:
            message = stream.get_final_message()
        calls = [block for block in message.content if block.type == "tool_use"]
        assert message.stop_reason == "tool_use" and calls[0].input == {"command": "ls -la"}
        ids += [call.id for call in calls]
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"r{turn}"} for call in calls]
        again = {"type": "text", "text": f"Turn {turn + 1}: {ORDER}"}
        messages += [{"role": "assistant", "content": message.content}]
        messages += [{"role": "user", "content": [*results, again]}]
    rows = since.rows(20 + 7)
    served = [row for row in rows if row["outcome"] == "ok"]
    assert [row["provider"] for row in served][:5] == [
        "anthropic",
        "openai",
        "anthropic",
        "anthropic",
        "openai",
    ]
    assert all(row["usage_source"] == "reported" and row["output_tokens"] for row in served)
    assert len(set(ids)) == len(ids) == 20


def test_a_capped_stream_ends_as_the_clients_api_ends_one(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = '{name: tight, scope: {employee: bob}, window: day, limit_usd: "0.02"}'
    running.set_rules("40-cap", f"budgets: [{budget}]\n")
    monkeypatch.setenv("HTTPS_PROXY", running.add("bob"))
    said = hi("Repeat after me: " + "word " * 4_000)
    with (
        anthropic.Anthropic(api_key="sluiceway", max_retries=0) as client,
        client.messages.stream(model="claude-opus-4-8", max_tokens=30_000, messages=said) as stream,
    ):
        message = stream.get_final_message()
    running.set_rules("40-cap", "budgets: []\n")
    row = running.rows()[-1]
    assert (row["principal"], row["outcome"], message.stop_reason) == ("bob", "capped", "max_tokens")
    assert "the budget 'tight' is used up" in message.content[-1].text
