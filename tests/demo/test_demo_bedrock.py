"""The simulated Bedrock, asked by boto3 without a proxy: it takes what AWS takes, and says no as AWS does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from sluiceway.demo.providers import Providers
from sluiceway.demo.sigv4 import SECRET_KEY

MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
ASK: list[dict[str, Any]] = [{"role": "user", "content": [{"text": "What is a sluice?"}]}]
Make = Callable[..., Any]


@pytest.fixture
def aws(providers: Providers) -> Iterator[Make]:
    made: list[Any] = []

    def make(secret: str = SECRET_KEY) -> Any:
        session = boto3.session.Session("AKIAEXAMPLE000000001", secret, region_name="us-east-1")
        client = session.client(
            "bedrock-runtime",
            endpoint_url=f"https://localhost:{providers.port}",
            verify=str(providers.ca_file),
            config=Config(retries={"total_max_attempts": 1}),
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def bedrock(client: Any) -> Any:
    """Names the host in the request, as a signed header: the simulator goes by it."""
    client.meta.events.register(
        "before-sign",
        lambda request, **_: request.headers.__setitem__("host", "bedrock-runtime.us-east-1.amazonaws.com"),
    )
    return client


async def test_converse_is_billed_as_it_says(aws: Make, providers: Providers) -> None:
    answer = await asyncio.to_thread(lambda: bedrock(aws()).converse(modelId=MODEL, messages=ASK))
    (served,) = providers.billed
    assert served.usage == answer["usage"]
    assert served.model == MODEL


async def test_a_stream_has_the_same_text_as_the_whole_answer(aws: Make) -> None:
    def both() -> tuple[str, str]:
        client = bedrock(aws())
        whole = client.converse(modelId=MODEL, messages=ASK)["output"]["message"]["content"][0]["text"]
        events = list(client.converse_stream(modelId=MODEL, messages=ASK)["stream"])
        deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
        return whole, "".join(deltas)

    whole, streamed = await asyncio.to_thread(both)
    assert whole == streamed != ""


async def test_another_secret_does_not_fit(aws: Make, providers: Providers) -> None:
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        await asyncio.to_thread(lambda: bedrock(aws("another")).converse(modelId=MODEL, messages=ASK))
    assert providers.billed == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [("429", "ThrottlingException"), ("500", "InternalServerException"), ("400", "Validation")],
)
async def test_faults_are_said_in_awss_form(aws: Make, providers: Providers, fault: str, says: str) -> None:
    providers.fault("bedrock", fault, times=1)
    with pytest.raises(ClientError, match=says):
        await asyncio.to_thread(lambda: bedrock(aws()).converse(modelId=MODEL, messages=ASK))


async def test_a_fault_in_a_stream_is_an_exception_of_it(aws: Make, providers: Providers) -> None:
    providers.fault("bedrock", "stream-error;after=2", times=1)

    def ask() -> None:
        stream = bedrock(aws()).converse_stream(modelId=MODEL, messages=ASK)["stream"]
        try:
            list(stream)
        finally:
            stream.close()

    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        await asyncio.to_thread(ask)


async def test_frames_without_usage_still_have_their_crc(aws: Make, providers: Providers) -> None:
    providers.fault("bedrock", "no-usage")
    body = json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "hi"}],
        }
    )

    def ask() -> list[Any]:
        answer = bedrock(aws()).invoke_model_with_response_stream(modelId=MODEL, body=body)
        return [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]

    events = await asyncio.to_thread(ask)
    assert events[-1]["type"] == "message_stop"
    assert "amazon-bedrock-invocationMetrics" not in events[-1]
