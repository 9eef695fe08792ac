"""Each section's figures, from a few rows whose sums are worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from page_reader import rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from sqlalchemy import Connection, insert

from sluiceway.report import CapState, Period, build
from sluiceway.report import audience as audience_room
from sluiceway.report import timeline as time_axis
from sluiceway.report.chart import stacked, tick_step
from sluiceway.report.model import Weight
from sluiceway.report.section import Context
from sluiceway.report.sections import (
    caps,
    discovery,
    latency,
    method,
    models,
    people,
    refusals,
    reliability,
    teams,
    timeline,
    totals,
    unpriced,
)
from sluiceway.store.tables import discovery as discovery_table
from sluiceway.store.tables import tunnels
from sluiceway.types import LedgerRow

DOLLAR = 10**9
UNKNOWN: dict[str, Any] = {"cost_nusd": None, "cost_basis": "unknown", "price_version": None}
REFUSED: dict[str, Any] = UNKNOWN | {
    "outcome": "refused",
    "usage_source": "none",
    "refusal_code": "budget_spent",
}


def asked(
    store: Connection, *given: LedgerRow, period: Period = MONTH, names: bool = False, **more: Any
) -> Context:
    fill(store, list(given))
    return Context(
        store,
        period,
        time_axis.load(store, period),
        True,
        more.get("caps", ()),
        audience_room.load(store, period, names=names, min_group=1),
        MADE_AT,
        "1",
    )


def test_headline_keeps_apart_what_the_company_does_not_pay(store: Connection) -> None:
    data = totals.load(
        asked(
            store,
            row(cost_nusd=3 * DOLLAR, cost_basis="list"),
            row(cost_nusd=2 * DOLLAR, cost_basis="contract"),
            row(cost_nusd=DOLLAR, key_class="unknown"),
            row(cost_nusd=7 * DOLLAR, cost_basis="notional", key_class="subscription"),
            row(cost_nusd=11 * DOLLAR, key_class="personal"),
            row(kind="correction", corrects="r-1", cost_nusd=-500_000_000),
        )
    )
    assert data.now.cost.spend_nusd == 5_500_000_000  # 3 + 2 + 1 - 0.5
    assert data.now.unclear_nusd == DOLLAR
    assert data.now.cost.notional_nusd == 7 * DOLLAR
    assert data.now.cost.personal_nusd == 11 * DOLLAR
    assert data.now.requests == 5  # a correction is no request


def test_headline_counts_requests_once_and_people_by_name(store: Connection) -> None:
    data = totals.load(
        asked(
            store,
            row(principal="alice", cost_nusd=0, outcome="upstream_error", usage_source="none"),
            row(principal="alice", cost_nusd=1, attempt=2, input_tokens=100, output_tokens=20),
            row(principal="bob", team="search", cost_nusd=1, input_tokens=50, cache_read_tokens=40),
            row(principal="ci", principal_kind="service", cost_nusd=1),
            row(principal="carol", **REFUSED),
            row(principal="bob", team="search", metered=False, **UNKNOWN),
            row(principal="bob", team="search", outcome="open", ended_at=None, **UNKNOWN),
        )
    )
    now = data.now
    assert (now.requests, now.attempts, now.refused, now.unmetered, now.open) == (5, 6, 1, 1, 1)
    assert (now.people, now.services, now.teams) == (3, 1, 2)
    assert now.tokens.all_tokens == 170
    assert now.cost.unknown == 0  # neither open, refused nor unmetered rows have a cost to know


def test_rows_at_the_edges_of_the_period(store: Connection) -> None:
    tick = timedelta(microseconds=1)
    data = totals.load(
        asked(
            store,
            row(MONTH.from_at - tick, cost_nusd=1),
            row(MONTH.from_at, cost_nusd=10),
            row(MONTH.to_at - tick, cost_nusd=100),
            row(MONTH.to_at, cost_nusd=1000),
            row(MONTH.previous().from_at, cost_nusd=10_000),
            row(MONTH.previous().from_at - tick, cost_nusd=100_000),
        )
    )
    assert data.now.cost.spend_nusd == 110
    assert data.before is not None
    assert data.before.cost.spend_nusd == 10_001


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        (UNKNOWN, 1),
        (UNKNOWN | {"usage_source": "none"}, 1),
        (UNKNOWN | {"outcome": "upstream_error", "usage_source": "none", "charged_nusd": 5}, 1),
        (UNKNOWN | {"outcome": "client_cancelled", "usage_source": "estimated"}, 1),
        (UNKNOWN | {"outcome": "upstream_error", "usage_source": "none"}, 0),
        (UNKNOWN | {"outcome": "refused"}, 0),
        (UNKNOWN | {"outcome": "open"}, 0),
        (UNKNOWN | {"metered": False}, 0),
        ({"cost_nusd": 0}, 0),
    ],
    ids=[
        "answered", "answered without counts", "failed but charged", "cancelled", "failed and used nothing",
        "refused", "open", "unmetered", "free",
    ],
)  # fmt: skip
def test_whose_cost_is_unknown(store: Connection, given: dict[str, Any], unknown: int) -> None:
    assert totals.load(asked(store, row(**given))).now.cost.unknown == unknown


def test_a_cost_that_was_corrected_is_unknown_no_more(store: Connection) -> None:
    fix: dict[str, Any] = {"kind": "correction", "request_id": "r-1/9", "corrects": "r-1"}
    context = asked(
        store,
        row(request_id="r-1", charged_nusd=9 * DOLLAR, **UNKNOWN),
        row(request_id="r-1", attempt=2, **UNKNOWN),
        row(request_id="r-2", cost_nusd=2 * DOLLAR),
        row(**fix, cost_nusd=4 * DOLLAR, charged_nusd=-5 * DOLLAR, usage_source="none"),
    )
    now = totals.load(context).now
    assert (now.cost.known_nusd, now.cost.unknown, now.cost.bound_nusd) == (6 * DOLLAR, 1, 0)
    assert (now.requests, now.attempts) == (2, 3)
    assert unpriced.load(context).requests == 1  # the second attempt
    (model,) = models.load(context).top
    assert (model.cost.known_nusd, model.requests, model.priced) == (6 * DOLLAR, 3, 2)
    assert [(team.cost.known_nusd, team.requests) for team in teams.load(context)] == [(6 * DOLLAR, 2)]
    (person,) = people.load(context).people
    assert (person.cost.known_nusd, person.cost.unknown) == (6 * DOLLAR, 1)


def test_unknown_is_said_and_never_shown_as_zero(store: Connection) -> None:
    fill(store, [row(**UNKNOWN, charged_nusd=DOLLAR), row(team="free", cost_nusd=0)])
    html = build(store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1")
    headline = section(html, "totals").plain()
    assert "Spend paid by the companyunknown plus 1 request of unknown cost" in headline
    spend = {cells[0]: (cells[2], cells[3]) for cells in rows(section(html, "teams"))}
    assert spend == {"core": ("unknown", "1"), "free": ("$0.00", "0")}
    assert rows(section(html, "models"))[0][2] == "unknown"


def test_spend_by_day_adds_up_by_series(store: Connection) -> None:
    cheap = [
        row(FROM + timedelta(days=29), model_served=f"m{number}", cost_nusd=number) for number in range(1, 8)
    ]
    data = timeline.load(
        asked(store, *cheap, row(FROM, model_served="m7", cost_nusd=100), row(FROM, **UNKNOWN))
    )
    assert data.step_name == "day"
    assert len(data.steps) == 30
    assert data.series == ("m7", "m6", "m5", "m4", "m3", None)
    assert data.steps[0].values == (100, 0, 0, 0, 0, 0)
    assert data.steps[0].cost.unknown == 1
    assert data.steps[29].values == (7, 6, 5, 4, 3, 3)  # m1 and m2 are the others
    assert data.steps[29].label == "30 Oct"


@pytest.mark.parametrize(
    ("seen", "period", "step_name", "steps", "first"),
    [
        ([0, 40], MONTH, "5 seconds", 9, "09:00:00"),
        ([0, 50 * 60], MONTH, "minute", 51, "09:00"),
        ([0, 9 * 3600], MONTH, "10 minutes", 55, "09:00"),
        ([0, 30 * 3600], MONTH, "hour", 31, "09:00"),
        ([0, 2 * 86_400], MONTH, "day", 30, "1 Oct"),
        ([], MONTH, "day", 30, "1 Oct"),
        ([], Period(FROM, FROM + timedelta(days=365)), "week", 53, "1 Oct"),
        ([], Period(FROM, FROM + timedelta(days=400)), "week", 58, "1 Oct"),
        ([], Period(FROM, FROM + timedelta(days=1500)), "30 days", 50, "1 Oct"),
        ([], Period(FROM, FROM + timedelta(days=4000)), "90 days", 45, "1 Oct"),
    ],
    ids=["a demo", "an hour", "a working day", "a day and a bit", "two days", "nothing", "a year", "400 days",
         "four years", "eleven years"],
)  # fmt: skip
def test_the_axis_suits_what_was_seen(
    store: Connection, seen: list[int], period: Period, step_name: str, steps: int, first: str
) -> None:
    nine = FROM + timedelta(hours=9)
    axis = asked(store, *(row(nine + timedelta(seconds=at)) for at in seen), period=period).timeline
    assert (axis.step_name, axis.steps, axis.label(0)) == (step_name, steps, first)


def test_teams_are_ordered_by_spend_with_shares_and_change(store: Connection) -> None:
    data = teams.load(
        asked(
            store,
            row(team="core", cost_nusd=3 * DOLLAR, input_tokens=5),
            row(team="search", principal="bob", cost_nusd=DOLLAR),
            row(team="search", principal="carol", **REFUSED),
            row(MONTH.previous().from_at, team="core", cost_nusd=4 * DOLLAR),
        )
    )
    assert [(team.team, team.people, team.requests, team.refused) for team in data] == [
        ("core", 1, 1, 0),
        ("search", 2, 2, 1),
    ]
    assert [team.share for team in data] == [0.75, 0.25]
    assert [team.change for team in data] == ["down 25\u202f%", "none before"]


def test_models_show_cache_share_and_cost_per_thousand(store: Connection) -> None:
    data = models.load(
        asked(
            store,
            row(cost_nusd=3_000_000, input_tokens=1000, cache_read_tokens=600, output_tokens=10),
            row(cost_nusd=1_000_000, input_tokens=1000, output_tokens=30),
            row(**UNKNOWN, input_tokens=500),
            row(
                provider="openai",
                model_served=None,
                model_routed=None,
                model_requested="gpt-5.1",
                cost_nusd=1,
            ),
            row(model_served="refused-model", **REFUSED),
        )
    )
    first, second = data.top
    assert (first.model, first.requests, first.priced) == ("claude-sonnet-4-5", 3, 2)
    assert first.cost.spend_nusd == 4_000_000
    assert first.cost.unknown == 1
    assert first.per_thousand_nusd == 2 * DOLLAR  # 0.004 USD for 2 priced requests
    assert first.tokens.cached_share == 600 / 2500
    assert (second.provider, second.model) == ("openai", "gpt-5.1")
    assert second.tokens.input_tokens is None


def test_many_models_end_in_one_row_that_keeps_the_sum(store: Connection) -> None:
    data = models.load(asked(store, *(row(model_served=f"m{n:03}", cost_nusd=n) for n in range(1, 101))))
    assert len(data.top) == 25
    assert data.other_models == 75
    assert data.others is not None
    everything = [*data.top, data.others]
    assert sum(model.cost.spend_nusd or 0 for model in everything) == 5050
    assert sum(model.requests for model in everything) == 100
    assert data.top[0].model == "m100"


def test_people_by_spend_when_names_are_asked_for(store: Connection) -> None:
    given = [
        row(principal="alice", cost_nusd=2),
        row(principal="bob", cost_nusd=5),
        row(principal="alice", cost_nusd=4),
    ]
    data = people.load(asked(store, *given, names=True))
    assert [(person.person, person.cost.spend_nusd, person.requests) for person in data.people] == [
        ("alice", 6, 2),
        ("bob", 5, 1),
    ]


def cap(spent: int, reserved: int = 0, limit: int = 100, rule: str = "day", **more: Any) -> CapState:
    named = {"scope": (), "window": "day", "ends_at": None, "who": ""} | more
    return CapState(rule, limit=limit, spent=spent, reserved=reserved, **named)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (cap(100), "used up"),
        (cap(130), "used up"),
        (cap(0, limit=0), "used up"),
        (cap(133, on_exceed="degrade"), "led on"),
        (cap(99, on_exceed="degrade"), "near"),
        (cap(100, on_exceed="warn"), "led on"),
        (cap(80), "near"),
        (cap(70, 30), "near"),
        (cap(79), "within"),
        (cap(0), "within"),
    ],
    ids=[
        "all spent",
        "overspent",
        "a limit of nothing",
        "another model answers",
        "another model nearly answers",
        "only warned",
        "at 80 %",
        "full with reservations",
        "below 80 %",
        "idle",
    ],
)
def test_the_state_of_a_cap(store: Connection, given: CapState, state: str) -> None:
    assert caps.load(asked(store, caps=[given])).shown[0].state == state


@pytest.mark.parametrize(
    ("scope", "names", "holder"),
    [
        ((), False, "the whole company"),
        ((("team", "core"),), False, "team core"),
        ((("project", "atlas"),), False, "project atlas"),
        ((("cost_center", "c7"),), False, "cost center c7"),
        ((("employee", "alice"),), False, "one person in team core"),
        ((("employee", "alice"),), True, "alice (team core)"),
        ((("anything", "alice"),), False, "one person in team core"),
        ((("team", "core"), ("model", "gpt-5.1")), False, "team core, model gpt-5.1"),
    ],
    ids=[
        "company",
        "team",
        "project",
        "cost centre",
        "person",
        "person, named",
        "a new dimension",
        "two parts",
    ],
)
def test_whom_a_cap_binds(store: Connection, scope: Any, names: bool, holder: str) -> None:
    data = caps.load(asked(store, caps=[cap(1, scope=scope, who="core")], names=names))
    assert data.shown[0].holder == holder


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (cap(99, scope=(("team", "core"),)), "used up"),
        (cap(99, scope=(("team", "search"),)), "near"),
        (cap(85, scope=(("team", "core"),)), "near"),
        (cap(99, scope=(("team", "core"),), rule="other"), "near"),
        (cap(99, scope=(("team", "core"), ("model", "gpt-*"))), "near"),
        (cap(99, scope=(("team", "core"),), on_exceed="degrade"), "near"),
    ],
    ids=["its own", "another team's", "not so full", "another rule's", "not told", "another model answers"],
)
def test_a_cap_that_is_nearly_full_and_refused_somebody_is_used_up(
    store: Connection, given: CapState, state: str
) -> None:
    refusal = REFUSED | {"refusal_rule": "day"}
    before, after = (row(FROM + timedelta(hours=hour), **refusal) for hour in (1, 3))
    begun = replace(given, starts_at=FROM + timedelta(hours=2))
    (gauge,) = caps.load(asked(store, before, after, caps=[begun])).shown
    assert (gauge.state, gauge.refused) == (state, 1 if state == "used up" else 0)


def test_a_cap_that_hands_over_to_another_model_is_not_told_as_one_that_refuses(store: Connection) -> None:
    (item,) = caps.attention(caps.load(asked(store, caps=[cap(133, rule="frugal", on_exceed="degrade")])))
    assert item.weight is Weight.LOOK
    assert "frugal" in item.detail and item.detail.endswith("133\u202f%: another model answers).")


def test_a_rate_that_is_used_up_for_the_moment_is_shown_and_asks_for_no_attention(store: Connection) -> None:
    rates = [cap(100, window=window, unit="requests") for window in ("now", "minute", "hour")]
    data = caps.load(asked(store, caps=rates))
    assert [gauge.state for gauge in data.shown] == ["used up"] * 3
    assert caps.attention(data) == ()
    assert caps.attention(caps.load(asked(store, caps=[cap(100, unit="requests")]))) != ()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (cap(1_500_000_000, 250_000_000, 20 * 10**9), ("$1.50+ $0.25 reserved", "$20.00")),
        (cap(12, limit=60, window="minute", unit="requests"), ("12", "60requests")),
        (
            cap(1_234_567, 20_000, 2_000_000, unit="tokens"),
            ("1.23 M+ 20.0 k reserved", "2.00 Mtokens"),
        ),
        (cap(3, limit=4, window="now", unit="concurrent"), ("3", "4at once")),
    ],
    ids=["money", "requests", "tokens", "open at once"],
)
def test_a_cap_is_shown_in_its_unit(store: Connection, given: CapState, shown: tuple[str, str]) -> None:
    html = build(store, period=MONTH, caps=[given], names=False, generated_at=MADE_AT, version="1")
    [cells] = rows(section(html, "caps"))
    assert (cells[4], cells[5]) == shown


def test_caps_are_listed_fullest_first_and_bounded(store: Connection) -> None:
    data = caps.load(asked(store, caps=[cap(number, rule=f"c{number}") for number in range(70)]))
    assert [gauge.rule for gauge in data.shown[:2]] == ["c69", "c68"]
    assert (len(data.shown), data.unlisted) == (30, 40)
    assert caps.attention(data) == ()


def test_refusals_by_code_rule_team_and_day(store: Connection) -> None:
    data = refusals.load(
        asked(
            store,
            row(FROM, **REFUSED, refusal_rule="core-month"),
            row(FROM + timedelta(days=3), **REFUSED, refusal_rule="core-month", team="search"),
            row(FROM + timedelta(days=3), **REFUSED | {"refusal_code": "too_large"}),
            row(FROM + timedelta(days=4), cost_nusd=1),
        )
    )
    assert (data.refused, data.asked) == (3, 4)
    assert [(group.label, group.code, group.refused) for group in data.codes] == [
        ("the budget was used up", "budget_spent", 2),
        ("too large", None, 1),
    ]
    assert [(group.label, group.refused) for group in data.rules] == [("core-month", 2), (None, 1)]
    assert [(group.label, group.refused) for group in data.teams] == [("core", 2), ("search", 1)]
    assert data.steps[3] == ("4 Oct", 2)
    assert refusals.attention(data) == ()


def test_a_spike_of_refusals_is_pointed_out(store: Connection) -> None:
    usual = [row(FROM + timedelta(days=day), **REFUSED) for day in range(30) for _ in range(5)]
    spike = [row(FROM + timedelta(days=12), **REFUSED) for _ in range(15)]
    (item,) = refusals.attention(refusals.load(asked(store, *usual, *spike)))
    assert item.headline == "Refusals spiked on 13 Oct"
    assert (
        item.detail
        == "20 in one day, where 5 is usual. Most common reason in the period: the budget was used up."
    )


def test_unpriced_models_say_what_to_write(store: Connection) -> None:
    data = unpriced.load(
        asked(
            store,
            row(**UNKNOWN, model_served='ft:"x"', provider="openai", input_tokens=700, charged_nusd=4),
            row(**UNKNOWN, model_served='ft:"x"', provider="openai", usage_source="none", charged_nusd=6),
            row(**UNKNOWN, model_served="silent", usage_source="none"),
            row(cost_nusd=1),
        )
    )
    first = data.unpriced[0]
    assert (first.requests, first.without_usage, first.tokens.input_tokens, first.bound_nusd) == (
        2,
        1,
        700,
        10,
    )
    assert (data.requests, data.bound_nusd) == (3, 10)
    assert data.example == ('"openai"', '"ft:\\"x\\""')
    (item,) = unpriced.attention(data)
    assert item.headline == "2 models without a known cost"


def test_unmetered_requests_are_listed_by_where_they_went(store: Connection) -> None:
    passed: dict[str, Any] = UNKNOWN | {"metered": False}
    data = unpriced.load(
        asked(
            store,
            row(**passed, operation="telemetry"),
            row(**passed, operation="telemetry"),
            row(**passed, operation="/v1/files"),
        )
    )
    assert [(path.operation, path.host, path.requests) for path in data.unmetered] == [
        ("telemetry", "api.anthropic.com", 2),
        ("/v1/files", "api.anthropic.com", 1),
    ]
    assert data.unpriced == ()


def test_latency_percentiles_by_nearest_rank(store: Connection) -> None:
    timed = [row(cost_nusd=1, ttft_ms=float(ms), overhead_ms=ms / 10) for ms in range(1, 21)]
    lone = row(cost_nusd=1, ttft_ms=7.0, model_served="other")
    untimed = row(cost_nusd=1, model_served="never")
    data = latency.load(asked(store, *timed, lone, untimed))
    assert [(one.label, one.answers, one.p50_ms, one.p95_ms) for one in data.models] == [
        ("claude-sonnet-4-5", 20, 10.0, 19.0),
        ("other", 1, 7.0, 7.0),
    ]
    assert data.overhead is not None
    assert (data.overhead.p50_ms, data.overhead.p95_ms) == (1.0, 1.9)
    assert data.sampled == 1


def test_reliability_counts_endings_and_faults(store: Connection) -> None:
    overloaded: dict[str, Any] = {
        "outcome": "upstream_error",
        "upstream_status": 529,
        "error_type": "overloaded_error",
        "cost_nusd": 0,
    }
    data = reliability.load(
        asked(
            store,
            row(cost_nusd=1),
            row(**overloaded),
            row(cost_nusd=1, attempt=2),
            row(cost_nusd=1, outcome="client_cancelled"),
            row(cost_nusd=1, outcome="truncated"),
            row(**REFUSED),
            row(provider="openai", cost_nusd=1),
        )
    )
    first = data.providers[0]
    assert (first.provider, first.attempts, first.retried) == ("anthropic", 5, 1)
    assert first.endings == (2, 1, 0, 1, 1, 0)
    assert first.failed_share == 2 / 5
    faults = [(fault.upstream_status, fault.error_type, fault.cut, fault.attempts) for fault in data.faults]
    assert sorted(faults, key=str) == [(200, None, True, 1), (529, "overloaded_error", False, 1)]
    assert reliability.attention(data) == []


def test_discovery_sums_days_within_the_period(store: Connection) -> None:
    def seen(day: str, team: str, connections: int) -> dict[str, Any]:
        key = {"day": day, "host": "chat.example.com", "reason": "watched", "team": team}
        return key | {"connections": connections, "bytes_up": 10, "bytes_down": 100}

    given = [seen("2026-10-01", "core", 1), seen("2026-10-30", "core", 2), seen("2026-10-30", "data", 4)]
    outside = [seen("2026-09-30", "core", 100), seen("2026-10-31", "core", 100)]
    store.execute(insert(discovery_table), given + outside)
    store.execute(insert(tunnels), {"day": "2026-10-02", "connections": 3, "bytes_up": 4, "bytes_down": 5})
    data = discovery.load(asked(store))
    (host,) = data.hosts
    assert (host.connections, host.days, host.bytes_up, host.bytes_down) == (7, 2, 30, 300)
    assert host.teams == ("data", "core")
    assert data.tunnels == (3, 4, 5)
    (item,) = discovery.attention(data)
    assert item.headline == "1 AI host was used without metering"


def test_method_says_where_counts_come_from(store: Connection) -> None:
    data = method.load(
        asked(
            store,
            row(FROM + timedelta(days=2), cost_nusd=1, price_version="b", policy_version="p1"),
            row(FROM, cost_nusd=1, price_version="z", usage_source="partial"),
            row(FROM + timedelta(days=3), cost_nusd=1, price_version="b"),
        )
    )
    assert [(basis.label, basis.requests) for basis in data.sources] == [
        ("reported by the provider", 2),
        ("counted from an answer that was cut", 1),
    ]
    assert data.price_versions == ("z", "b")
    assert data.policy_versions == ("p1",)


@pytest.mark.parametrize(
    ("largest", "step"),
    [(0, 1), (1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (20, 5), (21, 10), (10**12, 5 * 10**11)],
)
def test_axis_steps_are_round(largest: int, step: int) -> None:
    assert tick_step(largest) == step


def test_stacks_stand_on_each_other_and_stay_inside(store: Connection) -> None:
    drawing = stacked(["a", "b"], [[3, 0], [1, -5]], str)
    first, second = drawing.columns
    assert [(piece.series, piece.y, piece.height) for piece in first.pieces] == [
        (1, 45.0, 135.0),
        (2, 0.0, 45.0),
    ]
    assert second.pieces == ()
    assert second.title == "b: -5"
    assert [tick.text for tick in drawing.rows] == ["0", "1", "2", "3", "4"]


def test_a_period_names_its_days_inclusively() -> None:
    assert MONTH.days == ("2026-10-01", "2026-10-30")
    noon = Period(FROM, datetime(2026, 10, 3, 12, tzinfo=UTC))
    assert noon.days == ("2026-10-01", "2026-10-03")
