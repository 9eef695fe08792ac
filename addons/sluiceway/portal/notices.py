"""What the portal needs of the audit: who is audited under which rule, and the notice they are given.

Showing the page to a person is itself a disclosure, and it goes on record when the page is shown (GET), not
when the button is pressed (POST). The record must hold the very words that were on the page; between the two
requests the people who may read, or whom to ask, can change without the notice's version changing. And a
person who closed the page was told all the same. A reload adds nothing: the same words to the same person are
recorded once. If the record cannot be written, the page is not shown, so nothing can be acknowledged that was
not first disclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from sluiceway.audit.holders import Holders
from sluiceway.audit.log import Log
from sluiceway.audit.notice import Notice, Told, acknowledge, disclose, notice, told, version
from sluiceway.audit.overview import Reading, readings_of
from sluiceway.policy.kinds.audit import Audit
from sluiceway.portal.standing import concerns
from sluiceway.types import Principal

CHANNEL = "portal"


@dataclass(frozen=True, slots=True)
class Audited:
    """A rule in force that looks at this person's requests, and how far its notice has come."""

    rule: Audit
    notice: Notice
    told: Told | None

    @property
    def active(self) -> bool:
        """Whether records may be kept under it: only after the acknowledgement."""
        return self.told is not None and self.told.acknowledged_at is not None


class Notices(Protocol):
    """Blocking: called in the portal's threads. StoreError: the audit cannot be read or written."""

    def audited(self, who: Principal) -> tuple[Audited, ...]:
        """The audit rules in force for this person."""

    def readers(self) -> tuple[tuple[str, str], ...]:
        """(name, role) of those who could open records, two of them together."""

    def readings(self, person: str) -> tuple[Reading, ...]:
        """Every reading of this person's records, the latest first."""

    def due(self, who: Principal) -> tuple[Notice, ...]:
        """The notices this person has not acknowledged yet."""

    def find(self, notice_version: str) -> Notice | None:
        """The notice of a rule in force; None: there is none of this version (any more)."""

    def told(self, person: str, notice_version: str) -> Told | None: ...

    def disclose(self, person: str, given: Notice) -> str:
        """Puts on record that these words were shown to this person; the disclosure's id. Safe to repeat."""

    def acknowledge(self, person: str, notice_version: str) -> datetime:
        """Puts on record that they acknowledged it; when. Safe to repeat."""


class NoNotices:
    """A deployment without an audit: nothing is due, nothing is kept."""

    def audited(self, who: Principal) -> tuple[Audited, ...]:
        return ()

    def readers(self) -> tuple[tuple[str, str], ...]:
        return ()

    def readings(self, person: str) -> tuple[Reading, ...]:
        return ()

    def due(self, who: Principal) -> tuple[Notice, ...]:
        return ()

    def find(self, notice_version: str) -> Notice | None:
        return None

    def told(self, person: str, notice_version: str) -> Told | None:
        return None

    def disclose(self, person: str, given: Notice) -> str:
        raise AssertionError("there is no notice to disclose")

    def acknowledge(self, person: str, notice_version: str) -> datetime:
        raise AssertionError("there is no notice to acknowledge")


class LoggedNotices:
    """The notices of a node's audit log. `rules` gives those in force now; `clock` the wall clock, UTC."""

    def __init__(
        self,
        log: Log,
        holders: Holders,
        rules: Callable[[], Sequence[Audit]],
        zone: tzinfo,
        contact: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log, self._holders, self._rules = log, holders, rules
        self._zone, self._contact, self._clock = zone, contact, clock

    def audited(self, who: Principal) -> tuple[Audited, ...]:
        return tuple(
            Audited(rule, self._notice(rule), self.told(who.name, version(rule)))
            for rule in self._in_force()
            if concerns(rule.match, who)
        )

    def readers(self) -> tuple[tuple[str, str], ...]:
        return tuple((each.name, each.role) for each in self._holders.holders)

    def readings(self, person: str) -> tuple[Reading, ...]:
        return readings_of(self._log.store, person)

    def due(self, who: Principal) -> tuple[Notice, ...]:
        return tuple(each.notice for each in self.audited(who) if not each.active)

    def find(self, notice_version: str) -> Notice | None:
        found = (rule for rule in self._in_force() if version(rule) == notice_version)
        return next((self._notice(rule) for rule in found), None)

    def told(self, person: str, notice_version: str) -> Told | None:
        return told(self._log.store, person, notice_version)

    def disclose(self, person: str, given: Notice) -> str:
        with self._log.store.snapshot() as snapshot:
            before = list(snapshot.records("disclosure", person=person, notice=given.version))
        if before and before[-1]["text"] == given.text:
            return str(before[-1]["id"])
        return disclose(self._log, person, given, CHANNEL, person, self._clock()).id

    def acknowledge(self, person: str, notice_version: str) -> datetime:
        acknowledge(self._log, person, notice_version, CHANNEL, person, self._clock())
        said = self.told(person, notice_version)
        assert said and said.acknowledged_at
        return said.acknowledged_at

    def _notice(self, rule: Audit) -> Notice:
        return notice(rule, self._holders, self._contact)

    def _in_force(self) -> list[Audit]:
        now = self._clock()
        return [rule for rule in self._rules() if rule.in_force(now, self._zone)]
