"""Whether there is a way to a provider of another API, in which dialect and by which path."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sluiceway.content import folder
from sluiceway.gateway.foreign import foreign_path, translated_for
from sluiceway.gateway.roads import road_to
from sluiceway.policy.policy import NO_MODELS
from sluiceway.settings.providers import Providers, match
from sluiceway.types import Provider, Route
from sluiceway.wire import by_name
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.losses import Losses

SHIPPED = Providers.load(folder("rules") / "providers.yaml").by_name
MESSAGES, CHAT = ("anthropic", "/v1/messages"), ("openai", "/v1/chat/completions")


def provider_of(name: str) -> Provider:
    fills = {"project": "acme-1", "location": "global"} if name == "vertex" else {}
    return replace(SHIPPED[name], fills={**SHIPPED[name].fills, **fills})


def route_of(provider: str, path: str) -> Route:
    route = match(SHIPPED[provider], "POST", path)
    assert route is not None
    return route


VERTEX = "/v1/projects/acme-1/locations/global/publishers/anthropic/models/claude-sonnet-4-5"
GOOGLES = "/v1/projects/acme-1/locations/global/publishers/google/models"
TOOL_LOOP = [
    {"role": "user", "content": "List them."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a b"}]},
]


@pytest.mark.parametrize(("turns", "thinking"), [(TOOL_LOOP[:1], None), (TOOL_LOOP, {"type": "disabled"})])
def test_deepseek_goes_on_in_a_tool_loop_without_thinking_where_it_would_miss_its_thoughts(
    turns: list[dict[str, Any]], thinking: Any
) -> None:
    """It answers 400 where they are not handed back, and other vendors' clients have none to hand back."""
    body = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": turns}
    body |= {"thinking": {"type": "enabled", "budget_tokens": 4000}}
    asked = by_name("anthropic_messages").read(
        Target("POST", "/v1/messages"), {}, json.dumps(body).encode(), add_usage=False
    )
    asked, losses = replace(asked, call=replace(asked.call, model="deepseek-v4-pro")), Losses()
    made, _ = translated_for(asked, "openai_chat", SHIPPED["deepseek"], NO_MODELS, losses)
    assert made.rendered.document.get("thinking") == thinking
    assert any("go on from" in loss.why for loss in losses.all()) == (thinking is not None)
    assert "reasoning_effort" not in made.rendered.document or thinking is None


WAYS = {
    "messages to openai": (MESSAGES, "openai", "gpt-4.1", ("openai_chat", "/v1/chat/completions")),
    "messages to groq": (MESSAGES, "groq", "llama-3.3", ("openai_chat", "/openai/v1/chat/completions")),
    "chat to anthropic": (CHAT, "anthropic", "claude-opus-5", ("anthropic_messages", "/v1/messages")),
    "chat to claude on vertex": (
        CHAT,
        "vertex",
        "claude-sonnet-4-5",
        ("anthropic_vertex", f"{VERTEX}:streamRawPredict"),
    ),
    "messages to gemini on vertex": (
        MESSAGES,
        "vertex",
        "gemini-3-flash",
        ("gemini", f"{GOOGLES}/gemini-3-flash:streamGenerateContent"),
    ),
    "messages to google": (
        MESSAGES,
        "google",
        "gemini-3-flash",
        ("gemini", "/v1beta/models/gemini-3-flash:streamGenerateContent"),
    ),
    "messages to a gpt that reasons": (
        MESSAGES,
        "openai",
        "gpt-5.4",
        ("openai_responses", "/v1/responses"),
    ),
    "gemini to bedrock": (
        ("google", "/v1beta/models/gemini-3-flash:streamGenerateContent"),
        "bedrock",
        "amazon.nova-pro-v1:0",
        ("bedrock_converse", "/model/amazon.nova-pro-v1%3A0/converse-stream"),
    ),
    "from converse": (
        ("bedrock", "/model/amazon.nova-pro-v1:0/converse"),
        "anthropic",
        "claude-opus-5",
        None,
    ),
    "to one that only embeds": (MESSAGES, "voyage", "voyage-4", None),
    "from embeddings": (("openai", "/v1/embeddings"), "anthropic", "claude-opus-5", None),
    "from compaction": (("openai", "/v1/responses/compact"), "anthropic", "claude-opus-5", None),
}


@pytest.mark.parametrize(("asked", "provider", "model", "found"), WAYS.values(), ids=WAYS)
def test_the_way_to_another_api(
    asked: tuple[str, str], provider: str, model: str, found: tuple[str, str] | None
) -> None:
    assert foreign_path(provider_of(provider), route_of(*asked), model, True) == found


def test_a_provider_of_the_same_api_is_not_translated_to() -> None:
    road = road_to(provider_of("openrouter"), route_of(*MESSAGES), MESSAGES[1], "claude-opus-5", True)
    assert road is not None
    assert (road.path, road.foreign) == ("/api/v1/messages", None)


def test_a_question_for_the_number_of_tokens_is_answered_here() -> None:
    path = "/v1/messages/count_tokens"
    road = road_to(provider_of("openai"), route_of("anthropic", path), path, "gpt-4.1", False)
    assert road is not None
    assert road.counted


@pytest.mark.parametrize(
    ("asked", "model", "foreign"),
    [
        (MESSAGES, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", None),
        (MESSAGES, "amazon.nova-pro-v1:0", "bedrock_converse"),
        (CHAT, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock_converse"),
        (CHAT, "openai.gpt-oss-120b-1:0", None),
    ],
)
def test_each_vendors_api_at_bedrock_is_for_its_own_models(
    asked: tuple[str, str], model: str, foreign: str | None
) -> None:
    road = road_to(provider_of("bedrock"), route_of(*asked), asked[1], model, True)
    assert road is not None
    assert road.foreign == foreign
