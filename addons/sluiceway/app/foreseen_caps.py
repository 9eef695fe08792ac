"""The caps in `rules explain`: how they stand, which of them refuses, and where one leads instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluiceway.app.budgets import amount
from sluiceway.policy.words import short
from sluiceway.types import Cap, Step, Target

# What a counter stands at: spent and reserved, in the cap's unit.
type Balances = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class CapsForeseen:
    """`target`: who is asked after all; `refused_by`: the budget that says no; `caps` as plain values."""

    target: Target
    caps: tuple[Mapping[str, Any], ...]
    steps: Sequence[Step]
    refused_by: str | None = None


def foresee(
    target: Target,
    caps_on: Callable[[Target], Sequence[Cap]],
    standing: Balances,
    not_instead: Callable[[Target, str], str | None],
) -> CapsForeseen:
    """As `gateway/degrading.py` asks for money: the first cap that is used up decides, and where it leads to
    another model, that one's caps are looked at in turn."""
    steps: list[Step] = []
    tried = {target.model}
    while True:
        caps = caps_on(target)
        rows = tuple(_standing(cap, *standing.get(cap.counter, (0, 0))) for cap in caps)
        spent = [cap for cap in caps if standing.get(cap.counter, (0, 0))[0] >= cap.limit]
        steps += [Step("budget", cap.rule, "used up, and only warns") for cap in spent if not cap.holds]
        cap = next((cap for cap in spent if cap.holds), None)
        if cap is None:
            return CapsForeseen(target, rows, steps)
        to = cap.degrade_to
        if to is None or to in tried:
            return CapsForeseen(target, rows, [*steps, Step("budget", cap.rule, "used up")], cap.rule)
        if (why := not_instead(target, to)) is not None:
            said = f"used up, and {to} cannot be asked instead: {why}"
            return CapsForeseen(target, rows, [*steps, Step("budget", cap.rule, said)], cap.rule)
        steps.append(Step("budget", cap.rule, f"used up: {to} is asked instead"))
        tried.add(to)
        target = Target(target.provider, to)


def _standing(cap: Cap, spent: int, reserved: int) -> dict[str, Any]:
    return {
        "budget": cap.rule,
        "window": short(cap.window),
        "unit": cap.unit,
        "limit": amount(cap.unit, cap.limit),
        "spent": amount(cap.unit, spent),
        "reserved": amount(cap.unit, reserved),
        "left": amount(cap.unit, max(0, cap.limit - spent - reserved)),
        "resets_at": cap.ends_at.isoformat() if cap.ends_at else None,
    }
