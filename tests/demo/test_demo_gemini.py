"""Google's official SDK talks to the simulator: generate, stream, count, embed, functions, errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from tests.sdks import gemini_http

from sluiceway.demo.providers import Providers

MODEL = "gemini-2.5-flash"
KEY = {"x-goog-api-key": "k"}
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


@pytest.fixture
async def http(providers: Providers) -> AsyncIterator[Any]:
    context = ssl.create_default_context(cafile=str(providers.ca_file))
    base = f"https://127.0.0.1:{providers.port}"
    async with gemini_http().AsyncClient(verify=context, base_url=base, trust_env=False) as client:
        yield client


@pytest.fixture
def client(http: Any) -> genai.Client:
    options = types.HttpOptions(base_url=str(http.base_url), httpx_async_client=http)
    return genai.Client(api_key="k", http_options=options)


async def test_an_answer_parses_and_costs_what_the_provider_has_on_record(
    client: genai.Client, providers: Providers
) -> None:
    answer = await client.aio.models.generate_content(model=MODEL, contents="hi")
    used = answer.usage_metadata
    assert answer.text
    assert used is not None
    assert used.prompt_token_count == 5
    assert used.thoughts_token_count
    assert used.candidates_token_count
    assert used.total_token_count == 5 + used.thoughts_token_count + used.candidates_token_count
    assert providers.billed[0].usage == {
        "promptTokenCount": 5,
        "candidatesTokenCount": used.candidates_token_count,
        "thoughtsTokenCount": used.thoughts_token_count,
        "totalTokenCount": used.total_token_count,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
    }


async def test_a_stream_counts_up_to_the_final_usage(client: genai.Client, providers: Providers) -> None:
    stream = await client.aio.models.generate_content_stream(model=MODEL, contents="hi")
    chunks = [chunk async for chunk in stream]
    counts = [chunk.usage_metadata.candidates_token_count for chunk in chunks if chunk.usage_metadata]
    assert len(counts) > 2
    assert counts == sorted(set(counts), key=lambda count: count or 0)
    usage = providers.billed[0].usage
    assert usage is not None
    assert counts[-1] == usage["candidatesTokenCount"]
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
    assert reasons == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_without_alt_sse_a_stream_is_one_json_array(http: Any, version: str) -> None:
    path = f"/{version}/models/{MODEL}:streamGenerateContent"
    answer = await http.post(path, json=HI, headers=KEY)
    assert answer.headers["content-type"].startswith("application/json")
    pieces = json.loads(answer.content)
    assert len(pieces) > 1
    assert pieces[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_limits_thoughts_and_functions_are_honoured(client: genai.Client) -> None:
    config = types.GenerateContentConfig(
        max_output_tokens=7, thinking_config=types.ThinkingConfig(thinking_budget=0)
    )
    short = await client.aio.models.generate_content(model=MODEL, contents="hi", config=config)
    assert short.usage_metadata is not None
    assert short.usage_metadata.candidates_token_count == 7
    assert short.usage_metadata.thoughts_token_count is None
    assert short.candidates
    assert short.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


async def test_a_function_is_called_when_named(client: genai.Client) -> None:
    place = types.Schema(type=types.Type.OBJECT, properties={"place": types.Schema(type=types.Type.STRING)})
    function = types.FunctionDeclaration(name="weather", parameters=place)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[function])])
    called = await client.aio.models.generate_content(model=MODEL, contents="weather?", config=config)
    assert called.function_calls
    assert (called.function_calls[0].name, called.function_calls[0].args) == ("weather", {"place": "example"})
    plain = await client.aio.models.generate_content(model=MODEL, contents="hello", config=config)
    assert not plain.function_calls


async def test_a_function_is_called_as_ordered_and_its_response_is_quoted(client: genai.Client) -> None:
    function = types.FunctionDeclaration(name="read_file", parameters_json_schema={"type": "object"})
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[function])])
    words = 'use the tool read_file: {"file_path": "a.txt"}'
    called = await client.aio.models.generate_content(model=MODEL, contents=words, config=config)
    assert called.function_calls
    assert called.function_calls[0].args == {"file_path": "a.txt"}
    result: Any = types.Part.from_function_response(name="read_file", response={"output": "green"})
    asked: Any = [types.UserContent(words), types.UserContent([result])]
    after = await client.aio.models.generate_content(model=MODEL, contents=asked, config=config)
    assert after.text == 'The tool says: {"output":"green"}'


async def test_counting_is_free_and_embedding_is_not(client: genai.Client, providers: Providers) -> None:
    counted = await client.aio.models.count_tokens(model=MODEL, contents="hi")
    assert counted.total_tokens == 5
    assert not providers.billed
    contents: Any = ["same", "longer text"]
    embedded = await client.aio.models.embed_content(model="gemini-embedding-001", contents=contents)
    assert embedded.embeddings
    assert [len(entry.values or []) for entry in embedded.embeddings] == [3072, 3072]
    assert providers.billed[0].usage == {"promptTokenCount": 1 + 3}


async def test_fields_in_snake_case_count_like_those_in_camel_case(http: Any) -> None:
    path = f"/v1beta/models/{MODEL}:generateContent"
    counts = []
    for system, limit in (
        ("systemInstruction", "maxOutputTokens"),
        ("system_instruction", "max_output_tokens"),
    ):
        config = "generationConfig" if system[6] == "I" else "generation_config"
        body = HI | {system: {"parts": [{"text": "Be brief."}]}, config: {limit: 40}}
        counts.append((await http.post(path, json=body, headers=KEY)).json()["usageMetadata"])
    assert counts[0] == counts[1]
    assert counts[0]["totalTokenCount"] == counts[0]["promptTokenCount"] + 40


@pytest.mark.parametrize(
    ("model", "key", "status", "word"),
    [
        ("gemini-no-such", "k", 404, "NOT_FOUND"),
        (MODEL, "wrong", 400, "INVALID_ARGUMENT"),
    ],
)
async def test_errors_raise_the_sdks_own(http: Any, model: str, key: str, status: int, word: str) -> None:
    options = types.HttpOptions(base_url=str(http.base_url), httpx_async_client=http)
    client = genai.Client(api_key=key, http_options=options)
    with pytest.raises(errors.ClientError) as caught:
        await client.aio.models.generate_content(model=model, contents="hi")
    assert (caught.value.code, caught.value.status) == (status, word)


async def test_the_key_may_be_in_the_query_but_not_missing(http: Any, providers: Providers) -> None:
    path = f"/v1beta/models/{MODEL}:generateContent"
    assert (await http.post(path, json=HI)).status_code == 403
    assert (await http.post(path + "?key=secret", json=HI)).status_code == 200
    assert list(providers.log[-1].credentials) == ["?key"]
    assert "secret" not in str(providers.log[-1])
