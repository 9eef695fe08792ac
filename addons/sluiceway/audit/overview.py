"""The state of the audit in a period, for the report: how much was kept on what ground, and who read what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sluiceway.store.audit import AuditStore, Row, Snapshot
from sluiceway.store.moments import from_us, to_us


@dataclass(frozen=True, slots=True)
class Kept:
    """Entries of one person under one rule. `content` is what became of their text."""

    person: str
    rule: str
    content: str
    entries: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A request to read, with everything that followed from it."""

    id: str
    at: datetime
    requester: str
    person: str
    from_at: datetime
    to_at: datetime
    entries: int
    reason: str
    approved_by: tuple[str, ...]
    approved_at: datetime | None
    opened_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """`told` counts disclosures of the period, `acknowledged` those that were acknowledged in it. `holders`
    are the sets of people who could open, with the moment each set was first used (all of them, ever).
    `shredded` counts destroyed data keys by cause. `readings` are those with any step in the period."""

    kept: tuple[Kept, ...]
    readings: tuple[Reading, ...]
    told: int
    acknowledged: int
    shredded: dict[str, int]
    holders: tuple[tuple[datetime, tuple[tuple[str, str], ...]], ...]


def overview(store: AuditStore, from_at: datetime, to_at: datetime) -> Overview:
    """What happened from one moment up to, but not including, another."""
    start, end = to_us(from_at), to_us(to_at)
    with store.snapshot() as snapshot:
        shreds = [str(each["cause"]) for each in snapshot.records("shred") if start <= _at(each) < end]
        return Overview(
            kept=tuple(Kept(*each) for each in snapshot.entry_counts(start, end)),
            readings=tuple(_readings(snapshot, start, end)),
            told=sum(start <= _at(each) < end for each in snapshot.records("disclosure")),
            acknowledged=sum(start <= _at(each) < end for each in snapshot.records("acknowledgement")),
            shredded={cause: shreds.count(cause) for cause in sorted(set(shreds))},
            holders=tuple(_holders(each) for each in snapshot.records("holders")),
        )


def readings_of(store: AuditStore, person: str) -> tuple[Reading, ...]:
    """Every request to read this person's records there ever was, for that person; the latest first."""
    by_request: dict[str, list[Row]] = {}
    with store.snapshot() as snapshot:
        for each in snapshot.records("access", person=person):
            by_request.setdefault(str(each["request"]), []).append(each)
    whole = [steps for steps in by_request.values() if any(each["step"] == "request" for each in steps)]
    return tuple(sorted(map(_reading, whole), key=lambda reading: reading.at, reverse=True))


def _readings(snapshot: Snapshot, start: int, end: int) -> list[Reading]:
    by_request: dict[str, list[Row]] = {}
    for each in snapshot.records("access"):
        by_request.setdefault(str(each["request"]), []).append(each)
    found = [steps for steps in by_request.values() if any(start <= _at(each) < end for each in steps)]
    return [_reading(steps) for steps in found if any(each["step"] == "request" for each in steps)]


def _reading(steps: list[Row]) -> Reading:
    asked = next(each for each in steps if each["step"] == "request")
    approvals = [each for each in steps if each["step"] == "approve"]
    return Reading(
        id=str(asked["id"]),
        at=from_us(_at(asked)),
        requester=str(asked["holder"]),
        person=str(asked["person"]),
        from_at=from_us(int(str(asked["from_at"]))),
        to_at=from_us(int(str(asked["to_at"]))),
        entries=len(json.loads(str(asked["entries"]))),
        reason=str(asked["reason"]),
        approved_by=tuple(str(each["holder"]) for each in approvals),
        approved_at=from_us(min(map(_at, approvals))) if approvals else None,
        opened_at=tuple(from_us(_at(each)) for each in steps if each["step"] == "open"),
    )


def _holders(record: Row) -> tuple[datetime, tuple[tuple[str, str], ...]]:
    people = json.loads(str(record["holders"]))
    return from_us(_at(record)), tuple((str(name), str(role)) for name, role, _ in people)


def _at(row: Row) -> int:
    return int(str(row["at"]))
