"""Small teams: never named, never alone in what is left, and every section draws the same line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from page_reader import Page, rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from seeded_state import audit_state, guard_state, verification
from sqlalchemy import Connection, insert

from sluiceway.audit.overview import Kept
from sluiceway.report import CapState, build
from sluiceway.report.audience import OTHERS, large_enough
from sluiceway.report.model import to_us
from sluiceway.store.records import Discrepancy
from sluiceway.store.tables import discovery, events, people
from sluiceway.types import LedgerRow

TEAMS = {"core": 5, "search": 4, "mobile": 3, "legal": 1}


@pytest.mark.parametrize(
    ("sizes", "min_group", "named"),
    [
        ({"core": 5, "search": 4}, 3, {"core", "search"}),
        ({"core": 5, "search": 4, "legal": 1, "board": 2}, 3, {"core", "search"}),
        ({"core": 5, "search": 4, "mobile": 3, "legal": 1}, 3, {"core", "search"}),
        ({"core": 5, "search": 4, "legal": 1, "board": 1}, 3, {"core"}),
        ({"core": 5, "search": 4, "jobs": 0}, 3, {"core"}),
        ({"core": 5, "search": 4, "jobs": 0, "bots": 0}, 3, {"core", "search"}),
        ({"core": 5, "legal": 1}, 3, set()),
        ({"legal": 1}, 3, set()),
        ({"mobile": 3, "search": 3, "legal": 2}, 3, {"search"}),
        ({}, 3, set()),
    ],
    ids=[
        "none is small",
        "two small ones are many enough together",
        "one alone takes the next larger one with it",
        "two are too few people together",
        "one without anybody active takes one with it",
        "two without anybody active",
        "two teams in all",
        "one team in all",
        "equally large ones by name",
        "no team",
    ],
)
def test_which_teams_may_be_named(sizes: dict[str, int], min_group: int, named: set[str]) -> None:
    assert large_enough(sizes, min_group) == named


def everything_about(team: str) -> list[LedgerRow]:
    """A row of every sort that a section looks for."""
    member = {"team": team, "principal": f"{team}-1"}
    moved: dict[str, Any] = {"model_requested": "big", "model_routed": "small", "cost_as_requested_nusd": 9}
    return [
        row(**member, cost_nusd=2 * 10**9),
        row(**member, cost_nusd=5, **moved, route_rule=f"{team}-route"),
        row(**member, outcome="refused", refusal_code="budget_spent", refusal_rule=f"{team}-month"),
        row(**member, outcome="refused", refusal_code="guard_blocked", guard_findings={"SECRET": 1}),
        row(**member, guard_findings={"EMAIL_ADDRESS": 1}, cost_nusd=None, cost_basis="unknown"),
        row(FROM - timedelta(days=3), **member, cost_nusd=10**9),
    ]


def page(store: Connection, *, names: bool = False, small: str = "legal") -> str:
    """A company with one small team, which is in every section there is."""
    staff = [(f"{team}-{number}", team) for team, size in TEAMS.items() for number in range(1, size + 1)]
    listed = [{"name": name, "kind": "employee", "team": team, "created_at": 0} for name, team in staff]
    store.execute(insert(people), listed)
    fill(store, [row(team=team, principal=name, cost_nusd=10**9) for name, team in staff])
    fill(store, everything_about(small))
    seen = {
        "day": "2026-10-03",
        "host": "chat.example.com",
        "reason": "watched",
        "connections": 3,
        "bytes_up": 1,
    }
    store.execute(insert(discovery), seen | {"bytes_down": 1, "team": small})
    detail = json.dumps({"name": f"{small}-1", "team": small})
    for kind in ("person_added", "person_moved", "key_added", f"{small}_deed"):
        deed = {"at": to_us(FROM), "kind": kind, "detail": detail}
        # Operators are named. Whoever did what no section knows may be none, and is not.
        who = f"{small}-1" if kind.endswith("_deed") else "operator-1"
        store.execute(insert(events), deed | {"actor": who})
    state, checked = audit_state(), verification()
    kept = (Kept(f"{small}-1", f"{small}-rule", "sealed", 4), Kept("core-1", "incident", "sealed", 4))
    readings = tuple(
        replace(each, requester="auditor-1", person=f"{small}-1", reason=f"what {small} did")
        for each in state.overview.readings
    )
    rules = tuple(
        replace(rule, name=f"{small}-rule", purpose=f"looking after {small}") for rule in state.rules
    )
    differing = Discrepancy(f"team={small}|month|2026-10-01T00:00:00+00:00", "usd", 1, 0, 2, 0)
    personal = replace(differing, counter=f"employee={small}-1|day|2026-10-01T00:00:00+00:00")
    caps = [
        CapState(f"{small}-month", (("team", small),), "month", 100, 100, 0, None, small),
        CapState("day", (("employee", f"{small}-1"),), "day", 100, 100, 0, None, small),
        CapState("pilot", (("project", small),), "day", 100, 100, 0, None, small),
    ]
    return build(
        store,
        period=MONTH,
        caps=caps,
        names=names,
        generated_at=MADE_AT,
        version="1",
        min_group=3,
        guard=replace(guard_state(), rules=(f"{small}-guard",)),
        audit=replace(state, rules=rules, overview=replace(state.overview, kept=kept, readings=readings)),
        verification=replace(checked, ledger=replace(checked.ledger, differences=(differing, personal))),
    )


def test_a_small_team_is_named_in_no_section(store: Connection) -> None:
    html = page(store)
    shown = {one.attrs["id"]: one.all_text() for one in Page(html).root.all("section")}
    assert len(shown) == 20
    assert [name for name, text in shown.items() if "legal" in text] == []
    assert "legal" not in html
    for told_together in ("teams", "caps", "refusals", "guard", "discovery", "audit", "verification"):
        assert OTHERS in shown[told_together], told_together


def test_what_the_named_teams_leave_of_a_total_is_not_one_teams_figure(store: Connection) -> None:
    html = page(store)
    lines = {line[0]: line for line in rows(section(html, "teams"))}
    assert lines.keys() == {"core", "search", OTHERS}
    assert lines[OTHERS][6] == "4"  # mobile's three with the one of legal
    assert "mobile" not in html


def test_with_names_the_small_team_is_still_not_named(store: Connection) -> None:
    html = page(store, names=True, small="tiny")
    people_lines = rows(section(html, "people"))
    assert {line[4] for line in people_lines} <= {"core", "search", OTHERS}
    assert "team tiny" not in html
