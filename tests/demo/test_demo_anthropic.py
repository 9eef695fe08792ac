"""The official Anthropic SDK talks to the simulator: messages, streams, tools, thinking, caching, errors."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import orjson
import pytest
from anthropic import AsyncAnthropic

from sluiceway.demo.providers import Providers

MODEL = "claude-sonnet-4-6"
HI: Any = [{"role": "user", "content": "hi"}]
WEATHER = {
    "name": "weather",
    "description": "The weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {
            "place": {"type": "string"},
            "unit": {"type": "string", "enum": ["C", "F"]},
            "note": {"type": "string"},
        },
        "required": ["place", "unit"],
    },
}


@pytest.fixture
def client(http: httpx2.AsyncClient) -> AsyncAnthropic:
    host = {"host": "api.anthropic.com"}
    base = str(http.base_url)
    return AsyncAnthropic(
        api_key="sk-test", base_url=base, http_client=http, max_retries=0, default_headers=host
    )


async def test_a_message_parses_and_costs_what_the_provider_has_on_record(
    client: AsyncAnthropic, providers: Providers
) -> None:
    message = await client.messages.create(model="claude-haiku-4-5", max_tokens=500, messages=HI)
    assert message.model == "claude-haiku-4-5-20251001"
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 5
    (served,) = providers.billed
    assert served.request_id == message._request_id
    assert served.usage is not None
    assert served.usage["output_tokens"] == message.usage.output_tokens
    assert served.complete


async def test_a_stream_has_the_same_message_and_the_documented_order(client: AsyncAnthropic) -> None:
    whole = await client.messages.create(model=MODEL, max_tokens=500, messages=HI)
    raw = client.messages.with_streaming_response.create(
        model=MODEL, max_tokens=500, messages=HI, stream=True
    )
    async with raw as response:
        names = [line[7:] async for line in response.iter_lines() if line.startswith("event: ")]
    assert names[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    async with client.messages.stream(model=MODEL, max_tokens=500, messages=HI) as stream:
        final = await stream.get_final_message()
    assert final.usage.input_tokens == whole.usage.input_tokens
    assert final.usage.output_tokens > 1  # message_start says 1; the last value wins


async def test_max_tokens_ends_the_answer(client: AsyncAnthropic) -> None:
    message = await client.messages.create(model=MODEL, max_tokens=3, messages=HI)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 3)


async def test_thinking_comes_first_and_is_part_of_the_output(client: AsyncAnthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    async with client.messages.stream(model=MODEL, max_tokens=2000, messages=HI, thinking=thinking) as stream:
        final = await stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.content[0].type == "thinking"
    assert final.content[0].signature
    details = final.usage.output_tokens_details
    assert details is not None
    assert 0 < details.thinking_tokens < final.usage.output_tokens


@pytest.mark.parametrize(
    ("words", "choice", "called"),
    [
        ("What is the weather in Oslo?", {"type": "auto"}, True),
        ("Please use the tool.", {"type": "auto"}, True),
        ("Say hello.", {"type": "any"}, True),
        ("Say hello.", {"type": "tool", "name": "weather"}, True),
        ("Say hello.", {"type": "auto"}, False),
        ("What is the weather in Oslo?", {"type": "none"}, False),
    ],
)
async def test_a_tool_is_called_when_asked_for(
    client: AsyncAnthropic, words: str, choice: Any, called: bool
) -> None:
    tools: Any = [WEATHER]
    asked: Any = [{"role": "user", "content": words}]
    async with client.messages.stream(
        model=MODEL, max_tokens=500, tools=tools, tool_choice=choice, messages=asked
    ) as stream:
        final = await stream.get_final_message()
    assert (final.stop_reason == "tool_use") is called
    if called:
        assert final.content[-1].type == "tool_use"
        assert final.content[-1].input == {"place": "example", "unit": "C"}


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ('Please use the tool weather: {"place": "Oslo"}', {"place": "Oslo"}),
        (
            '<system-reminder>weather</system-reminder>use the tool weather: {"place": "x"}\nbye',
            {"place": "x"},
        ),
        ("<system-reminder>the weather of today</system-reminder>Say hello.", None),
        ("Whatever the weathercock says.", None),
    ],
    ids=["with arguments", "a line of them", "a reminder is not the user", "a part of a word"],
)
async def test_a_tool_is_called_with_the_arguments_the_user_orders(
    client: AsyncAnthropic, words: str, called: Any
) -> None:
    tools: Any = [WEATHER]
    # Claude Code sends a message of this role behind its user's.
    asked: Any = [{"role": "user", "content": words}, {"role": "system", "content": "The weather is fine."}]
    final = await client.messages.create(model=MODEL, max_tokens=500, tools=tools, messages=asked)
    assert [block.input for block in final.content if block.type == "tool_use"] == [called] * bool(called)


async def test_a_tool_result_is_followed_by_words_that_quote_it(client: AsyncAnthropic) -> None:
    tools: Any = [WEATHER]
    call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Oslo", "unit": "C"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "weather: 3 degrees"}
    asked: Any = [*HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    final = await client.messages.create(model=MODEL, max_tokens=500, tools=tools, messages=asked)
    assert [block.text for block in final.content if block.type == "text"] == [
        "The tool says: weather: 3 degrees"
    ]


async def test_counting_tokens_agrees_with_the_bill_and_is_free(
    client: AsyncAnthropic, providers: Providers
) -> None:
    asked: Any = [{"role": "user", "content": "a longer question, of no great interest"}]
    tools: Any = [WEATHER]
    count = await client.messages.count_tokens(model=MODEL, system="Be brief.", tools=tools, messages=asked)
    assert not providers.billed
    message = await client.messages.create(
        model=MODEL, max_tokens=9, system="Be brief.", tools=tools, messages=asked
    )
    assert message.usage.input_tokens == count.input_tokens


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"model": "claude-no-such"}, anthropic.NotFoundError, id="unknown-model"),
        pytest.param({"messages": []}, anthropic.BadRequestError, id="no-messages"),
        pytest.param({"messages": [{"role": "user"}, 7]}, anthropic.BadRequestError, id="malformed"),
        pytest.param({"max_tokens": 0}, anthropic.BadRequestError, id="no-room"),
        pytest.param({"tools": [7]}, anthropic.BadRequestError, id="malformed-deep-inside"),
    ],
)
async def test_wrong_requests_raise_the_sdks_own_errors(
    client: AsyncAnthropic, providers: Providers, change: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.messages.create(**({"model": MODEL, "max_tokens": 5, "messages": HI} | change))
    assert not providers.billed


@pytest.mark.parametrize("key", ["sk-wrong-key", ""])
async def test_a_wrong_or_missing_key_is_an_authentication_error(
    http: httpx2.AsyncClient, providers: Providers, key: str
) -> None:
    headers = {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})
    answer = await http.post("/v1/messages", json={}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.json()["request_id"] == answer.headers["request-id"]


def _long(mark: dict[str, str] | None, text: str = "context ") -> Any:
    block: dict[str, Any] = {"type": "text", "text": text * 1000}  # 8,000 bytes, 2,000 tokens
    return [block | ({"cache_control": mark} if mark else {})]


async def test_a_marked_prefix_is_written_once_and_then_read(client: AsyncAnthropic, clock: Any) -> None:
    async def ask(words: str) -> tuple[int, int, int]:
        asked: Any = [{"role": "user", "content": words}]
        message = await client.messages.create(
            model=MODEL, max_tokens=5, system=_long({"type": "ephemeral"}), messages=asked
        )
        usage = message.usage
        return (
            usage.input_tokens,
            usage.cache_creation_input_tokens or 0,
            usage.cache_read_input_tokens or 0,
        )

    # The system prompt: 16 bytes of role and 8,000 of text are 2,004 tokens; the question, 16 and 2, is 5.
    assert await ask("hi") == (5, 2004, 0)
    assert await ask("ho") == (5, 0, 2004)
    clock.now += 301
    assert await ask("hi") == (5, 2004, 0)


async def test_an_hour_and_five_minutes_are_counted_apart(client: AsyncAnthropic) -> None:
    asked: Any = [{"role": "user", "content": _long({"type": "ephemeral"}, "question")}]
    message = await client.messages.create(
        model=MODEL, max_tokens=5, system=_long({"type": "ephemeral", "ttl": "1h"}), messages=asked
    )
    split = message.usage.cache_creation
    assert split is not None
    assert (split.ephemeral_1h_input_tokens, split.ephemeral_5m_input_tokens) == (2004, 2004)
    assert message.usage.input_tokens == 0


async def test_a_growing_conversation_reads_what_its_last_turn_wrote(client: AsyncAnthropic) -> None:
    mark: Any = {"type": "ephemeral"}
    first: Any = [{"role": "user", "content": _long(mark)}]
    await client.messages.create(model=MODEL, max_tokens=5, messages=first)
    second: Any = [
        {"role": "user", "content": _long(None)},  # the mark has moved on, the prefix stands
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": _long(mark, "question")},
    ]
    usage = (await client.messages.create(model=MODEL, max_tokens=5, messages=second)).usage
    # 16 + 4 bytes of the assistant, 16 + 8,000 of the user: 2,009 tokens fresh.
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (2004, 2009)


async def test_short_prefixes_and_other_accounts_share_nothing(http: httpx2.AsyncClient) -> None:
    async def ask(key: str, text: str) -> dict[str, int]:
        system = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
        body = {"model": MODEL, "max_tokens": 5, "messages": HI, "system": system}
        headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        usage: dict[str, int] = (await http.post("/v1/messages", json=body, headers=headers)).json()["usage"]
        return usage

    assert (await ask("k1", "short"))["cache_creation_input_tokens"] == 0
    assert (await ask("k1", "x" * 8000))["cache_creation_input_tokens"] == 2004
    assert (await ask("k2", "x" * 8000))["cache_read_input_tokens"] == 0


async def test_claude_codes_own_endpoints_answer_nothing_for_nothing(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    answer = await http.post("/api/event_logging/batch", json={"events": []})
    assert (answer.status_code, orjson.loads(answer.content)) == (200, {})
    assert not providers.billed


async def test_models_are_listed(client: AsyncAnthropic) -> None:
    listed = await client.models.list()
    assert MODEL in [model.id for model in listed.data]
