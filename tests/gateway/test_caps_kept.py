"""The caps that are kept between requests are those that would be worked out anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from tests.policy.test_scopes import ALICES

from sluiceway.gateway.parts import Caps, Rules
from sluiceway.policy import Policy, caps
from sluiceway.policy.model import Budget
from sluiceway.pricing.book import PriceBook
from sluiceway.types import Principal, Raise, Spender

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 21, 9, 36, tzinfo=UTC)


def rules(*budgets: dict[str, Any], raises: tuple[Raise, ...] = ()) -> Rules:
    read = tuple(Budget.model_validate({"limit_usd": 5, "window": "day"} | each) for each in budgets)
    return Rules(Policy(budgets=read), cast(PriceBook, None), raises=raises)


RULES = rules(
    {"name": "company", "scope": "company", "window": "month", "until": "2026-11-23"},
    {"name": "hours", "scope": {"employee": "*"}, "window": {"rolling": "3h"}},
    {"name": "models", "scope": {"model": "claude-*"}, "window": {"fiscal_month_starts": 22}},
    {"name": "talk", "scope": {"conversation": "*"}, "from": "2026-11-22"},
    {"name": "cheap", "scope": {"team": "core"}, "on_exceed": {"degrade": {"model": "claude-haiku-4-5"}}},
    raises=(Raise("hours", START + timedelta(hours=5), START + timedelta(hours=7), by=7),),
)
SPENDERS = [
    replace(ALICES, model=model, conversation=talk, principal=who)
    for model in ("claude-opus-4-1", "claude-haiku-4-5", "gpt-5.1", None)
    for talk in ("c-1", None)
    for who in (ALICES.principal, Principal(9, "build", "service", "core"))
]


@given(st.lists(st.tuples(st.sampled_from(SPENDERS), st.integers(0, 72 * 60)), max_size=40))
def test_what_is_kept_is_what_would_be_worked_out(asked: list[tuple[Spender, int]]) -> None:
    """In any order of times: a request may begin before one that came first."""
    kept = Caps(ZONE)
    for spender, minutes in asked:
        at = START + timedelta(minutes=minutes)
        assert kept.of(RULES, spender, at) == caps(RULES.policy, spender, at, ZONE, RULES.raises)


def test_budgets_by_people_alone_are_kept_by_person_alone() -> None:
    """Whatever model, key, client or conversation: one entry, so that requests find it."""
    plain = rules({"name": "head", "scope": {"employee": "*"}}, {"name": "team", "scope": {"team": "core"}})
    kept = Caps(ZONE)
    found = [kept.of(plain, replace(ALICES, model=str(n), conversation=str(n)), START) for n in range(50)]
    assert all(each is found[0] for each in found)
    assert len(kept._known) == 1


def test_a_raise_or_a_reload_is_in_force_for_the_next_request() -> None:
    kept, plain = Caps(ZONE), rules({"name": "head", "scope": {"employee": "*"}})
    assert kept.of(plain, ALICES, START)[0].limit == 5 * 10**9
    raised = replace(plain, raises=(Raise("head", START, START + timedelta(hours=1), by=1),))
    assert kept.of(raised, ALICES, START)[0].limit == 5 * 10**9 + 1
    assert kept.of(plain, ALICES, START)[0].limit == 5 * 10**9
