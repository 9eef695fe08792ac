"""The official OpenAI SDK talks to the simulator: chat, responses, embeddings, the socket, errors."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from sluiceway.demo.providers import Providers

HI: Any = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]


@pytest.fixture
def client(http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncOpenAI(api_key="sk-test", base_url=f"{http.base_url}/v1", http_client=http, max_retries=0)


async def test_a_chat_parses_and_costs_what_the_provider_has_on_record(
    client: AsyncOpenAI, providers: Providers
) -> None:
    answer = await client.chat.completions.create(model="gpt-4o-mini", messages=HI)
    assert answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 5
    assert answer.usage.total_tokens == 5 + answer.usage.completion_tokens
    (served,) = providers.billed
    assert served.usage == json.loads(answer.usage.model_dump_json(exclude_none=True))
    assert served.request_id == answer._request_id


@pytest.mark.parametrize("asked", [True, False])
async def test_a_chat_stream_tells_its_usage_only_if_asked(
    client: AsyncOpenAI, providers: Providers, asked: bool
) -> None:
    options: Any = {"stream_options": {"include_usage": True}} if asked else {}
    stream = await client.chat.completions.create(model="gpt-4o", messages=HI, stream=True, **options)
    chunks = [chunk async for chunk in stream]
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(told) == (1 if asked else 0)
    assert bool(chunks[-1].choices) is not asked
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    (served,) = providers.billed
    assert served.usage_sent is asked
    assert served.complete


async def test_several_choices_are_billed_together(client: AsyncOpenAI) -> None:
    one = await client.chat.completions.create(model="gpt-4o", messages=HI, max_tokens=10)
    three = await client.chat.completions.create(model="gpt-4o", messages=HI, max_tokens=10, n=3)
    assert one.usage is not None
    assert three.usage is not None
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert one.choices[0].finish_reason == "length"
    assert three.usage.completion_tokens == 3 * one.usage.completion_tokens == 30


@pytest.mark.parametrize(
    ("model", "extra", "reasons"),
    [
        ("o4-mini", {}, True),
        ("gpt-5-mini", {"reasoning_effort": "high"}, True),
        ("gpt-5.1", {"reasoning_effort": "none"}, False),
        ("gpt-4o", {}, False),
    ],
)
async def test_reasoning_models_spend_tokens_nobody_sees(
    client: AsyncOpenAI, model: str, extra: Any, reasons: bool
) -> None:
    answer = await client.chat.completions.create(model=model, messages=HI, **extra)
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert bool(answer.usage.completion_tokens_details.reasoning_tokens) is reasons


async def test_a_repeated_long_prompt_is_cached_in_steps_of_128(client: AsyncOpenAI, clock: Any) -> None:
    async def cached(words: str) -> int | None:
        asked: Any = [{"role": "system", "content": "context " * 600}, {"role": "user", "content": words}]
        answer = await client.chat.completions.create(model="gpt-4o", messages=asked)
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        return answer.usage.prompt_tokens_details.cached_tokens

    # The system prompt: 16 + 4,800 bytes are 1,204 tokens; the role header behind it is common too: 1,208.
    assert [await cached("hi"), await cached("hello")] == [0, 1152]
    clock.now += 601
    assert await cached("hi") == 0


async def test_a_chat_tool_is_called_in_pieces_and_answered(client: AsyncOpenAI) -> None:
    asked: Any = [{"role": "user", "content": "The weather in Oslo?"}]
    whole = await client.chat.completions.create(model="gpt-4o", messages=asked, tools=TOOLS)
    assert whole.choices[0].finish_reason == "tool_calls"
    stream = await client.chat.completions.create(model="gpt-4o", messages=asked, tools=TOOLS, stream=True)
    calls = [
        call
        async for chunk in stream
        for choice in chunk.choices
        for call in choice.delta.tool_calls or ()
        if call.function
    ]
    assert [call.function.name for call in calls if call.function and call.function.name] == ["weather"]
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert json.loads(arguments) == {"place": "example"}
    call = whole.choices[0].message
    result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "3 degrees"}  # type: ignore[index]
    after = await client.chat.completions.create(
        model="gpt-4o", messages=[*asked, call.model_dump(exclude_none=True), result], tools=TOOLS
    )
    assert after.choices[0].message.content == "The tool says: 3 degrees"


async def test_json_that_was_asked_for_fits_its_schema(client: AsyncOpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "spot", "schema": SCHEMA}}
    answer = await client.chat.completions.create(model="gpt-4o", messages=HI, response_format=form)
    assert json.loads(answer.choices[0].message.content or "") == {"place": "example"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"model": "gpt-no-such"}, openai.NotFoundError, id="unknown-model"),
        pytest.param({"messages": []}, openai.BadRequestError, id="no-messages"),
        pytest.param({"model": "gpt-5", "max_tokens": 5}, openai.BadRequestError, id="old-limit-new-model"),
        pytest.param({"n": 0}, openai.BadRequestError, id="no-choices"),
        pytest.param({"tools": [7]}, openai.BadRequestError, id="malformed-deep-inside"),
    ],
)
async def test_wrong_chats_raise_the_sdks_own_errors(
    client: AsyncOpenAI, providers: Providers, change: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.chat.completions.create(**({"model": "gpt-4o", "messages": HI} | change))
    assert not providers.billed


async def test_a_wrong_key_is_an_authentication_error(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        await client.with_options(api_key="sk-wrong").chat.completions.create(model="gpt-4o", messages=HI)
    assert caught.value.code == "invalid_api_key"


async def test_a_response_parses_and_is_kept_for_the_next_turn(
    client: AsyncOpenAI, providers: Providers
) -> None:
    first = await client.responses.create(model="gpt-4o", input="hi", instructions="Be brief.")
    assert first.output_text
    assert first.usage is not None
    assert first.usage.input_tokens == 16 // 4 * 2 + 3  # two roles; 9 and 2 bytes of text make 11, 3 tokens
    again = await client.responses.create(model="gpt-4o", input="and?", previous_response_id=first.id)
    assert again.usage is not None
    assert again.usage.input_tokens > first.usage.output_tokens
    assert (await client.responses.retrieve(first.id)).output_text == first.output_text
    assert len(providers.billed) == 2
    await client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)


async def test_an_unknown_or_unstored_previous_response_is_refused(client: AsyncOpenAI) -> None:
    unstored = await client.responses.create(model="gpt-4o", input="hi", store=False)
    for previous in ("resp_none", unstored.id):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="gpt-4o", input="hi", previous_response_id=previous)
        assert caught.value.code == "previous_response_not_found"


async def test_a_response_stream_has_the_documented_order(client: AsyncOpenAI) -> None:
    stream = await client.responses.create(
        model="gpt-5-mini", input="hi", reasoning={"summary": "auto"}, stream=True
    )
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    order = [event.type.removeprefix("response.") for event in events]
    assert [kind for index, kind in enumerate(order) if index == 0 or kind != order[index - 1]] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    final = events[-1]
    assert final.type == "response.completed"
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert final.response.output_text == said
    assert final.response.usage is not None
    assert final.response.usage.output_tokens_details.reasoning_tokens > 0


async def test_a_response_cut_by_its_limit_ends_incomplete(client: AsyncOpenAI) -> None:
    stream = await client.responses.create(model="gpt-4o", input="hi", max_output_tokens=16, stream=True)
    events = [event async for event in stream]
    final = events[-1]
    assert final.type == "response.incomplete"
    assert final.response.usage is not None
    assert final.response.usage.output_tokens == 16


async def test_a_response_calls_a_function(client: AsyncOpenAI) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}]
    stream = await client.responses.create(model="gpt-4o", input="weather?", tools=tools, stream=True)
    events = [event async for event in stream]
    (done,) = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert json.loads(done.arguments) == {"place": "example"}
    final = events[-1]
    assert final.type == "response.completed"
    call = final.response.output[-1]
    assert call.type == "function_call"
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "3 degrees"}]
    after = await client.responses.create(
        model="gpt-4o", input=result, previous_response_id=final.response.id, tools=tools
    )
    assert after.output_text == "The tool says: 3 degrees"


async def test_codex_brings_its_tools_in_an_item_and_one_of_them_takes_text(client: AsyncOpenAI) -> None:
    exec_tool = {"type": "custom", "name": "exec", "format": {"type": "grammar"}}
    wait = {"type": "function", "name": "wait", "parameters": SCHEMA}
    group = {"type": "namespace", "name": "functions", "tools": [exec_tool, wait]}
    asked = {"role": "user", "content": "Please use the tool exec: text('a')"}
    brought: Any = [{"type": "additional_tools", "role": "developer", "tools": [group]}, asked]
    stream = await client.responses.create(model="gpt-4o", input=brought, stream=True)
    events = [event async for event in stream]
    (done,) = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert done.input == "text('a')"
    final = events[-1]
    assert final.type == "response.completed"
    call = final.response.output[-1]
    assert call.type == "custom_tool_call"
    assert (call.name, call.namespace, call.input) == ("exec", "functions", "text('a')")
    told: Any = {"type": "custom_tool_call_output", "call_id": call.call_id}
    result: Any = told | {"output": [{"type": "input_text", "text": "a"}]}
    after = await client.responses.create(
        model="gpt-4o", input=[result], previous_response_id=final.response.id
    )
    assert after.output_text == "The tool says: a"


async def test_a_background_response_tells_its_usage_later_and_is_billed_once(
    client: AsyncOpenAI, providers: Providers
) -> None:
    queued = await client.responses.create(model="gpt-4o", input="hi", background=True)
    assert (queued.status, queued.usage) == ("queued", None)
    done = await client.responses.retrieve(queued.id)
    assert done.status == "completed"
    assert done.usage is not None
    assert len(providers.billed) == 1
    assert not providers.billed[0].usage_sent


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_embeddings_are_unit_vectors_either_way(client: AsyncOpenAI, encoding: Any) -> None:
    model = "text-embedding-3-small"
    two = await client.embeddings.create(model=model, input=["same", "same", "other"], dimensions=64)
    assert two.usage.prompt_tokens == 1 + 1 + 2
    first, again, other = (entry.embedding for entry in two.data)
    assert first == again != other
    assert sum(number * number for number in first) == pytest.approx(1, abs=1e-5)
    raw = await client.embeddings.create(model=model, input="same", dimensions=64, encoding_format=encoding)
    assert raw.data[0].embedding


async def test_models_are_listed_and_other_paths_are_not_there(client: AsyncOpenAI) -> None:
    assert "gpt-4o-mini" in [model.id async for model in client.models.list()]
    with pytest.raises(openai.NotFoundError):
        await client.get("/nothing", cast_to=object)


@pytest.mark.parametrize(
    ("host", "path", "provider"),
    [
        ("api.x.ai", "/v1/chat/completions", "xai"),
        ("api.groq.com", "/openai/v1/chat/completions", "groq"),
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter"),
        ("acme.openai.azure.com", "/openai/deployments/house/chat/completions", "azure"),
    ],
)
async def test_compatible_providers_answer_on_their_own_names_and_paths(
    http: httpx2.AsyncClient, providers: Providers, host: str, path: str, provider: str
) -> None:
    model = "grok-4" if provider == "xai" else "some/model"
    headers = {"host": host, "authorization": "Bearer k"}
    answer = await http.post(path, json={"model": model, "messages": HI}, headers=headers)
    assert answer.status_code == 200
    assert providers.billed[0].provider == provider
