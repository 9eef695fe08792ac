"""The proxy's side of the audit: takes what ended, never waits, never keeps text anywhere but in memory.

A request is announced on disk before it is sent (`begin`), without its text, and becomes an entry when it has
ended (`record`). If the process dies in between, or the queue is full, the entry says `content_lost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sluiceway.audit.daykeys import DayKeys
from sluiceway.audit.holders import Holders
from sluiceway.audit.log import Log
from sluiceway.audit.notice import Told, told
from sluiceway.audit.parts import Part
from sluiceway.audit.pipeline import Item, Made, Pipeline, Redact, Residue
from sluiceway.audit.shred import shred_expired
from sluiceway.audit.subject import End, Subject
from sluiceway.errors import StoreError
from sluiceway.store.audit import AuditRefused

logger = logging.getLogger("sluiceway.audit")


@dataclass(frozen=True, slots=True)
class Bounds:
    """`items` and `bytes` are what may wait in memory; `gather_s` how long a change waits for company: each
    change costs one signed checkpoint."""

    items: int = 1000
    bytes: int = 128 * 1024 * 1024
    gather_s: float = 1.0
    batch: int = 64
    retry_s: float = 1.0
    tidy_s: float = 30.0


class Recorder:
    """One for each serving process. `record` may be called from the event loop; it only queues."""

    def __init__(
        self,
        log: Log,
        holders: Holders,
        boot: str,
        redact: Redact,
        residue: Residue,
        clock: Callable[[], datetime],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._log, self._boot, self._clock, self._bounds = log, boot, clock, bounds
        self._keys = DayKeys(holders, log.node.name, boot)
        self._pipeline = Pipeline(self._keys, redact, residue, self._known_sets())
        self._told: dict[tuple[str, str], Told] = {}
        self._queue: deque[Item] = deque(self._left_over())
        self._queued_bytes = self._held_bytes = 0
        self._busy = 0
        self._hurry = self._closing = False
        self._holders_next: Holders | None = None
        self._forget: set[str | None] = set()
        self._expired_on: date | None = None
        self._counts: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="sluiceway-audit", daemon=True)
        self._thread.start()

    @property
    def can_open(self) -> bool:
        """Whether there are two people who could open what would be sealed."""
        return (self._holders_next or self._keys.holders).can_open

    def remembered(self, person: str, notice: str) -> Told | None:
        """As `told`, without the disk: None where it has to be looked up."""
        return self._told.get((person, notice))

    def told(self, person: str, notice: str) -> Told | None:
        """What a person has acknowledged. An acknowledgement is for good, so it is looked up once."""
        found = self.remembered(person, notice) or told(self._log.store, person, notice)
        if found is not None and found.acknowledged_at is not None:
            self._told[person, notice] = found
        return found

    async def begin(self, subject: Subject) -> None:
        """Before a byte is sent: leaves the trace that a crash would otherwise erase. Raises StoreError."""
        await asyncio.to_thread(self._log.store.pend, subject.id, self._boot, subject.to_json())

    async def abandon(self, subject: Subject) -> None:
        """The request was not sent after all."""
        await asyncio.to_thread(self._log.store.unpend, subject.id)

    def hold(self, size_bytes: int) -> bool:
        """Whether there is room for the text of a request that is still running; `release` gives it back."""
        with self._changed:
            room = self._held_bytes + self._queued_bytes + size_bytes <= self._bounds.bytes
            self._held_bytes += size_bytes if room else 0
            return room

    def release(self, size_bytes: int) -> None:
        """The request has ended: its text is queued, or let go."""
        with self._changed:
            self._held_bytes -= size_bytes

    def record(
        self, subject: Subject, end: End, request: Sequence[Part] = (), response: Part | None = None
    ) -> None:
        """Queues an ended request. Too much at once: its text is let go and the entry says so."""
        item = Item(subject, end, tuple(request), response)
        if subject.mode == "metadata":
            item = item.without_content()
        with self._changed:
            full = len(self._queue) >= self._bounds.items
            if full or self._queued_bytes + item.size_bytes > self._bounds.bytes:
                item = item.without_content()
            self._queue.append(item)
            self._queued_bytes += item.size_bytes
            self._changed.notify_all()

    def lose(self, subject: Subject, end: End) -> None:
        """Records a request whose text the caller could not collect."""
        with self._changed:
            self._queue.append(Item(subject, end, lost=True))
            self._changed.notify_all()

    def use(self, holders: Holders) -> None:
        """Seals for these people from the next request on."""
        with self._changed:
            self._holders_next = holders

    def forget(self, person: str | None) -> None:
        """A shred covers this person's key of today, or everybody's: do not seal under it any more."""
        with self._changed:
            self._forget.add(person)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until everything queued is on disk; whether it is."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not (self._queue or self._busy), timeout_s)
            self._hurry = False
        return done

    def close(self, timeout_s: float = 30.0) -> None:
        """Writes what is queued. What cannot be written in time is `content_lost` at the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def status(self) -> dict[str, int]:
        """For metrics: what waits, what became of what was recorded, checkpoints not yet shipped."""
        with self._changed:
            held_bytes = self._queued_bytes + self._held_bytes
            waiting = {"queued": len(self._queue) + self._busy, "held_bytes": held_bytes}
            return waiting | dict(self._counts) | {"unshipped": self._log.unshipped}

    def _known_sets(self) -> set[str]:
        with self._log.store.snapshot() as snapshot:
            return {str(each["id"]) for each in snapshot.records("holders")}

    def _left_over(self) -> list[Item]:
        """Requests that another boot had under way: their text was in its memory."""
        with self._log.store.snapshot() as snapshot:
            alive = {self._boot, *snapshot.alive()}
            rows = [str(each["record"]) for each in snapshot.pending() if each["boot"] not in alive]
        return [Item(Subject.from_json(text), End(), lost=True) for text in rows]

    def _work(self) -> None:
        batch: list[Item] | None = []
        while batch is not None:
            try:
                self._tidy()
            except Exception as error:  # it is tried again; what was asked meanwhile is no less due for it
                logger.error("the audit could not tidy up: %s", type(error).__name__)
            try:
                self._write(batch)
            except Exception as error:
                logger.error("the audit could not write: %s", type(error).__name__)
                self._counts["failed"] += len(batch)
            finally:
                self._done(batch)
            batch = self._take()

    def _take(self) -> list[Item] | None:
        """The next requests, an empty list when it is time to tidy, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing, self._bounds.tidy_s)
            if self._queue:
                self._changed.wait_for(self._enough, self._bounds.gather_s)
            elif self._closing:
                return None
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._bounds.batch))]
            self._busy = len(batch)
        return batch

    def _enough(self) -> bool:
        return self._hurry or self._closing or len(self._queue) >= self._bounds.batch

    def _done(self, batch: list[Item]) -> None:
        with self._changed:
            self._busy = 0
            self._queued_bytes -= sum(item.size_bytes for item in batch)
            self._changed.notify_all()

    def _tidy(self) -> None:
        """Lets go of keys that are not to be used any more and, once a day, of what has expired."""
        with self._changed:
            holders, self._holders_next = self._holders_next, None
            forget, self._forget = self._forget, set()
        if holders is not None:
            self._keys.use(holders)
        for person in forget:
            self._keys.drop(person)
        now = self._clock()
        self._keys.end_day(now)
        if now.date() != self._expired_on:
            shred_expired(self._log, now, "serve")
            self._expired_on = now.date()

    def _write(self, batch: list[Item]) -> None:
        """All in one change; one by one where the database refuses; again and again while it is away.

        One by one, with new keys: the old ones may have been shredded. What is refused by itself is not kept.
        """
        left, apart = deque(batch), False
        while left:
            some = [left[0]] if apart else list(left)
            try:
                self._append(some)
            except AuditRefused as error:
                self._undo()
                if not apart:
                    apart = True
                    continue
                self._refuse(some[0], error)
            except StoreError:
                self._undo()
                if not self._wait():
                    raise
                continue
            for _ in some:
                left.popleft()

    def _refuse(self, item: Item, error: AuditRefused) -> None:
        logger.error("an audit entry was refused by the database: %s", error)
        self._counts["refused"] += 1
        with contextlib.suppress(StoreError):  # its trace stays: the next start says that the text is lost
            self._log.store.unpend(item.subject.id)

    def _append(self, batch: list[Item]) -> None:
        now = self._clock()
        made: list[Made] = [self._pipeline.make(item, now) for item in batch]
        self._log.append(
            [record for each in made for record in each.records],
            [row for each in made for row in each.erasable],
            [item.subject.id for item in batch],
        )
        with self._changed:
            self._counts.update(str(each.content) for each in made)

    def _undo(self) -> None:
        self._pipeline.undo(self._known_sets())

    def _wait(self) -> bool:
        """Before another try; False when there will be none."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing, self._bounds.retry_s)
