"""What the budgets give reason to tell: thresholds that are reached, and money that will not last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sluiceway.app.standings import Standing, View
from sluiceway.policy import Policy
from sluiceway.policy.model import Budget
from sluiceway.policy.windows import LIFETIME_STARTS_AT, ROLLING, parse_length
from sluiceway.store.alerts import Alert
from sluiceway.types import Cap

# A rate is told of only when this much of its window is over and this much of the limit is spent: a Monday
# morning says little about a week.
LEAST_ELAPSED = 0.1
LEAST_SPENT = 0.25
ALL = 100


def wants_any(policy: Policy) -> bool:
    """Whether there is a budget that ever gives reason to tell anything."""
    return any(thresholds(budget) or budget.alert_burn_rate for budget in policy.budgets)


def thresholds(budget: Budget) -> tuple[int, ...]:
    """At which percents it is told, in order. One that does not refuse is told of when it is used up."""
    told = set(budget.alert_at)
    return tuple(sorted(told | {ALL} if budget.on_exceed != "block" else told))


def noticed(
    standings: Iterable[Standing], view: View, teams: dict[str, str], exhausted: Collection[str] = ()
) -> Iterator[Alert]:
    """The alerts that are due by what is spent now; each may have been sent before. `exhausted`: counters
    with too little left for a request, though not nothing: that is used up, too."""
    for each in standings:
        if each.cap.is_rate:
            continue
        percent = each.spent * 100 // max(1, each.cap.limit)
        if each.cap.counter in exhausted:
            percent = max(percent, ALL)
        reached = [threshold for threshold in thresholds(each.budget) if threshold <= percent]
        if reached:
            once = f"{each.cap.rule}|{_window(each.cap, view.at)}|{reached[-1]}"
            yield Alert(once, "threshold", _detail(each, view, teams) | {"threshold": reached[-1]})
        if each.budget.alert_burn_rate and (runs_out_at := _runs_out_at(each, view.at)) is not None:
            once = f"{each.cap.rule}|{_window(each.cap, view.at)}|burn_rate"
            detail = _detail(each, view, teams) | {"runs_out_at": runs_out_at.isoformat()}
            yield Alert(once, "burn_rate", detail)


def _window(cap: Cap, at: datetime) -> str:
    """The window within which an alert is sent once. One that rolls would begin anew every hour, so it counts
    as a new one when its length has passed."""
    if not cap.window.startswith(ROLLING):
        return cap.counter
    length = parse_length(cap.window.removeprefix(ROLLING))
    place = cap.counter.partition("|")[0]
    return f"{place}|{cap.window}|{(at - LIFETIME_STARTS_AT) // length}|{cap.unit}"


def _runs_out_at(each: Standing, at: datetime) -> datetime | None:
    """When it is used up if all goes on as so far; None: not before its window ends, or nobody can say."""
    cap = each.cap
    if cap.ends_at is None or not 0 < each.spent < cap.limit:
        return None
    elapsed, whole = at - cap.starts_at, cap.ends_at - cap.starts_at
    if elapsed < whole * LEAST_ELAPSED or each.spent < cap.limit * LEAST_SPENT:
        return None
    runs_out_at = cap.starts_at + elapsed * (cap.limit / each.spent)
    return runs_out_at if runs_out_at < cap.ends_at else None


def _detail(each: Standing, view: View, teams: dict[str, str]) -> dict[str, Any]:
    cap = each.cap
    people = [name for kind, name in cap.scope if kind in ("employee", "service")]
    return {
        "budget": cap.rule,
        "scope": [[kind, _shown(kind, value, view)] for kind, value in cap.scope],
        "who": people[0] if people else None,
        "team": teams.get(people[0]) if people else dict(cap.scope).get("team"),
        "window": cap.window,
        "unit": cap.unit,
        "limit": cap.limit,
        "spent": each.spent,
        "on_exceed": cap.on_exceed,
        "degrade_to": each.budget.degrade_to,
        "ends_at": cap.ends_at.isoformat() if cap.ends_at else None,
    }


def _shown(kind: str, value: str, view: View) -> str:
    return (view.key_name(value) or value) if kind == "key" else value
