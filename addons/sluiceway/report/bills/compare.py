"""Explains how a provider's figures differ from the ledger's, class by class, and how much is left over.

Each class is taken only as far as the ledger gives ground for it: what may have moved to the next day is no
more than the rows near midnight; what a cut answer may have used unseen, no more than twice what was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sluiceway.report.bills.classes import Class, Compared, Difference, Theirs
from sluiceway.report.bills.formats import FEES
from sluiceway.report.bills.line import KINDS, TOKENS
from sluiceway.report.bills.ours import Group, Ours, Price, Sums

CUT_FACTOR = 2
CUT_TOKENS = 4096  # for each cut answer, at least: what may have been generated and never came


def compare(
    theirs: Mapping[Group, Theirs],
    ours: Mapping[Group, Ours],
    unmetered: Mapping[date, int],
    price: Price,
) -> Compared:
    """Group by group, day by day."""
    told = frozenset(kind for each in theirs.values() for kind in each.figures)
    result = Compared()
    rests: dict[Group, Sums] = {}
    groups = sorted({*theirs, *ours}, key=lambda group: (group[1], group[2] or "", group[0]))
    for group in groups:
        mine, other = ours.get(group, Ours()), theirs.get(group, Theirs())
        rests[group] = {
            kind: other.figures.get(kind, 0) - mine.figures.get(kind, 0) for kind in KINDS if kind in told
        }
        for kind in rests[group]:
            before = result.totals.get(kind, (0, 0))
            figures = other.figures.get(kind, 0), mine.figures.get(kind, 0)
            result.totals[kind] = before[0] + figures[0], before[1] + figures[1]
    result.groups = len(groups)
    result.equal = sum(not any(rest.values()) for rest in rests.values())
    _fees(result, rests, ours)
    _boundaries(result, groups, rests, ours)
    for group in groups:
        mine, other = ours.get(group, Ours()), theirs.get(group, Theirs())
        _explain(_Group(result, group, rests[group], mine, other, unmetered.get(group[0], 0), price))
    result.differences.sort(key=lambda each: (each.group[0], each.group[1], each.why))
    return result


def _fees(result: Compared, rests: Mapping[Group, Sums], ours: Mapping[Group, Ours]) -> None:
    """Fees of no model against what the same day's requests with tools cost more here."""
    for fee, rest in rests.items():
        if fee[1] != FEES:
            continue
        for group, mine in rests.items():
            surplus = -mine.get("cost_nusd", 0)
            if group[0] != fee[0] or group[1] == FEES or surplus <= 0 or not ours.get(group, Ours()).fees:
                continue
            moved = min(surplus, max(rest.get("cost_nusd", 0), 0))
            if moved:
                _take(result, fee, Class.TOOL_FEES, rest, {"cost_nusd": moved})
                _take(result, group, Class.TOOL_FEES, mine, {"cost_nusd": -moved})


def _boundaries(
    result: Compared, groups: Iterable[Group], rests: Mapping[Group, Sums], ours: Mapping[Group, Ours]
) -> None:
    """What the next day has too much and this one too little, or the other way round, as far as rows near
    midnight carry it."""
    for group in groups:
        day, model, tier = group
        after = (day + timedelta(days=1), model, tier)
        if after not in rests:
            continue
        here, there = rests[group], rests[after]
        moved = _moved(here, there, ours.get(group, Ours()), ours.get(after, Ours()))
        if any(moved.values()):
            _take(result, group, Class.TIME_BOUNDARY, here, moved)
            _take(result, after, Class.TIME_BOUNDARY, there, {kind: -value for kind, value in moved.items()})


def _moved(here: Sums, there: Sums, today: Ours, tomorrow: Ours) -> Sums:
    """What went from this day to the next (below zero) or came from it. Input is known even of answers that
    were cut, so where exactly the input of some rows has moved, they have moved whole."""
    basis = "input_tokens" if "input_tokens" in here else "cost_nusd"
    sign = -1 if here.get(basis, 0) < 0 else 1
    one, other = here.get(basis, 0), there.get(basis, 0)
    most = min(abs(one), abs(other)) if one * other < 0 else 0
    for rows in (today.spanning, today.late) if sign < 0 else (tomorrow.early,):
        if most and rows.get(basis) == most:
            return {kind: sign * rows.get(kind, 0) for kind in here}
    moved: Sums = {}
    for kind in here:
        near = today.late if here[kind] < 0 else tomorrow.early
        if here[kind] * there[kind] < 0:
            part = min(abs(here[kind]), abs(there[kind]), near.get(kind, 0))
            moved[kind] = part if here[kind] > 0 else -part
    return moved


