"""Findings by type, class and team; what was turned away, what was not scanned, what is not installed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from page_reader import rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from sqlalchemy import Connection
from test_report_sections import asked

from sluiceway.report import GuardState, build
from sluiceway.report.sections import guard
from sluiceway.types import LedgerRow

STATE = GuardState(("no-secrets",), "en_core_web_sm", None, frozenset({"EMAIL_ADDRESS"}))
BLIND = GuardState(("no-secrets",), None, "no spaCy model is installed: names are missed.")
OFF = GuardState((), None, "no spaCy model is installed: names are missed.")
BLOCKED: dict[str, Any] = {"outcome": "refused", "refusal_code": "guard_blocked", "cost_nusd": 0}
FAILED = BLOCKED | {"refusal_code": "guard_failed"}


def page(store: Connection, *given: LedgerRow, state: GuardState | None = STATE, min_group: int = 1) -> str:
    fill(store, list(given))
    return build(
        store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1", guard=state,
        min_group=min_group,
    )  # fmt: skip


def test_findings_are_counted_by_type_class_and_team(store: Connection) -> None:
    found = section(
        page(
            store,
            row(guard_findings={"SECRET": 1, "EMAIL_ADDRESS": 2}),
            row(guard_findings={"SECRET": 1, "EMAIL_ADDRESS": 2}, principal="bob"),
            row(guard_findings={"SECRET": 3}, team="search", **BLOCKED),
            row(guard_findings={"PROJECT_CODE": 4}, team="search"),
            row(team="search", **FAILED),
            row(guard_findings={"NOT_SCANNED": 1}),
            row(),
        ),
        "guard",
    )
    lines = rows(found)[-5:]
    assert [[cell for cell in line if cell] for line in lines[:3]] == [
        ["SECRET", "secrets", "5", "3", "1"],  # 2 x 1 + 3
        ["EMAIL_ADDRESS", "personal data", "4", "2", "0"],
        ["PROJECT_CODE", "the company’s own", "4", "1", "0"],
    ]
    # requests with findings, secrets, personal, own, turned away, not scanned
    assert lines[3:] == [
        ["search", "2", "3", "0", "4", "1", "1"],
        ["core", "2", "2", "4", "0", "0", "11 went on"],
    ]
    assert "4 requests carried something" in found.plain()
    assert "1 request was turned away for it; 1 more could not be scanned" in found.plain()


def test_a_request_that_was_tried_twice_was_scanned_once(store: Connection) -> None:
    twice = {"guard_findings": {"SECRET": 1}, "request_id": "r-1"}
    data = guard.load(asked(store, row(**twice), row(**twice, attempt=2)))
    assert (data.requests, data.findings) == (1, (1, 0, 0))


def test_findings_stand_in_the_step_of_their_request(store: Connection) -> None:
    late = row(FROM + timedelta(days=3), guard_findings={"EMAIL_ADDRESS": 2})
    data = guard.load(asked(store, row(guard_findings={"SECRET": 1}), late))
    assert [data.steps[day] for day in (0, 1, 3)] == [
        ("1 Oct", (1, 0, 0)),
        ("2 Oct", (0, 0, 0)),
        ("4 Oct", (0, 2, 0)),
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (STATE, "Nothing was found, nothing was turned away."),
        (OFF, "No guard rule is in force, so no request was scanned."),
        (None, "Whether a guard rule was in force is not known to this report."),
    ],
    ids=["rules", "no rules", "nobody looked"],
)
def test_nothing_found_is_not_the_same_as_nothing_looked_for(
    store: Connection, state: GuardState | None, said: str
) -> None:
    assert said in section(page(store, row(), state=state), "guard").plain()


@pytest.mark.parametrize(("state", "loud"), [(BLIND, True), (STATE, False), (None, False)])
def test_a_missing_model_is_said_loudly(store: Connection, state: GuardState | None, loud: bool) -> None:
    html = page(store, row(), state=state)
    assert (
        "Names of people are recognised without a model. No spaCy model" in section(html, "guard").plain()
    ) is loud
    assert ("No model recognises names of people" in html) is loud


def test_secrets_and_what_was_not_scanned_ask_for_attention(store: Connection) -> None:
    html = page(
        store,
        row(guard_findings={"SECRET": 1}),
        row(guard_findings={"SECRET": 1}, **BLOCKED),
        row(guard_findings={"SECRET": 1}, outcome="refused", refusal_code="budget_spent"),
        row(**FAILED),
        row(**FAILED),
    )
    assert "3 requests carried secrets" in html
    assert (
        "3 findings; 2 of the requests reached no provider, 1 went on, masked where a rule says so." in html
    )
    assert "2 requests could not be scanned" in html
    assert "went on without having been scanned" not in html


def test_what_went_on_unscanned_is_no_finding_and_is_said(store: Connection) -> None:
    html = page(store, row(guard_findings={"NOT_SCANNED": 1}))
    assert "1 request went on without having been scanned" in html
    assert "1 request could not be scanned and went on all the same" in section(html, "guard").plain()
    assert "carried secrets" not in html
