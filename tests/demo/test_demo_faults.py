"""Faults do what they say, and the provider's record says what then went out."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import anthropic
import brotli
import httpx2
import openai
import orjson
import pytest
import zstandard

from sluiceway.demo import faults
from sluiceway.demo.exchange import Served
from sluiceway.demo.providers import Providers

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
STREAM = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
MESSAGE = {"model": "claude-sonnet-4-6", "max_tokens": 400, "messages": CHAT["messages"]}
CLAUDE = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
OPENAI = {"authorization": "Bearer k"}


async def _chat(http: httpx2.AsyncClient, fault: str, body: Any = CHAT, **headers: str) -> httpx2.Response:
    asked = OPENAI | {"x-demo-fault": fault} | headers
    return await http.post("/v1/chat/completions", json=body, headers=asked)


async def _recorded(providers: Providers, ready: Callable[[Served], bool]) -> Served:
    """The last record, once it says what it will say: the server notes a broken connection a turn later."""
    for _ in range(1000):
        if providers.log and ready(providers.log[-1]):
            break
        await asyncio.sleep(0.001)
    return providers.log[-1]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429;retry-after=2", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("403", openai.PermissionDeniedError),
    ],
)
async def test_a_status_raises_the_openai_sdks_error_and_bills_nothing(
    http: httpx2.AsyncClient, providers: Providers, fault: str, error: type[openai.APIStatusError]
) -> None:
    client = openai.AsyncOpenAI(api_key="k", base_url=f"{http.base_url}/v1", http_client=http, max_retries=0)
    with pytest.raises(error) as caught:
        await client.models.list(extra_headers={"x-demo-fault": fault})
    assert caught.value.response.headers.get("retry-after") == ("2" if "retry" in fault else None)
    assert not providers.billed


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error"), (402, "billing_error")],
)
async def test_a_status_raises_the_anthropic_sdks_error(
    http: httpx2.AsyncClient, status: int, kind: str
) -> None:
    client = anthropic.AsyncAnthropic(
        api_key="k", base_url=str(http.base_url), http_client=http, max_retries=0
    )
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**MESSAGE, extra_headers={"x-demo-fault": str(status)})  # type: ignore[call-overload]  # the SDK wants its own literals
    assert caught.value.status_code == status
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == kind


async def test_a_fault_set_from_outside_hits_so_many_requests_of_that_provider(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    providers.fault("anthropic", "529", times=2)
    providers.fault("openai", "500")

    async def statuses() -> tuple[int, int]:
        claude = await http.post("/v1/messages", json=MESSAGE, headers=CLAUDE)
        chat = await http.post("/v1/chat/completions", json=CHAT, headers=OPENAI)
        return claude.status_code, chat.status_code

    assert [await statuses() for _ in range(3)] == [(529, 500), (529, 500), (200, 500)]
    providers.clear_faults()
    assert await statuses() == (200, 200)


async def test_a_fault_of_one_model_leaves_the_others_alone(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    providers.fault("anthropic/claude-sonnet-4-5", "529")
    answers = [
        await http.post("/v1/messages", json=MESSAGE | {"model": model}, headers=CLAUDE)
        for model in ("claude-sonnet-4-5", "claude-sonnet-4-6", "claude-sonnet-4-5")
    ]
    assert [answer.status_code for answer in answers] == [529, 200, 529]
    assert answers[0].json()["error"]["type"] == "overloaded_error"
    assert (await http.post("/v1/messages", content=b"{", headers=CLAUDE)).status_code == 400


@pytest.mark.parametrize("fault", ["refuse", "cut;after=0", "reset;after=0"])
async def test_a_refused_or_broken_answer_is_a_transport_error(http: httpx2.AsyncClient, fault: str) -> None:
    with pytest.raises(httpx2.TransportError):
        await _chat(http, fault if fault == "refuse" else fault.replace("0", "1"))


@pytest.mark.parametrize(
    ("fault", "error"), [("cut", httpx2.RemoteProtocolError), ("reset", httpx2.ReadError)]
)
async def test_a_stream_breaks_after_so_many_events_and_is_not_complete(
    http: httpx2.AsyncClient, providers: Providers, fault: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _chat(http, f"{fault};after=3", STREAM)
    served = await _recorded(providers, lambda served: served.events_sent > 0)
    assert (served.events_sent, served.complete) == (3, False)
    assert served.events > 3
    assert served.usage is not None


async def test_a_cut_stream_delivers_the_events_before_the_cut(http: httpx2.AsyncClient) -> None:
    seen = bytearray()

    async def read() -> None:
        body = MESSAGE | {"stream": True}
        async with http.stream("POST", "/v1/messages", json=body, headers=headers) as answer:
            async for chunk in answer.aiter_bytes():
                seen.extend(chunk)

    headers = CLAUDE | {"x-demo-fault": "cut;after=4, slow;first=0;between=0.002"}
    with pytest.raises(httpx2.RemoteProtocolError):
        await read()
    assert seen.count(b"\n\n") == 4
    assert b"message_start" in seen
    assert b"message_stop" not in seen


async def test_a_hanging_provider_bills_nothing_and_lets_go_with_the_client(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        await http.post("/v1/messages", json=MESSAGE, headers=CLAUDE | {"x-demo-fault": "hang"}, timeout=0.05)
    assert (providers.log[-1].status, providers.log[-1].usage) == (None, None)


async def test_a_client_that_leaves_ends_the_stream_on_record(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    headers = OPENAI | {"x-demo-fault": "slow;first=0;between=30"}
    async with http.stream("POST", "/v1/chat/completions", json=STREAM, headers=headers) as answer:
        await anext(answer.aiter_bytes())
    served = await _recorded(providers, lambda served: served.events_sent > 0)
    assert (served.events_sent, served.complete) == (1, False)


@pytest.mark.parametrize("fault", ["no-usage", "usage-null"])
@pytest.mark.parametrize("stream", [True, False])
async def test_usage_can_be_missing_and_is_still_billed(
    http: httpx2.AsyncClient, providers: Providers, fault: str, stream: bool
) -> None:
    answer = await http.post(
        "/v1/messages", json=MESSAGE | {"stream": stream}, headers=CLAUDE | {"x-demo-fault": fault}
    )
    assert answer.status_code == 200
    assert b'"output_tokens"' not in answer.content
    assert (b'"usage":null' in answer.content) is (fault == "usage-null")
    (served,) = providers.billed
    assert served.usage is not None
    assert served.usage["output_tokens"] > 0
    assert not served.usage_sent


async def test_geminis_array_can_lose_its_usage_too(http: httpx2.AsyncClient) -> None:
    answer = await http.post(
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
        json={"contents": [{"parts": [{"text": "hi"}]}]},
        headers={"x-goog-api-key": "k", "x-demo-fault": "no-usage"},
    )
    assert all("usageMetadata" not in piece for piece in orjson.loads(answer.content))


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": lambda data: bytes(brotli.decompress(data)),
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["json", "stream"])
@pytest.mark.parametrize("encoding", DECODERS)
async def test_an_encoded_answer_decodes_to_the_plain_one(
    http: httpx2.AsyncClient, encoding: str, body: Any
) -> None:
    headers = OPENAI | {"x-demo-fault": encoding, "accept-encoding": encoding}
    async with http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        assert answer.headers["content-encoding"] == encoding
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert b'"total_tokens"' in DECODERS[encoding](raw)


async def test_an_encoding_the_client_does_not_accept_is_not_used(http: httpx2.AsyncClient) -> None:
    answer = await _chat(http, "br", **{"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["json", "stream"])
async def test_a_trickled_answer_is_the_same_answer(http: httpx2.AsyncClient, body: Any) -> None:
    headers = {"x-demo-output-tokens": "4"}
    plain, trickled = await _chat(http, "", body, **headers), await _chat(http, "trickle", body, **headers)
    assert len(plain.content) == len(trickled.content)


async def test_a_huge_answer_is_billed_by_its_size(http: httpx2.AsyncClient, providers: Providers) -> None:
    answer = await _chat(http, "huge;mb=1")
    assert len(answer.json()["choices"][0]["message"]["content"]) == 2**20
    assert answer.json()["usage"]["completion_tokens"] == 2**18
    assert providers.billed[0].complete


async def test_a_stream_can_end_in_the_providers_own_error(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    client = anthropic.AsyncAnthropic(
        api_key="k", base_url=str(http.base_url), http_client=http, max_retries=0
    )
    headers = {"x-demo-fault": "stream-error;after=5"}
    stream = await client.messages.create(**MESSAGE, stream=True, extra_headers=headers)  # type: ignore[call-overload]  # the SDK wants its own literals
    with pytest.raises(anthropic.APIStatusError, match="overloaded"):
        [event async for event in stream]
    assert not providers.billed[0].complete


async def test_json_can_be_broken_types_wrong_and_answers_elsewhere(http: httpx2.AsyncClient) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads((await _chat(http, "bad-json")).content)
    assert (await _chat(http, "wrong-type")).headers["content-type"].startswith("text/html")
    moved = await _chat(http, "redirect;to=https://evil.example/v1")
    assert (moved.status_code, moved.headers["location"]) == (307, "https://evil.example/v1")


async def test_a_fault_that_does_not_exist_is_refused_by_name(http: httpx2.AsyncClient) -> None:
    answer = await _chat(http, "explode")
    assert answer.status_code == 400
    assert "explode" in answer.json()["error"]["message"]


@pytest.mark.parametrize("text", ["200", "399", "600", "cut 3", "CUT"])
def test_near_misses_are_no_faults(text: str) -> None:
    with pytest.raises(ValueError, match="there is no fault"):
        faults.parse(text)


async def test_a_held_stream_waits_before_its_last_event_until_it_is_released(
    http: httpx2.AsyncClient, providers: Providers
) -> None:
    providers.fault("openai", "hold")
    async with http.stream("POST", "/v1/chat/completions", json=STREAM, headers=OPENAI) as response:
        lines = response.aiter_lines()
        first = await anext(lines)
        held = await _recorded(providers, lambda served: served.events_sent == 0)
        assert not held.complete
        providers.release()
        rest = [line async for line in lines if line]
    assert first.startswith("data: {")
    assert rest[-1] == "data: [DONE]"
    assert (await _recorded(providers, lambda served: served.complete)).complete
    providers.clear_faults()
    assert (await _chat(http, "", STREAM)).text.endswith("data: [DONE]\n\n")  # nobody is held any more
