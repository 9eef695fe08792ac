"""What people are told is what the rule says; if the rule changes, they are told anew."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from audit_world import HOLDERS, METADATA, NOON, RULE, World

from sluiceway.audit.notice import acknowledge, disclose, notice, told, until_at, version
from sluiceway.errors import SluicewayError
from sluiceway.types import RefusalKind
from sluiceway.wire import DIALECTS
from sluiceway.wire.dialect import Dialect

GIVEN = notice(RULE, HOLDERS, "the data protection officer")


@pytest.mark.parametrize(
    "part",
    [
        RULE.purpose,
        RULE.agreement,
        "2026-12-31",
        "30 days",
        "that text is encrypted",
        "carol (auditor), dave (auditor), erin (council)",
        "two of these people together",
        "Your own credentials are never audited",
        "the data protection officer",
    ],
)
def test_the_notice_says_what_why_how_long_and_who(part: str) -> None:
    assert part in GIVEN.text


def test_the_notice_of_metadata_says_that_no_text_is_kept() -> None:
    text = notice(METADATA, HOLDERS, "ops").text
    assert "no text of requests or answers" in text and "encrypted" not in text


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "Something else altogether"},
        {"agreement": "Works agreement 8"},
        {"until": date(2027, 1, 1)},
        {"keep_days": 31},
        {"mode": "metadata"},
        {"name": "renamed"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_rule_that_promises_something_else_has_another_notice(
    world: World, change: dict[str, object]
) -> None:
    world.tell()
    changed = RULE.model_copy(update=change)
    assert version(changed) != version(RULE)
    assert told(world.store.audit, "alice", version(changed)) is None


def test_who_can_read_and_whom_to_ask_may_change_without_asking_again() -> None:
    assert notice(RULE, HOLDERS, "somebody else").version == GIVEN.version


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_the_notice_is_shown_in_the_clients_own_protocol(dialect: Dialect) -> None:
    refusal = GIVEN.refusal("http://sluiceway.internal/")
    assert (refusal.kind, refusal.code, refusal.rule) == (RefusalKind.POLICY, "audit_notice", "incident")
    assert refusal.message.endswith(f" http://sluiceway.internal/audit/notice/{GIVEN.version}")
    assert RULE.purpose.encode() in dialect.refuse(refusal, "r-1").body


def test_told_then_acknowledged(world: World) -> None:
    assert told(world.store.audit, "alice", GIVEN.version) is None
    given = disclose(world.log, "alice", GIVEN, "wire", "serve", world.clock())
    found = told(world.store.audit, "alice", GIVEN.version)
    assert found is not None and found.disclosure == given.id
    assert (found.disclosed_at, found.acknowledged_at) == (NOON, None)
    later = world.clock.move(minutes=3)
    acknowledge(world.log, "alice", GIVEN.version, "portal", "alice", later)
    found = told(world.store.audit, "alice", GIVEN.version)
    assert found is not None and found.acknowledged_at == later
    assert world.verdict().faults == []


def test_acknowledging_twice_is_one_acknowledgement(world: World) -> None:
    world.tell()
    size = world.log.size
    first = acknowledge(world.log, "alice", version(RULE), "portal", "alice", world.clock())
    assert world.log.size == size and first.at < round(world.clock().timestamp() * 1e6)


def test_being_told_again_does_not_undo_an_acknowledgement(world: World) -> None:
    world.tell()
    disclose(world.log, "alice", GIVEN, "wire", "serve", world.clock())
    found = told(world.store.audit, "alice", GIVEN.version)
    assert found is not None and found.acknowledged_at is not None


def test_nobody_acknowledges_what_they_were_not_told(world: World) -> None:
    world.tell("alice")
    with pytest.raises(SluicewayError, match="bob was not given this notice"):
        acknowledge(world.log, "bob", version(RULE), "portal", "bob", world.clock())


def test_the_recorder_remembers_only_what_is_for_good(world: World) -> None:
    disclose(world.log, "alice", GIVEN, "wire", "serve", world.clock())
    first = world.recorder.told("alice", GIVEN.version)
    assert first is not None and first.acknowledged_at is None
    acknowledge(world.log, "alice", GIVEN.version, "portal", "alice", world.clock.move(minutes=1))
    second = world.recorder.told("alice", GIVEN.version)
    assert second is not None and second.acknowledged_at is not None


def test_a_subject_needs_the_acknowledgement_of_just_this_rule_and_person(world: World) -> None:
    world.tell()
    subject = world.subject()
    assert (subject.notice, subject.key_class) == (version(RULE), "company")
    disclose(world.log, "bob", GIVEN, "wire", "serve", world.clock())
    with pytest.raises(ValueError, match="has not acknowledged"):
        world.subject(person="bob")


@pytest.mark.parametrize(
    ("zone", "end"),
    [("UTC", "2026-12-31T23:59:59.999999+00:00"), ("Europe/Berlin", "2026-12-31T22:59:59.999999+00:00")],
)
def test_a_rule_ends_with_its_last_day_where_the_company_is(zone: str, end: str) -> None:
    assert until_at(RULE, ZoneInfo(zone)).astimezone(UTC) == datetime.fromisoformat(end)
    assert RULE.in_force(until_at(RULE, ZoneInfo(zone)), ZoneInfo(zone))
