"""What the proxy keeps: redacted, sealed, once; and what it says when it could not."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import AT_ONCE, CAROL, DAVE, ERIN, METADATA, RULE, World, redact, run_sql

from sluiceway.audit.holders import Holders
from sluiceway.audit.notice import disclose, notice, version
from sluiceway.audit.parts import Part, Redacted
from sluiceway.audit.recorder import Bounds
from sluiceway.audit.shred import Selection, shred
from sluiceway.audit.subject import End
from sluiceway.errors import StoreError
from sluiceway.store.audit import AuditStore, Change

END = End(None, "ok", 200)


@pytest.fixture
def told(world: World) -> World:
    world.tell()
    return world


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def all_read(world: World) -> list[list[str]]:
    number = world.asked(CAROL)
    world.approved(number, DAVE)
    return world.read(number)


def test_an_entry_says_who_when_on_what_ground_and_what_was_taken_out(told: World) -> None:
    subject = told.ask(["123-45-6789 and 987-65-4321"], "fine")
    (entry,) = told.entries()
    assert entry["id"] == subject.id
    kept = {
        name: entry[name] for name in ("person", "team", "key_class", "rule", "purpose", "until", "content")
    }
    assert kept == {
        "person": "alice",
        "team": "core",
        "key_class": "company",
        "rule": "incident",
        "purpose": RULE.purpose,
        "until": "2026-12-31",
        "content": "sealed",
    }
    assert json.loads(str(entry["findings"])) == {"US_SSN": 2}
    assert count(told.database, "audit_pending") == 0


def test_unchanged_history_is_redacted_and_stored_once(told: World) -> None:
    seen: list[str] = []

    def counting(text: str) -> Redacted:
        seen.append(text)
        return redact(text)

    recorder = told.new_recorder("boot-1", redact=counting)
    history: list[Part] = []
    for turn in range(60):
        history.append(Part("user", f"question {turn}"))
        answer = Part("assistant", f"answer {turn}")
        told.clock.move(seconds=30)
        recorder.record(told.subject(f"r-{turn}"), END, history, answer)
        assert recorder.flush(30)
        history.append(answer)
    recorder.close()
    assert len(seen) == len(set(seen)) == 120
    assert count(told.database, "audit_sealed") == 120 + 60  # each part once, and a list for each entry
    assert all_read(told)[-1] == [part.text for part in history]
    assert told.verdict().faults == []


def test_the_same_words_in_another_role_are_another_part(told: World) -> None:
    told.ask(["yes"], "yes")
    assert all_read(told) == [["yes", "yes"]]
    assert count(told.database, "audit_sealed") == 3


def test_nobodys_parts_are_found_by_comparing_addresses(told: World) -> None:
    told.tell("bob")
    told.ask(["the same words"], None)
    told.ask(["the same words"], None, "r-2", "bob")
    told.clock.move(days=1)
    told.ask(["the same words"], None, "r-3")
    addresses = [json.loads(str(each["sealed"]))[0][0] for each in told.entries()]
    assert len(set(addresses)) == 3


def test_what_still_holds_a_secret_after_redaction_is_not_kept_and_not_looked_at_again(told: World) -> None:
    told.ask(["fine", "key sk-abcd1234"], "ok")
    told.ask(["fine", "key sk-abcd1234", "more"], "ok", "r-2")
    told.ask(["fine"], "ok", "r-3")
    assert [each["content"] for each in told.entries()] == ["withheld_residue", "withheld_residue", "sealed"]
    assert all_read(told) == [["fine", "ok"]]


def test_a_secret_in_the_answer_alone_withholds_all_of_it(told: World) -> None:
    told.ask(["give me a key"], "sk-abcd1234")
    assert [each["content"] for each in told.entries()] == ["withheld_residue"]
    assert count(told.database, "audit_sealed") == 0


def test_a_redactor_that_fails_keeps_nothing_and_says_nothing(
    told: World, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(text: str) -> Redacted:
        raise RuntimeError(f"cannot read {text}")

    recorder = told.new_recorder("boot-1", redact=failing)
    with caplog.at_level(logging.DEBUG):
        recorder.record(told.subject(), END, [Part("user", "a canary")], None)
        assert recorder.flush(30)
    recorder.close()
    assert [each["content"] for each in told.entries()] == ["withheld_error"]
    assert "RuntimeError" in caplog.text and "canary" not in caplog.text


def test_metadata_mode_keeps_no_text_and_makes_no_key(world: World) -> None:
    world.tell(rule=METADATA)
    world.ask(["never kept"], "nor this", rule=METADATA)
    assert [(each["content"], each["data_key"]) for each in world.entries()] == [("none", None)]
    assert count(world.database, "audit_data_keys") == count(world.database, "audit_sealed") == 0


class Gate:
    """A redactor that waits until it is let go."""

    def __init__(self) -> None:
        self.at_work, self.go_on = threading.Event(), threading.Event()

    def __call__(self, text: str) -> Redacted:
        self.at_work.set()
        assert self.go_on.wait(30)
        return redact(text)


@pytest.mark.parametrize(
    ("bounds", "text", "kept"),
    [
        (replace(AT_ONCE, items=2), "short", 3),
        (replace(AT_ONCE, bytes=25_000), "x" * 10_000, 2),
    ],
    ids=["too many", "too large"],
)
def test_what_does_not_fit_into_memory_is_known_by_its_metadata(
    make_world: Callable[..., World], bounds: Bounds, text: str, kept: int
) -> None:
    world, gate = make_world(bounds=bounds), Gate()
    world.tell()
    subjects = [world.subject(f"r-{n}") for n in range(6)]
    recorder = world.new_recorder("boot-1", redact=gate)
    recorder.record(subjects[0], END, [Part("user", text)], None)
    assert gate.at_work.wait(30)
    for n, subject in enumerate(subjects[1:]):
        recorder.record(subject, END, [Part("user", f"{n} {text}")], None)
    gate.go_on.set()
    assert recorder.flush(30)
    recorder.close()
    states = [each["content"] for each in world.entries()]
    assert (states.count("sealed"), states.count("content_lost")) == (kept, 6 - kept)
    assert recorder.status()["held_bytes"] == 0


def test_a_crash_between_answer_and_sealing_leaves_an_entry_without_content(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    world.tell()
    subject = world.subject()
    asyncio.run(world.recorder.begin(subject))
    world.close()  # the text was in memory only
    again = make_world("boot-2")
    again.clock.move(hours=1)
    recorder = again.new_recorder("boot-2")
    assert recorder.flush(30)
    recorder.close()
    (entry,) = again.entries()
    assert (entry["id"], entry["content"], entry["outcome"]) == (subject.id, "content_lost", None)
    assert count(again.database, "audit_pending") == 0
    assert again.verdict().faults == []


def test_a_request_that_was_not_sent_after_all_leaves_nothing(told: World) -> None:
    subject = told.subject()
    asyncio.run(told.recorder.begin(subject))
    asyncio.run(told.recorder.abandon(subject))
    assert count(told.database, "audit_pending") == 0 == len(told.entries())


class Flaky(AuditStore):
    """A store whose disk is full a few times."""

    failures = 0

    def append(self, change: Change) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store cannot write: disk full")
        super().append(change)


def test_what_could_not_be_written_is_written_later_and_can_be_read(told: World) -> None:
    flaky = Flaky(told.store._run, told.store._engine)
    told.log.store = flaky
    told.ask(["first"], None)
    flaky.failures = 3
    told.ask(["first", "second"], None, "r-2")
    assert all_read(told) == [["first"], ["first", "second"]]
    assert told.verdict().faults == []


def test_an_entry_that_the_database_refuses_does_not_take_others_with_it(
    told: World, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = told.subject("r-1"), replace(told.subject("r-2"), key_class="personal")
    recorder = told.new_recorder("boot-1")
    asyncio.run(recorder.begin(bad))
    with recorder._changed:  # both in one batch
        recorder.record(bad, END, [Part("user", "a canary")], None)
        recorder.record(good, END, [Part("user", "fine")], None)
    assert recorder.flush(30)
    recorder.close()
    assert [each["request_id"] for each in told.entries()] == ["r-1"]
    assert recorder.status()["refused"] == 1
    assert count(told.database, "audit_pending") == 0
    assert "canary" not in caplog.text
    assert all_read(told) == [["fine"]]


def test_a_key_that_was_shredded_while_in_use_is_replaced(told: World) -> None:
    told.ask(["before"], None)
    shred(told.log, Selection("alice"), "asked to be forgotten", "root", told.clock())
    told.ask(["before", "after"], None, "r-2")
    assert all_read(told) == [["before", "after"]]
    assert told.verdict().faults == []


def test_each_day_and_each_set_of_people_has_its_own_key(told: World) -> None:
    told.ask(["today"], None)
    told.recorder.use(Holders((CAROL.holder, ERIN.holder)))
    told.ask(["for other people"], None, "r-2")
    told.clock.move(days=1)
    told.ask(["tomorrow"], None, "r-3")
    keys = [str(each["data_key"]) for each in told.entries()]
    assert len(set(keys)) == 3
    with told.store.audit.snapshot() as snapshot:
        days = [(each["day"], each["holders"]) for each in snapshot.records("data_key")]
        sets = [json.loads(str(each["holders"])) for each in snapshot.records("holders")]
    assert [day for day, _ in days] == ["2026-11-15", "2026-11-15", "2026-11-16"]
    assert [[name for name, *_ in each] for each in sets] == [["carol", "dave", "erin"], ["carol", "erin"]]
    assert told.verdict().faults == []


def test_at_the_end_of_the_day_the_keys_are_gone_from_memory(told: World) -> None:
    told.ask(["today"], None)
    assert told.recorder._keys._keys
    told.clock.move(days=1)
    deadline = threading.Event()
    for _ in range(200):  # the worker looks around every `tidy_s`
        if not told.recorder._keys._keys:
            break
        deadline.wait(0.05)
    assert not told.recorder._keys._keys


def test_rules_that_keep_for_different_times_do_not_share_a_key(told: World) -> None:
    longer = RULE.model_copy(update={"name": "longer", "keep_days": 90})
    told.tell(rule=longer)
    told.ask(["short"], None)
    told.ask(["long"], None, "r-2", rule=longer)
    told.clock.move(days=40)
    shred(
        told.log,
        Selection(expired_at=round(told.clock().timestamp() * 1e6)),
        "expired",
        "serve",
        told.clock(),
    )
    assert all_read(told) == [["long"]]


def test_text_that_is_not_whole_unicode_is_kept_as_far_as_it_goes(told: World) -> None:
    told.ask(["half \ud800 a pair", ""], "\x00")
    assert all_read(told) == [["half ? a pair", "", "\x00"]]


def test_a_person_who_was_not_told_has_no_subject(told: World) -> None:
    assert told.recorder.told("bob", version(RULE)) is None
    with pytest.raises(AssertionError):
        told.subject(person="bob")


def test_what_happened_while_the_log_was_written_by_another_process_is_caught_up(told: World) -> None:
    other = type(told.log)(told.store.audit, told.node, told.shipping)
    told.ask(["first"], None)
    number = told.log.size
    disclose(other, "bob", notice(RULE, told.holders, ""), "cli", "root", told.clock())
    told.ask(["second"], None, "r-2")
    assert told.log.size > number
    assert told.verdict().faults == []


def test_a_full_disk_elsewhere_delays_checkpoints_and_loses_none(
    told: World, caplog: pytest.LogCaptureFixture
) -> None:
    file = told.folder / "elsewhere.txt"
    kept = file.read_text()
    file.unlink()
    file.mkdir()
    told.ask(["hello"], None)
    assert told.log.unshipped == 1
    file.rmdir()
    file.write_text(kept)
    told.ask(["again"], None, "r-2")
    assert told.log.unshipped == 0
    assert told.verdict().faults == told.verdict().warnings == []


def test_waiting_requests_are_written_when_the_recorder_closes(make_world: Callable[..., World]) -> None:
    world = make_world(bounds=replace(AT_ONCE, gather_s=60.0))
    world.tell()
    for n in range(3):
        world.recorder.record(world.subject(f"r-{n}"), END, [Part("user", f"text {n}")], None)
    world.recorder.close()
    assert [each["content"] for each in world.entries()] == ["sealed"] * 3


def test_hand_made_pending_rows_of_nobody_do_not_stop_the_recorder(told: World) -> None:
    subject = replace(told.subject(), person="bob")
    run_sql(told.database, f"INSERT INTO audit_pending VALUES ('x', 'old', '{subject.to_json()}')")
    recorder = told.new_recorder("boot-2")
    assert recorder.flush(30)
    recorder.close()
    assert told.entries() == []
