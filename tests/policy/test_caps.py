"""Which caps bind whom: every budget that matches, as the counter of its scope and window."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from sluiceway.policy import Policy, caps
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import Scope
from sluiceway.types import Cap, Principal, Spender

AT = datetime(2026, 11, 21, 9, 36, tzinfo=UTC)
ALICE = Principal(id=1, name="alice", kind="employee", team="core")
BOB = Principal(id=2, name="bob", kind="employee", team="web")
BUILD = Principal(id=3, name="build", kind="service", team="core")


def budget(name: str, scope: object = "company", usd: str = "10", window: str = "month") -> Budget:
    return Budget.model_validate({"name": name, "scope": scope, "limit_usd": usd, "window": window})


POLICY = Policy(
    budgets=(
        budget("company-month"),
        budget("core", Scope(team="core")),
        budget("each-team", Scope(team="*"), window="week"),
        budget("alice", Scope(employee="alice"), window="lifetime"),
        budget("each-head", Scope(employee="*"), window="day"),
    )
)
WHO = {
    "alice of core": (ALICE, ["company-month", "core", "each-team", "alice", "each-head"]),
    "bob of web": (BOB, ["company-month", "each-team", "each-head"]),
    "a service of core": (BUILD, ["company-month", "core", "each-team"]),
    "a service called alice": (
        Principal(id=4, name="alice", kind="service", team="web"),
        ["company-month", "each-team"],
    ),
}


@pytest.mark.parametrize(("principal", "rules"), WHO.values(), ids=WHO.keys())
def test_all_budgets_that_match_apply_in_the_order_of_the_policy(principal, rules):
    assert [cap.rule for cap in caps(POLICY, Spender(principal), AT, UTC)] == rules


def test_a_cap_carries_its_scope_its_window_and_its_limit():
    policy = Policy(budgets=(budget("core", {"team": "*"}, "0.000000001"),))
    assert caps(policy, Spender(ALICE), AT, ZoneInfo("Europe/Berlin")) == (
        Cap(
            rule="core",
            scope=(("team", "core"),),
            window="month",
            starts_at=datetime(2026, 10, 31, 23, tzinfo=UTC),
            ends_at=datetime(2026, 11, 30, 23, tzinfo=UTC),
            limit=1,
        ),
    )


def limited(name: str, unit: str, limit: int, window: str | None) -> Budget:
    told = {"name": name, "scope": {"employee": "*"}, f"limit_{unit}": limit}
    return Budget.model_validate(told if window is None else told | {"window": window})


COUNTED = {
    "requests a minute": (
        limited("rate", "requests", 60, "minute"),
        "employee=alice|minute|2026-11-21T09:36:00+00:00|requests",
        True,
    ),
    "tokens a day": (
        limited("words", "tokens", 5, "day"),
        "employee=alice|day|2026-11-21T00:00:00+00:00|tokens",
        False,
    ),
    "money an hour": (
        limited("burn", "usd", 5, "hour"),
        "employee=alice|hour|2026-11-21T09:00:00+00:00",
        True,
    ),
    "open at once": (
        limited("open", "concurrent", 4, None),
        "employee=alice|now|1970-01-01T00:00:00+00:00|concurrent",
        True,
    ),
}


@pytest.mark.parametrize(("given", "counter", "rate"), COUNTED.values(), ids=COUNTED.keys())
def test_a_cap_says_what_it_counts(given: Budget, counter: str, rate: bool):
    [cap] = caps(Policy(budgets=(given,)), Spender(ALICE), AT, UTC)
    assert (cap.counter, cap.limit, cap.unit, cap.is_rate) == (counter, given.limit, given.unit, rate)


def test_what_is_open_at_once_has_no_beginning_and_no_end():
    [cap] = caps(Policy(budgets=(limited("open", "concurrent", 4, None),)), Spender(ALICE), AT, UTC)
    [later] = caps(
        Policy(budgets=(limited("open", "concurrent", 4, None),)), Spender(ALICE), AT.replace(year=2031), UTC
    )
    assert (cap.window, cap.ends_at, cap) == ("now", None, later)


def test_each_unit_has_a_counter_of_its_own():
    policy = Policy(
        budgets=(
            limited("many", "requests", 9, "minute"),
            limited("few", "requests", 6, "minute"),
            limited("words", "tokens", 7, "minute"),
            limited("longer", "requests", 8, "hour"),
        )
    )
    found = caps(policy, Spender(ALICE), AT, UTC)
    assert [(cap.rule, cap.limit) for cap in found] == [("few", 6), ("words", 7), ("longer", 8)]
    assert len({cap.counter for cap in found}) == 3


def test_a_star_gives_each_their_own_counter():
    policy = Policy(budgets=(budget("each", {"employee": "*"}),))
    [alice], [bob] = caps(policy, Spender(ALICE), AT, UTC), caps(policy, Spender(BOB), AT, UTC)
    assert alice.counter == "employee=alice|month|2026-11-01T00:00:00+00:00"
    assert bob.counter == "employee=bob|month|2026-11-01T00:00:00+00:00"


def test_a_counter_comes_once_with_its_lowest_limit():
    policy = Policy(
        budgets=(
            budget("each", {"team": "*"}, "20"),
            budget("core", {"team": "core"}, "5"),
            budget("core-too", {"team": "core"}, "5"),
            budget("core-high", {"team": "core"}, "50"),
        )
    )
    assert [(cap.rule, cap.limit) for cap in caps(policy, Spender(ALICE), AT, UTC)] == [("core", 5 * 10**9)]
    assert [(cap.rule, cap.limit) for cap in caps(policy, Spender(BOB), AT, UTC)] == [("each", 20 * 10**9)]


def test_the_largest_limit_fits_the_store():
    [cap] = caps(Policy(budgets=(budget("all", usd="1000000000"),)), Spender(ALICE), AT, UTC)
    assert cap.limit == int(Decimal(10) ** 18) < 2**63


def test_without_budgets_there_are_no_caps():
    assert caps(Policy(), Spender(ALICE), AT, UTC) == ()
