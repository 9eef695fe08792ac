"""A small catalogue with round prices, and one request, for the tests of what routes do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sluiceway.policy import Policy, decide
from sluiceway.policy.kinds import Inject, Route
from sluiceway.settings.models import Models, ModelsFile
from sluiceway.types import Call, Decision, Facts, KeyClass, Principal, Target, TokenPrice

ALICE = Principal(1, "alice", "employee", "core")
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)  # a Wednesday
ALL = ["tools", "streaming", "vision", "json", "thinking"]


def model(name: str, family: str, tier: str, at: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "family": family,
        "tier": tier,
        "can": ALL,
        "context_tokens": 200_000,
        "at": at,
        **more,
    }


CATALOGUE = Models.of(
    ModelsFile.model_validate(
        {
            "version": 1,
            "regions": {"mistral": ["eu"]},
            "dialects": {"bedrock": {"claude": ["anthropic_messages"]}},
            "models": [
                model(
                    "opus",
                    "claude",
                    "large",
                    {"anthropic": "opus-1", "bedrock": {"eu": "eu.opus", "us": "us.opus"}},
                ),
                model("sonnet", "claude", "medium", {"anthropic": "sonnet-1", "router": "anthropic/sonnet"}),
                model("haiku", "claude", "small", {"anthropic": "haiku-1"}, max_output_tokens=8_000),
                model(
                    "gpt", "gpt", "large", {"openai": "gpt", "router": "openai/gpt"}, context_tokens=400_000
                ),
                model("gpt-mini", "gpt", "small", {"openai": "gpt-mini"}, can=["tools", "streaming", "json"]),
                model("mistral", "mistral", "medium", {"mistral": "mistral-1"}, context_tokens=32_000),
                model("plain", "plain", "small", {"router": "plain"}, can=["streaming"]),
            ],
        }
    )
)
# Input and output in USD per million; reading the cache costs a tenth of input, writing it a quarter more.
PRICES = {
    "anthropic/opus-1": (5, 25),
    "bedrock/eu.opus": (6, 30),
    "bedrock/us.opus": (5, 25),
    "anthropic/sonnet-1": (3, 15),
    "router/anthropic/sonnet": (3, 15),
    "anthropic/haiku-1": (1, 5),
    "openai/gpt": (2, 10),
    "router/openai/gpt": (2, 10),
    "openai/gpt-mini": (Decimal("0.2"), 2),
    "mistral/mistral-1": (Decimal("0.5"), Decimal("1.5")),
}


def price(target: Target) -> TokenPrice | None:
    if (found := PRICES.get(str(target))) is None:
        return None
    paid, earned = Decimal(found[0]), Decimal(found[1])
    return TokenPrice(paid, earned, paid / 10, paid * 5 / 4)


ROADS = dict.fromkeys(
    ("anthropic", "bedrock", "openai", "router", "mistral"), frozenset({"anthropic_messages"})
)
CALL = Call("anthropic_messages", "chat", "opus-1", stream=True, has_tools=True, conversation_id="c-1")
FACTS = Facts(
    "anthropic",
    key_class=KeyClass.COMPANY,
    input_tokens=5000,
    may_reroute=True,
    contact="#ai-platform",
    at=AT,
    reachable=ROADS,
    price=price,
)


def policy(*rules: dict[str, Any], models: Models = CATALOGUE, inject: bool = True) -> Policy:
    routes = (Route.model_validate({"name": f"r{number}", **rule}) for number, rule in enumerate(rules))
    keys = (Inject(name="keys"),) if inject else ()
    return Policy(routes=tuple(routes), inject=keys, models=models)


def decided(*rules: dict[str, Any], call: Call = CALL, who: Principal = ALICE, **facts: Any) -> Decision:
    return decide(policy(*rules), who, call, replace(FACTS, **facts))


def effects(decision: Decision) -> list[str]:
    return [step.effect for step in decision.trail]
