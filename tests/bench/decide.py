"""How long a decision takes: 200 routes of every kind, the catalogue as shipped, a hundred kinds of requests.

    python -m tests.bench.decide [ROUNDS]

Prints the median and the 99th percentile of single decisions, for requests that the last route decides by a
choice from the whole catalogue, that an early one decides, and that none does: in microseconds of the wall
clock, and of the processor's time where the machine is shared.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from sluiceway.content import folder
from sluiceway.gateway.outlook import prices
from sluiceway.gateway.parts import Rules
from sluiceway.policy import Policy, decide
from sluiceway.policy.kinds import Inject, Route
from sluiceway.pricing.book import PriceBook
from sluiceway.settings.models import Models
from sluiceway.settings.providers import Providers
from sluiceway.types import Call, Decision, Facts, Health, KeyClass, Principal

RULES = folder("rules")
ALICE = Principal(1, "alice", "employee", "core")
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CALL = Call("openai_chat", "chat", "gpt-5.1", stream=True, has_tools=True, max_output_tokens=4000)
ROUTES = 200
WHOLE_CATALOGUE = {"choose": {"prefer": "cheapest", "max_cost_per_1k": 0.02, "max_ttft_ms": 5000}}


def routes() -> Iterator[dict[str, Any]]:
    """Conditions of every kind that nearly hold, and an action of every kind."""
    conditions: list[dict[str, Any]] = [
        {"model": "claude-opus-*", "task": "creative"},
        {"team": ["data", "legal"], "model": "gpt-*"},
        {"provider": "openai", "model": ["gpt-4*", "o3*", "gpt-5.2*"], "tools": True},
        {"client": "codex*", "hours": {"from": "18:00", "to": "06:00", "days": ["mon-fri"]}},
        {"model": "gpt-5.1", "budget": {"name": "core", "used_percent": {"at_least": 90}}},
        {"model": "gpt-5.1", "latency": {"ttft_p95_ms": {"at_least": 4000}}},
        {"employee": "bob*", "input_tokens": {"at_least": 100_000}},
        {"vision": True, "thinking": True},
    ]
    actions: list[dict[str, Any]] = [
        {"to": {"model": "gpt-5-mini"}},
        {"choose": {"from": ["gpt-*"], "prefer": "fastest"}},
        {"split": [{"model": "same", "weight": 90}, {"provider": "openrouter", "weight": 10}]},
        {"degrade": {"budget": "core", "steps": [{"at_least": 80, "model": "gpt-5-mini"}]}},
        {"deny": {"reason": "not approved yet"}},
    ]
    for number in range(ROUTES - 3):
        match = conditions[number % len(conditions)]
        yield {"name": f"r{number}", "match": match, **actions[number % len(actions)]}
    yield {"name": "next", "failover": "same_family"}
    yield {"name": "copy", "mirror": {"to": {"model": "gpt-5-mini"}, "percent": 5, "budget_usd_per_day": 1}}
    yield {"name": "last", "match": {"model": "gpt-5.1"}, **WHOLE_CATALOGUE}


def measured(
    once: Callable[[int], Decision], rounds: int, clock_ns: Callable[[], int]
) -> tuple[float, float]:
    """Median and 99th percentile in microseconds, of single calls, without the garbage collector's pauses."""
    for number in range(200):
        once(number)
    gc.disable()
    took: list[float] = []
    for number in range(rounds):
        begun = clock_ns()
        once(number)
        took.append((clock_ns() - begun) / 1000)
    gc.enable()
    hundredths = quantiles(took, n=100)
    return hundredths[49], hundredths[98]


def main(rounds: int) -> None:
    providers = Providers.load(RULES / "providers.yaml").by_name
    book = PriceBook.load(RULES / "prices.yaml", providers.values())
    models = Models.load(RULES / "models.yaml")
    rules = tuple(Route.model_validate(rule) for rule in routes())
    policy = Policy(routes=rules, inject=(Inject(name="keys"),), models=models)
    facts = Facts(
        "openai",
        "cline",
        key_class=KeyClass.COMPANY,
        input_tokens=20_000,
        may_reroute=True,
        at=AT,
        used_percent={"core": 40},
        health={offer.target: Health(300, 900, 4000, 9000) for offer in models.offers},
        reachable=dict.fromkeys(providers, frozenset({"openai_chat"})),
        price=prices(Rules(policy, book, providers), AT),
    )
    calls = [replace(CALL, conversation_id=f"c{number}") for number in range(100)]
    print(
        f"{len(rules)} routes, {len({o.model.name for o in models.offers})} models, {rounds} decisions each"
    )
    kinds = {
        "from the whole catalogue": {"model": "gpt-5.1"},
        "decided early": {"model": "claude-opus-5-5"},
        "by no route": {"model": "house-model"},
    }
    for name, asked in kinds.items():
        mine = [replace(call, **asked) for call in calls]
        for kind, clock_ns in (("wall", time.perf_counter_ns), ("cpu", time.thread_time_ns)):
            mid, late = measured(
                lambda n, mine=mine: decide(policy, ALICE, mine[n % 100], facts), rounds, clock_ns
            )
            print(f"{name:26} {kind:4} p50 {mid:7.1f}   p99 {late:7.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
