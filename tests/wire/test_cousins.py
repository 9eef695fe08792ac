"""Claude at Anthropic and on Vertex AI: the same API, but for where the model and the version stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.settings.test_providers import SHIPPED

from sluiceway.errors import ConfigError, WireError
from sluiceway.gateway.roads import road_to
from sluiceway.settings.providers import Providers, match
from sluiceway.types import Provider
from sluiceway.wire import by_name
from sluiceway.wire.cousins import MESSAGES, VERTEX, as_cousin
from sluiceway.wire.dialect import Reading, Target

BASE = "/v1/projects/acme-1/locations/global/publishers"
CLAUDE_AT = f"{BASE}/anthropic/models/claude-haiku-4-5"


def provider(name: str, **fills: str) -> Provider:

    return replace(SHIPPED.by_name[name], fills=fills)


OURS = {"project": "acme-1", "location": "global"}


@pytest.mark.parametrize(
    ("origin", "path", "to", "stream", "there"),
    [
        ("anthropic", "/v1/messages", provider("vertex", **OURS), True, f"{CLAUDE_AT}:streamRawPredict"),
        ("anthropic", "/v1/messages", provider("vertex", **OURS), False, f"{CLAUDE_AT}:rawPredict"),
        ("anthropic", "/v1/messages", provider("vertex"), True, None),
        ("anthropic", "/v1/messages", provider("bedrock"), True, "/anthropic/v1/messages"),
        ("anthropic", "/v1/messages", provider("bedrock-mantle"), True, "/anthropic/v1/messages"),
        ("anthropic", "/v1/messages", provider("openrouter"), True, "/api/v1/messages"),
        ("anthropic", "/v1/messages", provider("openai"), True, "/v1/chat/completions"),
        (
            "anthropic",
            "/v1/messages/count_tokens",
            provider("vertex", **OURS),
            False,
            f"{CLAUDE_AT}:rawPredict",
        ),
        ("vertex", f"{CLAUDE_AT}:streamRawPredict", provider("anthropic"), True, "/v1/messages"),
        (
            "google",
            "/v1beta/models/claude-haiku-4-5:streamGenerateContent",
            provider("vertex", **OURS),
            True,
            f"{BASE}/google/models/claude-haiku-4-5:streamGenerateContent",
        ),
        ("openai", "/v1/chat/completions", provider("google"), True, "/v1beta/openai/chat/completions"),
        ("openai", "/v1/chat/completions", provider("groq"), True, "/openai/v1/chat/completions"),
    ],
    ids=[
        "stream on Vertex",
        "whole on Vertex",
        "no project is known",
        "Bedrock's own Messages",
        "mantle",
        "OpenRouter",
        "another API, translated",
        "counting, which is answered here",
        "from Vertex",
        "Gemini on Vertex",
        "Gemini's OpenAI endpoint",
        "a prefix",
    ],
)
def test_where_a_request_is_taken(
    origin: str, path: str, to: Provider, stream: bool, there: str | None
) -> None:
    route = match(SHIPPED.by_name[origin], "POST", path)
    assert route is not None
    road = road_to(to, route, path, "claude-haiku-4-5", stream)
    assert (None if road is None else road.path) == there


def read(dialect: str, path: str, document: dict[str, Any]) -> Reading:
    return by_name(dialect).read(Target("POST", path), {}, orjson.dumps(document))


ASKED = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_the_model_leaves_the_body_and_the_version_enters_it() -> None:
    reading = read("anthropic_messages", "/v1/messages", {"model": "claude-haiku-4-5", **ASKED})
    there = as_cousin(reading, VERTEX)
    assert orjson.loads(there.body) == {**ASKED, "anthropic_version": "vertex-2023-10-16"}
    assert there.call == reading.call


def test_and_the_other_way_round() -> None:
    path = f"{CLAUDE_AT}:streamRawPredict"
    reading = read("anthropic_vertex", path, {**ASKED, "anthropic_version": "vertex-2023-10-16"})
    there = as_cousin(reading, MESSAGES)
    assert orjson.loads(there.body) == {"model": "claude-haiku-4-5", **ASKED}


def test_what_only_anthropics_own_api_does_is_said_by_its_name() -> None:
    document = {"model": "claude-haiku-4-5", **ASKED, "mcp_servers": [{"type": "url", "url": "https://x"}]}
    with pytest.raises(WireError, match="mcp_servers: not taken there"):
        as_cousin(read("anthropic_messages", "/v1/messages", document), VERTEX)


def test_a_home_that_is_no_host_of_the_provider_is_a_mistake(tmp_path: Any) -> None:

    entry = "{name: one, hosts: [api.one.ai], home: api.two.ai, price_id: x, dialect: openai_chat, "
    entry += "credential_headers: [authorization], paths: [{method: POST, path: /v1, dialect: openai_chat, "
    entry += "operation: chat}]}"
    (tmp_path / "providers.yaml").write_text(f"version: 1\nproviders:\n  - {entry}\n")
    with pytest.raises(ConfigError, match=r"home: 'api.two.ai' is not among its 'hosts'; add it there"):
        Providers.load(tmp_path / "providers.yaml")
