"""A team's budget and a crowd at once: first a cheaper model, then no; never over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from sluiceway.demo.people.dave import CLAUDE, CLIENTS, LENGTH, SMALL
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.billing import billed_usd
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd

LIMIT_USD = Decimal("0.04")


def capping(stage: Stage, parts: Parts) -> Iterator[Line]:
    """Support has 0.04 USD a day, and from 0.03 on the small model answers."""
    heard = parts["dave"].first("forty clients")
    told = json.loads(heard.got or '{"answered": {}, "refused": 0, "said": ""}')
    first, then = (
        sum(count for model, count in told["answered"].items() if model.startswith(name))
        for name in (CLAUDE, SMALL)
    )
    degraded = [row for row in rows(stage) if row.route_rule == "support-frugal" and row.outcome == "ok"]
    yield claim(
        first and then and len(degraded) == then and first + then + told["refused"] == CLIENTS,
        f"{CLIENTS} clients: {CLAUDE} answered {first}; past $0.03, {SMALL} answered {then}; "
        f"{told['refused']} refused",
    )
    batch = sum(row.cost_nusd or 0 for row in rows(stage) if row.operation == "batch")
    billed = billed_usd(
        each for each in stage.providers.billed if LENGTH in map(str.lower, each.header_names)
    )
    billed += to_usd(batch)
    used_percent = (100 * billed / LIMIT_USD).quantize(Decimal("0.1"), ROUND_DOWN)
    yield claim(
        0 < billed <= LIMIT_USD,
        f"the provider billed ${billed:.5f} of the cap's ${LIMIT_USD}: {used_percent} %, never over; the "
        "others were told:",
    )
    yield shown(told["said"])
