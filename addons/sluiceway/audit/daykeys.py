"""The data keys in use: one for a person, a day and how long it is kept, in memory and nowhere else.

At the end of the day (UTC), with the process, and whenever something went wrong, they are dropped; from then
on only two holders together can open what was sealed. Python cannot promise to overwrite memory: until it is
used again, a dropped key may linger there, for the process itself or for root to find.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256

from sluiceway.audit.holders import Holders
from sluiceway.audit.records import DataKey, HolderSet, Record, listed
from sluiceway.audit.sealing import Sealer
from sluiceway.audit.wrap import Lock, wrap
from sluiceway.store.audit import Row
from sluiceway.store.moments import to_us


@dataclass(slots=True)
class DayKey:
    """A data key at work. `known` are the addresses that are on disk, `withheld` those that must never be.

    `stored`: the data key's own record is on disk, or in the change that is being made.
    """

    id: str
    person: str
    day: str
    expires_at: datetime
    sealer: Sealer = field(repr=False)
    address_key: bytes = field(repr=False)
    known: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)
    stored: bool = False


class DayKeys:
    """All data keys of this process boot."""

    def __init__(self, holders: Holders, node: str, boot: str) -> None:
        self._holders, self._node, self._boot = holders, node, boot
        self._keys: dict[tuple[str, int], DayKey] = {}

    @property
    def holders(self) -> Holders:
        return self._holders

    def use(self, holders: Holders) -> None:
        """From now on seal for these people; what was sealed before stays with those before."""
        if holders.id != self._holders.id:
            self.drop()
        self._holders = holders

    def drop(self, person: str | None = None) -> None:
        """Forgets the keys of one person or of all."""
        self._keys = {at: key for at, key in self._keys.items() if person not in (None, at[0])}

    def end_day(self, now: datetime) -> None:
        """Forgets the keys of days that are over."""
        today = _day(now)
        self._keys = {at: key for at, key in self._keys.items() if key.day == today}

    def key(self, person: str, keep_days: int, now: datetime) -> DayKey:
        """The person's key of today, new if need be."""
        self.end_day(now)
        found = self._keys.get((person, keep_days))
        if found is None:
            midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC) + timedelta(days=1)
            expires = midnight + timedelta(days=keep_days)
            found = DayKey(
                secrets.token_hex(16), person, _day(now), expires, Sealer(os.urandom(32)), os.urandom(32)
            )
            self._keys[person, keep_days] = found
        return found

    def records(self, key: DayKey, now: datetime) -> tuple[list[Record], list[tuple[str, Row]]]:
        """The fact that this key exists, and the key itself, wrapped for every pair of holders."""
        wraps: list[Row] = []
        for approver, reader in self._holders.pairs:
            lock = Lock(key.id, key.person, approver.key.id, reader.key.id)
            wrapped = wrap(key.sealer.secret, lock, approver.key, reader.key)
            wraps.append(
                {"data_key": key.id, "approver": lock.approver, "reader": lock.reader, "wrap": wrapped}
            )
        hashes = sorted([str(w["approver"]), str(w["reader"]), _hash(w["wrap"])] for w in wraps)
        record = DataKey(
            id=key.id,
            at=to_us(now),
            person=key.person,
            day=key.day,
            node=self._node,
            boot=self._boot,
            expires_at=to_us(key.expires_at),
            holders=self._holders.id,
            wraps=listed(list(hashes)),
        )
        return [record], [("wraps", each) for each in wraps]

    def holder_set(self, now: datetime) -> HolderSet:
        """The fact that these people can open from now on."""
        return HolderSet(self._holders.id, to_us(now), self._holders.text)


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def _hash(value: object) -> str:
    assert isinstance(value, bytes)
    return sha256(value).hexdigest()
