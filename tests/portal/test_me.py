"""A person's own page: figures worked by hand, what is unknown, nobody else's rows, hostile names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import sqlite
from tests.portal.portal_world import CONTACT, EVIL, NOON, POLICY, ZONE, Office, header, month
from tests.report.seeded_ledger import FROM, MONTH, empty_store, fill_month

from sluiceway.policy import caps
from sluiceway.portal import me as me_room
from sluiceway.portal.standing import counters_query
from sluiceway.portal.usage import Refused, in_a_row, refusals_query, usage_query, used
from sluiceway.report import Period, measures
from sluiceway.store.tables import ledger
from sluiceway.types import Identity, Principal, Rejected, Spender


def me(office: Office, who: Identity | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(office.ask("/api/me", who).body)
    return found


def test_today_and_this_month_are_what_the_rows_say(office: Office) -> None:
    found = me(office)
    # a1 2 USD; a2 of unknown cost and output; a3 refused.
    assert found["today"] == {
        "requests": 3,
        "refused": 1,
        "input_tokens": 2000,
        "output_tokens": 200,
        "unknown_tokens_requests": 1,
        "cost_usd": "2.000000000",
        "own_key_usd": None,
        "unknown_cost_requests": 1,
    }
    # And a4 31.50 USD, a5 2 USD on a personal key; a6 was last month.
    assert (found["month"]["requests"], found["month"]["cost_usd"]) == (5, "33.500000000")
    assert found["month"]["own_key_usd"] == "2.000000000"


def test_what_is_unknown_is_never_zero(office: Office) -> None:
    evil = next(each for each in me(office)["models"] if each["model"] == EVIL)
    assert (evil["cost_usd"], evil["output_tokens"], evil["unknown_cost_requests"]) == (None, None, 1)
    assert "without 1 request whose cost is unknown" in office.html("/")
    assert '<span class="unknown">unknown</span>' in office.html("/")


def test_somebody_elses_rows_rules_and_caps_are_not_shown(office: Office) -> None:
    for page in (office.html("/"), office.ask("/api/me").body.decode()):
        assert "bobs-secret-model" not in page
        assert "bobs-own" not in page
        assert "bob-day" not in page
    assert "bobs-own" in office.html("/", who=office.bob)


def test_caps_say_what_is_left_and_what_was_not_counted(office: Office) -> None:
    found = {cap["rule"]: cap for cap in me(office)["caps"]}
    assert found["core-month"]["resets_at"] == "2026-11-30T23:00:00Z"  # midnight in Berlin
    assert found["head-day"]["left"] == "0.000000000"
    assert found["company-month"]["left"] is None
    assert found["head-open"]["left"] == 4
    assert "not counted yet" in office.html("/")


def test_a_budget_of_two_is_told_in_quarters_so_that_it_does_not_tell_what_the_other_spent(
    office: Office,
) -> None:
    shared = {cap["rule"]: cap for cap in me(office)["caps"]}["core-month"]
    assert (shared["used"], shared["left"], shared["used_at_least_percent"]) == (None, None, 75)
    assert "over 75&nbsp;% used" in office.html("/")
    office.store.people.add("carol", "employee", "core")
    shared = {cap["rule"]: cap for cap in me(office)["caps"]}["core-month"]
    assert shared["left"] == "5.000000000"  # 50 less 44 spent and 1 reserved
    assert shared["used_at_least_percent"] is None
    assert "told in quarters" not in office.html("/")


def test_refusals_for_the_same_reason_in_a_row_are_told_once() -> None:
    def refused(minute: int, code: str = "budget_spent") -> Refused:
        return Refused(NOON + timedelta(minutes=minute), "api.openai.com", "gpt-5.1", code, "head-day")

    found = in_a_row([refused(9), refused(8), refused(7), refused(6, "denied"), refused(5)])
    assert [(each.latest.code, each.times) for each in found] == [
        ("budget_spent", 3),
        ("denied", 1),
        ("budget_spent", 1),
    ]
    assert (found[0].latest.at, found[0].since) == (refused(9).at, refused(7).at)
    assert in_a_row([]) == ()


def test_refusals_come_with_reason_and_rule(office: Office) -> None:
    (refused,) = me(office)["refusals"]
    assert (refused["code"], refused["rule"]) == ("budget_spent", "head-day")
    assert "the budget was used up" in office.html("/")


def test_rules_are_told_by_name_and_effect(office: Office) -> None:
    assert [(rule["kind"], rule["rule"]) for rule in me(office)["rules"]] == [
        ("route", "no-preview"),
        ("route", "cheap"),
        ("guard", "no-secrets"),
    ]


@pytest.mark.parametrize("path", ["/", "/help"])
def test_no_name_becomes_markup(office: Office, path: str) -> None:
    page = office.html(path)
    assert "<script" not in page
    assert "<img" not in page
    assert "<i>approved" not in page
    assert "\u202e" not in page  # cannot turn the words around it
    assert " style=" not in page  # the policy would drop it
    assert "http-equiv" not in page


def test_no_credential_is_on_any_page(office: Office) -> None:
    for path in ("/", "/api/me", "/help"):
        page = office.ask(path, accept="text/html", proxy_authorization="Basic c2VjcmV0").body
        assert b"swy_" not in page
        assert b"c2VjcmV0" not in page


def test_pages_may_load_run_and_keep_nothing(office: Office) -> None:
    page = office.ask("/", accept="text/html")
    policy = header(page, "content-security-policy") or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert (header(page, "cache-control"), header(page, "referrer-policy")) == ("no-store", "no-referrer")
    assert header(page, "x-content-type-options") == "nosniff"


@pytest.mark.parametrize(
    ("reason", "status", "words"),
    [
        ("disabled", 403, "the account 'alice' is disabled"),
        ("revoked", 403, "the token of 'alice' was revoked"),
        ("expired", 403, "the token of 'alice' has expired"),
        ("wrong_token", 407, "the token of 'alice' is not right"),
        ("unknown_user", 407, "there is no employee or service named 'alice'"),
    ],
)
def test_whoever_may_not_come_in_is_told_why(office: Office, reason: Any, status: int, words: str) -> None:
    page = office.ask("/", Rejected(reason, "alice"))
    assert page.status == status
    assert words in page.body.decode() and CONTACT in page.body.decode()
    assert (header(page, "proxy-authenticate") is not None) == (status == 407)


def test_a_month_that_is_too_long_to_add_up_is_given_up_and_said(
    open_office: Callable[..., Office],
) -> None:
    rows = [replace(row, request_id=f"{row.request_id}-{n}") for n in range(800) for row in month()]
    office = open_office(rows=rows, patience_s=0)
    found = me(office)
    assert (found["today"], found["month"], found["refusals"]) == (None, None, None)
    assert found["caps"]
    assert "takes too long here" in office.html("/")


def plan(connection: Connection, query: Any) -> str:
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    rows = connection.execute(text("EXPLAIN QUERY PLAN " + str(compiled).replace(":", r"\:")))
    return " | ".join(str(row[-1]) for row in rows)


def test_every_query_finds_its_rows_by_an_index(office: Office) -> None:
    who, span = office.alice.principal, (NOON - timedelta(days=30), NOON)
    with office.store.read() as connection:
        plans = [
            plan(connection, usage_query(who, *span)),
            plan(connection, refusals_query(who, *span)),
            plan(connection, counters_query(caps(POLICY, Spender(who), NOON, ZONE))),
        ]
    assert (
        "SEARCH ledger USING INDEX ledger_principal (principal=? AND started_at>? AND started_at<?)"
        in plans[0]
    )
    assert "USING INDEX ledger_principal" in plans[1]
    assert "TEMP B-TREE FOR ORDER" not in plans[1]
    assert "SEARCH counters USING INDEX" in plans[2]
    assert not any("SCAN ledger" in each or "SCAN counters" in each for each in plans)


def test_figures_are_those_of_the_report() -> None:
    with empty_store() as connection:
        fill_month(connection, per_day=40)
        for name in ("alice", "bob", "ci-review"):
            kind: Any = "service" if name == "ci-review" else "employee"
            whole = me_room._sum(
                list(used(connection, Principal(1, name, kind, "core"), FROM, MONTH.to_at).values())
            )
            assert (whole.requests, whole.company_nusd, whole.unknown_cost) == by_report(connection, name)
            assert whole.requests > 0


def by_report(connection: Connection, name: str) -> tuple[int, int | None, int]:
    columns = [measures.number(measures.requested).label("requests"), *measures.cost_columns()]
    period = Period(FROM, MONTH.to_at)
    query = select(*columns).where(measures.within(period), ledger.c.principal == name)
    row = connection.execute(query).one()
    cost = measures.Cost.of(row)
    return int(row.requests), cost.known_nusd, cost.unknown


def test_times_are_in_the_companys_time_zone(office: Office) -> None:
    assert office.clock().astimezone(UTC) == datetime(2026, 11, 15, 12, tzinfo=UTC)
    assert "As of 15 Nov 2026, 13:00 CET" in office.html("/")
