"""What the report is told besides the ledger of that month; run with OUT.html it makes the report to look at.

`--names`, `--fold` (teams of fewer than three), `--bare` (nobody looked at guard, audit, counters), `--bad`.
"""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from seeded_ledger import FROM, MADE_AT, MONTH, caps, empty_store, fill_month
from sqlalchemy import Connection, insert

from sluiceway.audit.overview import Kept, Overview, Reading
from sluiceway.audit.verdict import Fault, Verdict
from sluiceway.guard.ner import MISSING
from sluiceway.report import AuditState, GuardState, Verification, build, write
from sluiceway.report.model import AuditRule, LedgerCheck, LogCheck, to_us
from sluiceway.store.records import Discrepancy
from sluiceway.store.tables import events

EVENTS: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (-3, "started", "serve", {"policy_version": "51aa09c2d4e1"}),
    (1, "reloaded", "serve", {"policy_version": "51aa09c2d4e1"}),
    (4, "reloaded", "serve", {"policy_version": "7c1e09f3b2a8"}),
    (4, "person_added", "operator-1", {"name": "staff-26", "person_kind": "employee", "team": "design"}),
    (6, "person_moved", "operator-1", {"name": "bob", "team": "legal"}),
    (7, "token_issued", "operator-2", {"name": "alice", "revoke_old": True}),
    (9, "person_disabled", "operator-1", {"name": "staff-27"}),
    (10, "key_added", "operator-2", {"label": "main", "provider": "anthropic"}),
    (11, "ledger_exported", "operator-3", {"format": "csv"}),
    (15, "report_with_names", "operator-3", {"from": "2026-10-01", "to": "2026-10-15", "out": "r.html"}),
    (18, "started", "serve", {"policy_version": "d0c44b7e9a10"}),
    (19, "audit_listed", "auditor-1", {"person": "alice"}),
    (22, "moon_phase_set", "alice", {"phase": "waxing", "name": "alice", "team": "legal"}),
)


NODE_KEY = "sluiceway/audit/1f2e3d4c+0a1b2c3d+AZWxq5cQx0E9m1d9r6Xv3kq1m8mU1oF1Q0Vn9b5b2c7d"


def fill_events(connection: Connection) -> None:
    rows = [
        {
            "at": to_us(FROM + timedelta(days=day, hours=9)),
            "kind": kind,
            "actor": actor,
            "detail": json.dumps(detail),
        }
        for day, kind, actor, detail in EVENTS
    ]
    connection.execute(insert(events), rows)


def guard_state() -> GuardState:
    return GuardState(
        ("no-secrets", "mask-personal"),
        None,
        MISSING,
        frozenset({"EMAIL_ADDRESS", "PHONE_NUMBER", "IBAN_CODE"}),
    )


def audit_state() -> AuditState:
    """alice, bob (core) and staff-26 (design) are audited; one auditor asked twice, another approved once."""
    day = FROM + timedelta(days=14)
    read = Reading(
        "a-1", day, "auditor-1", "alice", FROM, day, 0, "Incident 12: alice and legal asked how a key left",
        ("auditor-2",), day + timedelta(hours=2), (day + timedelta(hours=3), day + timedelta(hours=5)),
    )  # fmt: skip
    waiting = Reading(
        "a-2", day + timedelta(days=9), "auditor-1", "staff-26", FROM, day, 2, "Incident 14", (), None, ()
    )
    kept = (
        Kept("alice", "incident", "sealed", 412),
        Kept("alice", "incident", "withheld_residue", 3),
        Kept("bob", "incident", "sealed", 96),
        Kept("staff-26", "incident", "sealed", 31),
        Kept("staff-26", "usage", "none", 7),
        Kept("bob", "incident", "content_lost", 1),
    )
    holders = (("auditor-1", "auditor"), ("auditor-2", "auditor"), ("council-1", "council"))
    rules = (
        AuditRule("incident", "redacted", "Finding out how customer data left", "Works agreement 7",
                  date(2026, 11, 15), 30, True),
        AuditRule("usage", "metadata", "Which tools are used for what", "Works agreement 7",
                  date(2026, 9, 30), 90, False),
    )  # fmt: skip
    found = Overview(
        kept, (read, waiting), 3, 3, {"person": 1, "retention": 12}, ((FROM + timedelta(days=1), holders),)
    )
    return AuditState(rules, holders, True, found)


def verification(*, good: bool = True) -> Verification:
    verdict = Verdict(leaves=641, entries=550, checkpoints=212, shredded=13)
    differences: tuple[Discrepancy, ...] = ()
    if not good:
        verdict.faults.append(Fault("leaf 12: entry 5f0c", "its record was altered"))
        differences = (
            Discrepancy("employee=staff-26|day|2026-10-30T00:00:00+00:00", "usd", 5 * 10**9, 0, 4 * 10**9, 0),
            Discrepancy("team=legal|month|2026-10-01T00:00:00+00:00|tokens", "tokens", 7, 1, 9, 0),
        )
    verdict.warnings.append("3 checkpoints have not been shipped yet")
    log = LogCheck(MADE_AT, (NODE_KEY,), True,
                   "audit-checkpoints.txt", 209, verdict)  # fmt: skip
    return Verification(LedgerCheck(MADE_AT, 148, differences), log)


def beside(*, good: bool = True) -> dict[str, Any]:
    """What a report is told besides the ledger."""
    return {"guard": guard_state(), "audit": audit_state(), "verification": verification(good=good)}


def main(out: Path, *, names: bool, min_group: int) -> None:
    with empty_store() as connection:
        fill_month(connection)
        fill_events(connection)
        html = build(
            connection,
            period=MONTH,
            caps=caps(),
            names=names,
            generated_at=MADE_AT,
            version="0.1.0",
            title="AI usage, October 2026",
            min_group=min_group,
            **(beside(good="--bad" not in sys.argv) if "--bare" not in sys.argv else {}),
        )
    write(out, html)


if __name__ == "__main__":
    main(Path(sys.argv[1]), names="--names" in sys.argv, min_group=3 if "--fold" in sys.argv else 1)