@dataclass(frozen=True, slots=True)
class _Group:
    """One group with what is not explained of it yet."""

    result: Compared
    group: Group
    rest: Sums
    ours: Ours
    theirs: Theirs
    unmetered: int
    price: Price

    def take(self, why: Class, amounts: Sums) -> None:
        _take(self.result, self.group, why, self.rest, amounts)


def _explain(one: _Group) -> None:
    rest, cost = one.rest, "cost_nusd"
    by_tokens = any(rest.get(kind) for kind in TOKENS)
    caused = _caused_by_tokens(one) if by_tokens and rest.get(cost) else None
    for why, sums in ((Class.CANCELLED, one.ours.cancelled), (Class.ESTIMATED, one.ours.cut)):
        one.take(why, _cut(rest, sums, with_cost=caused is None and not by_tokens))
    beyond = _beyond(one)
    if beyond is not None:
        _other(one, beyond, caused)
    elif caused is not None:
        one.take(Class.CANCELLED if one.ours.cancelled.get("requests") else Class.ESTIMATED, {cost: caused})
    _money(one)


def _other(one: _Group, why: Class, caused: int | None) -> None:
    """Tokens that came another way, and the money that goes with them."""
    taken = {kind: one.rest[kind] for kind in ("requests", *TOKENS) if one.rest.get(kind)}
    if "cost_nusd" in one.rest and not (one.ours.figures and one.theirs.figures):
        taken["cost_nusd"] = one.rest["cost_nusd"]  # one side has nothing whose price could be another
    elif caused is not None:
        taken["cost_nusd"] = caused
    one.take(why, taken)
    if why is Class.ELSEWHERE:
        for key, used in one.theirs.keys.items():
            one.result.keys[key] = one.result.keys.get(key, 0) + used


def _cut(rest: Sums, sums: Sums, with_cost: bool) -> Sums:
    """As much of the rest as answers that were cut may account for."""
    rows = sums.get("requests", 0)
    if not rows:
        return {}
    found: Sums = {}
    for kind in TOKENS:
        most = max(CUT_FACTOR * sums.get(kind, 0), CUT_TOKENS * rows)
        found[kind] = max(-sums.get(kind, 0), min(most, rest.get(kind, 0)))
    if with_cost:
        most = CUT_FACTOR * sums.get("cost_nusd", 0)
        found["cost_nusd"] = max(-sums.get("cost_nusd", 0), min(most, rest.get("cost_nusd", 0)))
    return found


def _beyond(one: _Group) -> Class | None:
    """Where the tokens that are left come from: elsewhere, or from what nobody metered here."""
    left = [one.rest.get(kind, 0) for kind in TOKENS]
    if not any(left) and one.ours.figures and one.theirs.figures:
        return None
    total = sum(left) or one.rest.get("requests", 0) or one.rest.get("cost_nusd", 0)
    if not total and not any(left):
        return None
    if total < 0:
        return Class.ONLY_OURS
    told = one.rest.get("requests")
    if one.unmetered and told is not None and 0 < told <= one.unmetered:
        return Class.UNMETERED
    return Class.ELSEWHERE


def _caused_by_tokens(one: _Group) -> int | None:
    """How much of the money goes with the tokens that differ still, at our own prices."""
    ours = {kind: one.ours.figures.get(kind, 0) for kind in TOKENS}
    with_rest = {kind: count + one.rest.get(kind, 0) for kind, count in ours.items()}
    before, after = one.price(one.group, ours), one.price(one.group, with_rest)
    return None if before is None or after is None or one.ours.unknown else after - before


def _money(one: _Group) -> None:
    left = one.rest.get("cost_nusd", 0)
    if not left:
        return
    if abs(left) <= one.theirs.rounding_nusd:
        one.take(Class.ROUNDING, {"cost_nusd": left})
    elif one.ours.unknown and left > 0:
        one.take(Class.UNKNOWN_PRICE, {"cost_nusd": left})
    else:
        one.take(Class.PRICE, {"cost_nusd": left})


def _take(result: Compared, group: Group, why: Class, rest: Sums, amounts: Sums) -> None:
    """Puts amounts down to a class, and off what is left of the group."""
    taken = {kind: value for kind, value in amounts.items() if value}
    if taken:
        for kind, value in taken.items():
            rest[kind] = rest.get(kind, 0) - value
        result.differences.append(Difference(group, why, taken))
