"""What is known of an audited request besides its text, before and after; and how it becomes an entry."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from typing import Any

from sluiceway.audit.notice import Told, until_at, version
from sluiceway.audit.records import Content, Entry, listed, plain
from sluiceway.policy.kinds.audit import Audit
from sluiceway.store.moments import to_us
from sluiceway.types import KeyClass


@dataclass(frozen=True, slots=True)
class Subject:
    """A request under way that will be audited. Holds no text of it; survives a crash in `audit_pending`."""

    id: str
    request_id: str
    attempt: int
    started_at: int
    person: str
    team: str
    key_class: str
    provider: str
    model: str | None
    client_name: str | None
    rule: str
    mode: str
    purpose: str
    agreement: str
    until: str
    until_at: int
    keep_days: int
    notice: str
    disclosure: str
    acknowledged_at: int

    @classmethod
    def of(
        cls,
        rule: Audit,
        told: Told,
        *,
        zone: tzinfo,
        request_id: str,
        attempt: int,
        started_at: datetime,
        person: str,
        team: str,
        key_class: KeyClass,
        provider: str,
        model: str | None,
        client_name: str | None,
    ) -> Subject:
        """Only for what `permit` has allowed; the database checks it once more."""
        if told.acknowledged_at is None or told.notice != version(rule) or told.person != person:
            raise ValueError("this person has not acknowledged the notice of this rule")
        return cls(
            id=secrets.token_hex(16),
            request_id=request_id,
            attempt=attempt,
            started_at=to_us(started_at),
            person=person,
            team=team,
            key_class=str(key_class),
            provider=provider,
            model=plain(model),
            client_name=plain(client_name),
            rule=rule.name,
            mode=rule.mode,
            purpose=rule.purpose,
            agreement=rule.agreement,
            until=rule.until.isoformat(),
            until_at=to_us(until_at(rule, zone)),
            keep_days=rule.keep_days,
            notice=told.notice,
            disclosure=told.disclosure,
            acknowledged_at=to_us(told.acknowledged_at),
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Subject:
        values: dict[str, Any] = json.loads(text)
        return cls(**values)


@dataclass(frozen=True, slots=True)
class End:
    """How the request ended. `model` is the one that answered, where it is known."""

    at: datetime | None = None
    outcome: str | None = None
    status: int | None = None
    model: str | None = None


def entry(
    subject: Subject,
    end: End,
    content: Content,
    recorded_at: datetime,
    *,
    data_key: str | None = None,
    findings: Mapping[str, int] | None = None,
) -> Entry:
    """The fact that goes into the log; the hashes of the ciphertexts are added when there are any."""
    return Entry(
        **asdict(subject) | {"model": plain(end.model) or subject.model},
        ended_at=None if end.at is None else to_us(end.at),
        recorded_at=to_us(recorded_at),
        outcome=end.outcome,
        status=end.status,
        content=content,
        data_key=data_key,
        findings=listed(dict(findings or {})),
        sealed="[]",
    )
