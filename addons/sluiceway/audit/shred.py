"""Destroying what was sealed: its wraps and releases, so that no key opens it, and the ciphertext as well.

What stays is the fact that there was an entry and that its content was destroyed, when, why and by whom.
Copies of the database made before are not reached: keep backups no longer than the content itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluiceway.audit.log import Log
from sluiceway.audit.records import Cause, Shred
from sluiceway.errors import SluicewayError
from sluiceway.store.audit import Row, Snapshot
from sluiceway.store.moments import to_us

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Which data keys to destroy: a person's, a period's (days, UTC, the last not included), or both."""

    person: str | None = None
    from_day: str | None = None
    to_day: str | None = None
    expired_at: int | None = None

    @property
    def cause(self) -> Cause:
        if self.expired_at is not None:
            return "retention"
        return "period" if self.person is None else "person"

    def covers(self, key: Row) -> bool:
        """Whether a data key is among them."""
        day, expires = str(key["day"]), int(str(key["expires_at"]))
        return (
            self.person in (None, key["person"])
            and (self.from_day is None or day >= self.from_day)
            and (self.to_day is None or day < self.to_day)
            and (self.expired_at is None or expires <= self.expired_at)
        )


def shred(log: Log, selection: Selection, reason: str, actor: str, at: datetime) -> int:
    """Destroys, and says how many data keys it were. A running recorder must `forget` the people concerned.

    Raises SluicewayError for a selection of everything: that would be a slip of the hand.
    """
    if selection == Selection():
        raise SluicewayError("say what to shred: a person, a period, or what has expired")
    with log.store.snapshot() as snapshot:
        doomed = selected(snapshot, selection)
    for start in range(0, len(doomed), CHUNK):
        chunk = doomed[start : start + CHUNK]
        records = [Shred(number, to_us(at), selection.cause, reason, actor) for number in chunk]
        log.append(records, destroyed=chunk)
    return len(doomed)


def selected(snapshot: Snapshot, selection: Selection) -> list[str]:
    """The data keys that would be destroyed."""
    return [str(key["id"]) for key in snapshot.live_data_keys() if selection.covers(key)]


def shred_expired(log: Log, now: datetime, actor: str) -> int:
    """Destroys what was kept as long as its rule said."""
    return shred(log, Selection(expired_at=to_us(now)), "kept as long as the rule said", actor, now)
