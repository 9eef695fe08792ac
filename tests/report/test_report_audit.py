"""The audit's section: on what ground, how much, by team, and every read with its reason and both people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from page_reader import rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from seeded_state import audit_state
from sqlalchemy import Connection, insert

from sluiceway.audit.overview import Kept, Reading
from sluiceway.report import AuditState, build
from sluiceway.store.tables import people
from sluiceway.types import LedgerRow

STATE = audit_state()
NOTHING = replace(STATE.overview, kept=(), readings=(), told=0, acknowledged=0, shredded={}, holders=())
OFF = AuditState((), (), False, NOTHING)
STAFF = {"alice": "core", "bob": "core", "carol": "core", "dave": "legal"}


def page(
    store: Connection,
    state: AuditState | None,
    *,
    names: bool = False,
    min_group: int = 1,
    teams: dict[str, str] = STAFF,
) -> str:
    listed = [
        {"name": name, "kind": "employee", "team": team, "created_at": 0} for name, team in teams.items()
    ]
    store.execute(insert(people), listed)
    seen: list[LedgerRow] = [row(principal=name, team=team) for name, team in teams.items()]
    fill(store, seen)
    return build(
        store,
        period=MONTH,
        caps=[],
        names=names,
        generated_at=MADE_AT,
        version="1",
        audit=state,
        min_group=min_group,
    )


def with_kept(*kept: Kept) -> AuditState:
    return replace(STATE, overview=replace(NOTHING, kept=kept))


def reading(requester: str = "carol", person: str = "alice", reason: str = "Incident 12") -> Reading:
    return Reading(
        "a-1", FROM, requester, person, FROM, FROM + timedelta(days=2), 0, reason, ("dave",), FROM, (FROM,)
    )


def test_without_a_rule_it_says_that_nothing_is_kept(store: Connection) -> None:
    text = section(page(store, OFF), "audit").plain()
    assert "No audit rule: no prompt and no answer is kept." in text
    assert "Nobody asked to read anything." in text
    assert "No text was destroyed in this period." in text


def test_a_report_that_did_not_look_does_not_say_that_there_is_none(store: Connection) -> None:
    text = section(page(store, None), "audit").plain()
    assert text.endswith("This report was made without looking at the audit.")
    assert "Nobody" not in text


def test_rules_stand_with_their_purpose_agreement_and_end(store: Connection) -> None:
    found = section(page(store, STATE), "audit")
    assert rows(found)[:2] == [
        ["incident", "● in force", "also the redacted text, sealed", "Finding out how customer data left",
         "Works agreement 7", "2026-11-15", "30 days"],
        ["usage", "○ ended", "who, when, which model; no text", "Which tools are used for what",
         "Works agreement 7", "2026-09-30", "90 days"],
    ]  # fmt: skip
    assert (
        "auditor-1 (auditor), auditor-2 (auditor), council-1 (council). It takes two of them" in found.plain()
    )
    assert "1 data key (a person’s text), 12 data keys (kept as long as its rule said)" in found.plain()


def test_entries_are_counted_by_team_and_by_what_became_of_them(store: Connection) -> None:
    kept = with_kept(
        Kept("alice", "incident", "sealed", 5),
        Kept("bob", "incident", "sealed", 2),
        Kept("bob", "incident", "withheld_residue", 3),
        Kept("bob", "incident", "withheld_error", 4),
        Kept("dave", "usage", "none", 6),
        Kept("dave", "incident", "content_lost", 1),
        Kept("gone", "incident", "sealed", 1),
    )
    lines = [line for line in rows(section(page(store, kept), "audit")) if len(line) == 6]
    assert lines == [
        ["core", "2", "7", "0", "7", "0"],
        ["legal", "1", "0", "6", "0", "1"],
        ["no team any more", "1", "1", "0", "0", "0"],
    ]


def test_teams_with_few_audited_people_are_told_together(store: Connection) -> None:
    """core has three people and could be named, but only two of them are audited."""
    kept = with_kept(Kept("alice", "incident", "sealed", 5), Kept("bob", "incident", "sealed", 2))
    text = section(page(store, kept, min_group=3), "audit")
    assert [line for line in rows(text) if len(line) == 6] == [
        ["teams with few audited people, told together", "2", "7", "0", "0", "0"]
    ]


def test_who_asked_and_who_approved_is_always_named_and_whose_text_only_with_names(store: Connection) -> None:
    state = replace(STATE, overview=replace(NOTHING, readings=(reading(reason="alice and carol know"),)))
    (line,) = [line for line in rows(section(page(store, state), "audit")) if line[1] == "carol"]
    assert line[1:] == [
        "carol",
        "one person in team coreall entries, 1 Oct 2026, 00:00 UTC to 3 Oct 2026, 00:00 UTC",
        "(not named) and (not named) know",
        "dave1 Oct 2026, 00:00 UTC",
        "1 Oct 2026, 00:00 UTC",
    ]


def test_with_names_whose_text_it_was_is_said(store: Connection) -> None:
    state = replace(STATE, overview=replace(NOTHING, readings=(reading(),)))
    assert "alice (team core)" in section(page(store, state, names=True), "audit").plain()


def test_a_read_of_a_small_teams_text_does_not_name_the_team(store: Connection) -> None:
    teams = {**STAFF, "staff-1": "search", "staff-2": "search", "staff-3": "search"}
    state = replace(STATE, overview=replace(NOTHING, readings=(reading(person="dave"),)))
    text = section(page(store, state, min_group=3, teams=teams), "audit").plain()
    assert "one person in other teams, told together" in text
    assert "legal" not in text


def test_opened_lost_and_unopenable_ask_for_attention(store: Connection) -> None:
    kept = (Kept("alice", "incident", "content_lost", 2),)
    state = replace(STATE, can_open=False, overview=replace(NOTHING, kept=kept, readings=(reading(),)))
    html = page(store, state)
    for headline in (
        "Audit records were opened once",
        "The text of 2 audited requests was lost",
        "Audited text could not be opened by anybody",
        "1 audit rule will end within a month",
    ):
        assert headline in html


def test_a_rule_that_lasts_is_no_news(store: Connection) -> None:
    lasting = replace(STATE.rules[0], until=date(2027, 6, 30))
    assert "will end within a month" not in page(store, replace(OFF, rules=(lasting,), can_open=True))
