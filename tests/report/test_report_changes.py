"""What operators did, and what was verified: told with time and actor, and never more than was checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from page_reader import Element, rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from seeded_state import NODE_KEY, verification
from sqlalchemy import Connection, insert

from sluiceway.audit.verdict import Verdict
from sluiceway.report import Verification, build
from sluiceway.report.model import to_us
from sluiceway.store.tables import events, people

PEOPLE = (
    (2, "person_added", "operator-1", {"name": "alice", "team": "core"}),
    (3, "person_added", "operator-1", {"name": "bob", "team": "core"}),
    (4, "person_moved", "operator-2", {"name": "bob", "team": "search"}),
)


def happened(store: Connection, *deeds: tuple[float, str, str, Mapping[str, Any]]) -> None:
    for day, kind, actor, detail in deeds:
        at = to_us(FROM + timedelta(days=day))
        store.execute(insert(events), {"at": at, "kind": kind, "actor": actor, "detail": json.dumps(detail)})


def shown(
    store: Connection, name: str, *, names: bool = False, checked: Verification | None = None
) -> Element:
    html = build(
        store, period=MONTH, caps=[], names=names, generated_at=MADE_AT, version="1", verification=checked
    )
    return section(html, name)


def loaded(version: str) -> dict[str, str]:
    return {"policy_version": version}


def test_rules_are_told_by_what_they_were_and_became(store: Connection) -> None:
    happened(
        store,
        (-40, "started", "serve", loaded("v0")),
        (-2, "reloaded", "serve", loaded("v1")),
        (1, "started", "serve", loaded("v1")),
        (2, "reloaded", "operator-1", loaded("v2")),
        (3, "reloaded", "operator-1", loaded("v2")),
        (4, "reloaded", "operator-2", loaded("v1")),
        (31, "reloaded", "serve", loaded("v9")),
    )
    found = shown(store, "changes")
    assert rows(found) == [
        ["3 Oct 2026, 00:00 UTC", "v1", "v2", "operator-1", "by a reload"],
        ["5 Oct 2026, 00:00 UTC", "v2", "v1", "operator-2", "by a reload"],
    ]
    assert "2 more starts and reloads changed no rule." in found.plain()


def test_the_first_rules_come_from_no_known_version(store: Connection) -> None:
    happened(store, (1, "started", "serve", loaded("v1")))
    assert rows(shown(store, "changes")) == [
        ["2 Oct 2026, 00:00 UTC", "not known", "v1", "serve", "at a start"]
    ]


def test_people_are_counted_and_named_only_where_names_are_asked_for(store: Connection) -> None:
    happened(store, *PEOPLE)
    without = shown(store, "changes")
    assert "2 added, 1 moved to another team." in without.plain()
    assert not any(name in without.plain() for name in ("alice", "bob", "operator-1"))
    with_names = shown(store, "changes", names=True)
    assert rows(with_names)[-1] == [
        "5 Oct 2026, 00:00 UTC",
        "bob",
        "moved to another team (search)",
        "operator-2",
    ]


def test_what_this_report_has_no_words_for_is_shown_as_recorded(store: Connection) -> None:
    store.execute(insert(people), {"name": "alice", "kind": "employee", "team": "core", "created_at": 0})
    happened(
        store,
        (1, "report_with_names", "operator-3", {"out": "alice.html"}),
        (2, "report_with_names", "operator-3", {}),
        (5, "moon_phase_set", "alice", {"name": "alice"}),
    )
    found = shown(store, "changes")
    assert rows(found) == [
        ["reports made with names", "2", "operator-3", "2 Oct 2026, 00:00", "3 Oct 2026, 00:00"],
        [
            "moon phase setas recorded; this report has no words for it",
            "1",
            "(not named)",
            "6 Oct 2026, 00:00",
            "6 Oct 2026, 00:00",
        ],
    ]
    assert "alice" not in found.all_text()


def test_many_actors_are_counted(store: Connection) -> None:
    happened(store, *[(1, "ledger_exported", f"operator-{number}", {}) for number in range(5)])
    assert rows(shown(store, "changes"))[0][2] == "operator-0, operator-1, operator-2 and 2 more"


def test_a_quiet_period_says_so(store: Connection) -> None:
    happened(store, (-1, "started", "serve", loaded("v1")), (1, "started", "serve", loaded("v1")))
    text = shown(store, "changes").plain()
    assert "The rules did not change; 1 start or reload loaded them as they were." in text
    assert "Nobody was added, disabled or moved." in text


def test_what_was_not_verified_is_not_claimed(store: Connection) -> None:
    text = shown(store, "verification").plain()
    assert "Not verified." in text
    assert "nothing was altered" not in text


def test_a_check_says_when_against_what_and_with_which_key(store: Connection) -> None:
    found = shown(store, "verification", checked=verification())
    ledger, log = rows(found)
    assert ledger[:3] == ["Budget counters148 counters", "○ all equal", "31 Oct 2026, 06:30 UTC"]
    assert "ledger rows are not signed" in ledger[3]
    assert log[0] == "Audit log641 records, 550 audited requests, 13 destroyed keys"
    assert log[1] == "○ nothing was altered"
    assert f"212 checkpoint signatures, 209 of them in audit-checkpoints.txt. Key: {NODE_KEY}." in log[3]
    assert "read from this machine itself" in log[3]
    assert "Not proved: 3 checkpoints have not been shipped yet." in found.plain()


def test_a_key_from_elsewhere_is_not_called_this_machines(store: Connection) -> None:
    checked = verification()
    found = shown(store, "verification", checked=replace(checked, log=replace(checked.log, own_key=False)))
    assert "this machine itself" not in found.plain()


@pytest.mark.parametrize(
    ("faulty", "result", "said"),
    [
        (False, "○ there is none", "Nothing was ever audited here."),
        (True, "▲ 1 fault", "No public key of the log"),
    ],
    ids=["never audited", "a log without its key"],
)
def test_without_a_key_nothing_is_called_unaltered(
    store: Connection, faulty: bool, result: str, said: str
) -> None:
    verdict = Verdict(faults=verification(good=False).log.verdict.faults if faulty else [])
    checked = verification()
    checked = replace(checked, log=replace(checked.log, keys=(), own_key=False, verdict=verdict))
    log = rows(shown(store, "verification", checked=checked))[1]
    assert (log[1], said in log[3]) == (result, True)


def test_faults_are_listed_and_ask_for_action(store: Connection) -> None:
    store.execute(insert(people), {"name": "staff-26", "kind": "employee", "team": "design", "created_at": 0})
    fill(store, [row()])
    checked = verification(good=False)
    found = shown(store, "verification", checked=checked)
    assert [line[1] for line in rows(found)[:2]] == ["▲ 2 differences", "▲ 1 fault"]
    assert rows(found)[2:] == [
        [
            "one person in team design",
            "day from 30 Oct 2026, 00:00 UTC",
            "usd",
            "$5.00",
            "$4.00",
            "$0.00",
            "$0.00",
        ],
        ["team legal", "month from 1 Oct 2026, 00:00 UTC", "tokens", "7", "9", "1", "0"],
        ["leaf 12: entry 5f0c", "its record was altered"],
    ]
    html = build(
        store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1", verification=checked
    )
    assert "2 budget counters differ from the ledger" in html
    assert "The audit log does not verify: 1 fault" in html
