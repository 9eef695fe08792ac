"""Failover: a provider is overloaded, the client has its answer from the next, and the breaker opens."""

from __future__ import annotations

from collections.abc import Iterator

from sluiceway.demo.people.alice import FAILING, OVERLOADED
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage


def failing_over(stage: Stage, parts: Parts) -> Iterator[Line]:
    """What alice's client saw, what the ledger and `status` say."""
    heard = [each for each in parts["alice"].heard if each.what == "Claude, overloaded"]
    ways = [each.got or "" for each in heard]
    failed = [served for served in stage.providers.log if served.status == 529]
    yield claim(
        len(heard) == OVERLOADED and all(each.ok and each.got for each in heard) and failed,
        f"Anthropic said 529 (overloaded) {len(failed)} times; alice's unchanged client had "
        f"{sum(each.ok for each in heard)} answers to {len(heard)} questions",
    )
    attempts = [row for row in rows(stage) if row.model_requested == FAILING]
    first = [row for row in attempts if row.request_id == attempts[0].request_id]
    yield claim(
        [(row.provider, row.upstream_status) for row in first] == [("anthropic", 529), ("openai", 200)]
        and first[-1].route_path == ways[0],
        f"the ledger has a row for each attempt; the answered one names both: {first[-1].route_path}",
    )
    status = stage.operator.type("status").out.splitlines()
    shut = [line for line in status if line.startswith("breakers")]
    yield claim(
        shut and FAILING in shut[0] and len(failed) < OVERLOADED and "(open)>" in ways[-1],
        f"its breaker opened, so the last question went straight to {ways[-1].partition('>')[2]}; "
        "`sluiceway status`:",
    )
    yield shown(shut[0] if shut else "")
