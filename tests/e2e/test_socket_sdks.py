"""The official SDKs' own WebSocket clients, unmodified, through the proxy by the variables a company sets."""

from __future__ import annotations

import asyncio

import openai
import pytest
from google import genai
from google.genai import types

from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import CANARY

pytestmark = [
    pytest.mark.e2e,
    # OpenAI's SDK opens its sockets in the way that websockets 17 warns of.
    pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as a context manager:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def proxy(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running, proxy: str, monkeypatch: pytest.MonkeyPatch) -> Since:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("SSL_CERT_FILE", quick.anchor)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    return Since(quick)


def test_openais_realtime_client(since: Since) -> None:
    with (
        openai.OpenAI(api_key=f"sk-{CANARY}") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hi."}]}
        )
        connection.response.create()
        said = ""
        for event in connection:
            if event.type == "response.output_text.delta":
                said += event.delta
            if event.type == "response.done":
                break
    assert said
    turn, _ = since.rows(2)
    assert event.response.usage is not None
    assert (turn["input_tokens"], turn["output_tokens"]) == (
        event.response.usage.input_tokens,
        event.response.usage.output_tokens,
    )
    assert turn["client_name"] == "openai-python"


def test_openais_responses_client(since: Since) -> None:
    with openai.OpenAI(api_key=f"sk-{CANARY}") as client, client.responses.connect() as connection:
        connection.response.create(model="gpt-4.1-mini", input="Say hi.")
        for event in connection:
            if event.type == "response.completed":
                break
        assert event.response.output_text
        connection.response.create(model="no-such-model", input="Say hi.")
        for event in connection:
            if event.type == "error":
                break
    turn, error, _ = since.rows(3)
    assert (turn["outcome"], turn["output_tokens"]) == ("ok", event_tokens(since))
    assert (error["outcome"], error["cost_nusd"]) == ("upstream_error", 0)


def event_tokens(since: Since) -> int:
    usage = since.served[0].usage
    assert usage is not None
    return int(usage["output_tokens"])


def test_googles_live_client(since: Since) -> None:
    async def talk() -> str:
        client = genai.Client(api_key=f"AIza-{CANARY}")
        config = types.LiveConnectConfig(response_modalities=[types.Modality.TEXT])
        async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
            await session.send_client_content(
                turns=types.Content(role="user", parts=[types.Part(text="Say hi.")]), turn_complete=True
            )
            said = ""
            async for message in session.receive():
                said += message.text or ""
            return said

    assert asyncio.run(talk())
    turn, _ = since.rows(2)
    (served,) = since.served
    assert served.usage is not None
    assert (turn["input_tokens"], turn["output_tokens"]) == (
        served.usage["promptTokenCount"],
        served.usage["responseTokenCount"],
    )
    assert (turn["client_name"], turn["model_routed"]) == ("google-genai-python", "gemini-3.8-live")
