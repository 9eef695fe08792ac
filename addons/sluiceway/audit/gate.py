"""What is asked about each request while audit rules are in force: which rule, which notice, who was told.

One value for each policy, with the holders and notices that go with it, so that a reload replaces them whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from sluiceway.audit.holders import Holders
from sluiceway.audit.log import Log
from sluiceway.audit.notice import Notice, Told, disclose_once, notice
from sluiceway.audit.permit import Permit, applicable, permit
from sluiceway.audit.recorder import Recorder
from sluiceway.policy.kinds.audit import Audit
from sluiceway.types import Call, Facts, KeyClass, Principal


def now() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Gate:
    """The audit rules in force, and where what they keep goes. Notices are acknowledged at `portal_url`."""

    rules: tuple[Audit, ...]
    holders: Holders
    recorder: Recorder
    log: Log
    zone: tzinfo
    portal_url: str
    contact: str
    clock: Callable[[], datetime] = now
    notices: dict[str, Notice] = field(init=False)

    def __post_init__(self) -> None:
        given = {rule.name: notice(rule, self.holders, self.contact) for rule in self.rules}
        object.__setattr__(self, "notices", given)

    def rule_for(self, who: Principal, call: Call, facts: Facts, at: datetime) -> Audit | None:
        """The rule this request falls under, which may have ended."""
        return applicable(self.rules, who, call, facts, at, self.zone)

    async def permit(
        self, rule: Audit, who: Principal, key_class: KeyClass, at: datetime
    ) -> tuple[Permit, Told | None]:
        """Whether a request that began `at` is kept, and what the person was told. Raises StoreError."""
        told = await self._told(who.name, self.notices[rule.name].version)
        disclosed_at, acknowledged_at = (told.disclosed_at, told.acknowledged_at) if told else (None, None)
        can_open = self.holders.can_open
        return permit(rule, at, self.zone, key_class, disclosed_at, acknowledged_at, can_open), told

    async def show(self, person: str, given: Notice, channel: str) -> None:
        """Puts on record, before they see it, that a person is shown a notice. Raises StoreError."""
        await asyncio.to_thread(disclose_once, self.log, person, given, channel, self.clock())

    async def _told(self, person: str, version: str) -> Told | None:
        found = self.recorder.remembered(person, version)
        return found or await asyncio.to_thread(self.recorder.told, person, version)
