"""A report on a real audit: its people, its reads and its log, checked with whose key and against what."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from test_audit_cli import Company, audited, company, request  # noqa: F401 - fixtures

from sluiceway.app import reporting
from sluiceway.report import Period, Verification, build
from sluiceway.report.model import LogCheck


def now() -> Period:
    return Period(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(minutes=1))


def verified(of: Company, *node_keys: str, checkpoints: Path | None = None) -> LogCheck:
    heard: list[tuple[str, int, int]] = []
    with of.deployment.store(writable=False) as store:
        found: Verification | None = reporting.given(
            of.deployment,
            store,
            now(),
            node_keys=node_keys,
            checkpoints=checkpoints,
            progress=lambda what, done, total: heard.append((what, done, total)),
        )["verification"]
    assert found is not None
    assert found.ledger.differences == ()
    return found.log


def test_the_report_tells_who_read_and_that_the_log_holds(audited: Company) -> None:  # noqa: F811
    number = request(audited)
    audited.type("approve", number, "--key", audited.key("dave"))
    audited.type("open", number, "--key", audited.key("carol"))
    with audited.deployment.store(writable=False) as store, store.read() as connection:
        html = build(
            connection,
            period=now(),
            names=False,
            generated_at=datetime.now(UTC),
            version="1",
            **reporting.given(audited.deployment, store, now()),
        )
    for said in ("carol", "dave", "incident 12", "one person in team core", "nothing was altered"):
        assert said in html
    assert "alice" not in html
    assert "123-45-6789" not in html


def test_a_key_from_the_councils_records_is_told_from_this_machines_own(audited: Company) -> None:  # noqa: F811
    own = verified(audited)
    assert (own.own_key, own.checkpoints, own.verdict.faults) == (True, "audit-checkpoints.txt", [])
    assert own.shipped > 0
    theirs = verified(audited, *own.keys)
    assert (theirs.own_key, theirs.keys, theirs.verdict.good) == (False, own.keys, True)


def test_a_rolled_back_log_is_a_fault_in_the_report(audited: Company, tmp_path: Path) -> None:  # noqa: F811
    kept = tmp_path / "kept.txt"
    kept.write_text(audited.place.checkpoints.read_text())
    with closing(sqlite3.connect(audited.folder / "sluiceway.db")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE type = 'trigger'")
        connection.commit()
    found = verified(audited, checkpoints=kept)
    assert found.checkpoints == "kept.txt"
    assert any("lost this guard" in each.what for each in found.verdict.faults)


def test_where_nothing_was_ever_audited_nothing_is_claimed(company: Company) -> None:  # noqa: F811
    found = verified(company)
    assert (found.keys, found.verdict.leaves, found.verdict.warnings) == ((), 0, [])


def test_what_takes_long_is_told_while_it_lasts() -> None:
    told = threading.Event()

    def slow() -> str:
        assert told.wait(30)
        return "done"

    def progress(what: str, done: int, total: int) -> None:
        told.set()

    assert reporting.meanwhile(progress, "checking, s:", slow) == "done"
