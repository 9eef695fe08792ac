"""The task that looks at budgets every few seconds, takes up raises and delivers what is due. No request
waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import tzinfo

from sluiceway.app.alerts.noticing import noticed, wants_any
from sluiceway.app.alerts.sending import Undelivered, send
from sluiceway.app.alerts.wording import fields, subject
from sluiceway.app.standings import View
from sluiceway.errors import StoreError
from sluiceway.policy import Policy
from sluiceway.settings.alerts import Channel
from sluiceway.store import Store
from sluiceway.store.alerts import Alert, Due
from sluiceway.types import Cap, Raise

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
MOST_ROUNDS = 10
MOST_WAITING = 1000  # told by requests and not yet written; more are dropped, and counted in the log


class AlertWatch:
    """One task from `start` to `stop`. `policy` is asked each time; `raised` is told when raises change."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        zone: tzinfo,
        policy: Callable[[], Policy],
        raised: Callable[[tuple[Raise, ...]], None],
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._store, self._channels, self._zone = store, channels, zone
        self._policy, self._raised, self._every_s = policy, raised, every_s
        self._told: list[Alert] = []
        self._exhausted: set[str] = set()
        self._dropped = 0
        self._raises: tuple[Raise, ...] = ()
        self._stopping = threading.Event()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """What is being delivered is finished; the rest is due for whoever looks next."""
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def tell(self, alert: Alert) -> None:
        """Takes an alert from the event loop, without waiting."""
        if len(self._told) >= MOST_WAITING:
            self._dropped += 1
            return
        self._told.append(alert)
        self._wake.set()

    def exhausted(self, cap: Cap) -> None:
        """Takes from the event loop that a cap has too little left for a request, though not nothing."""
        if len(self._exhausted) < MOST_WAITING:
            self._exhausted.add(cap.counter)
            self._wake.set()

    def know(self, raises: tuple[Raise, ...]) -> None:
        """The raises that are in force, as read at start or after a change by this process."""
        self._raises = raises

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except StoreError as error:
                logger.error("alerts wait for the store: %s", error)
            except Exception as error:
                logger.error("the look at the budgets failed: %s", type(error).__name__)
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def look(self) -> None:
        """One round."""
        told, self._told = self._told, []
        exhausted, self._exhausted = self._exhausted, set()
        if self._dropped:
            logger.error("%d alerts were dropped, since too many came at once", self._dropped)
            self._dropped = 0
        try:
            raises = await asyncio.to_thread(self._round, told, exhausted)
        except StoreError:
            self._told = [*told, *self._told][:MOST_WAITING]
            self._exhausted |= exhausted
            raise
        if raises != self._raises:
            self._raises = raises
            self._raised(raises)

    def _round(self, told: Sequence[Alert], exhausted: set[str]) -> tuple[Raise, ...]:
        raises = tuple(each.what for each in self._store.raises.in_force())
        found, policy = list(told), self._policy()
        if wants_any(policy):
            view = View.of(policy, self._store, self._zone)
            teams = {each.principal.name: each.principal.team for each in self._store.people.list()}
            found += noticed(view.used(self._store, lasting=True), view, teams, exhausted)
        if found:
            self._store.alerts.add(found)
        for _ in range(MOST_ROUNDS):
            taken = self._store.alerts.take()
            for due in taken:
                if self._stopping.is_set():  # it becomes due again
                    return raises
                self._deliver(due)
            if not taken:
                break
        return raises

    def _deliver(self, due: Due) -> None:
        delivered, failed = list(due.delivered), False
        for number, channel in enumerate(self._channels):
            name = f"{number} {channel.channel}"
            if name in delivered:
                continue
            try:
                send(channel, subject(due), fields(due, channel.names, self._zone))
                delivered.append(name)
            except Undelivered as error:
                failed = True
                logger.warning("an alert was not delivered by %s: %s", channel.channel, error)
        if not self._store.alerts.done(due, delivered, failed):
            logger.error("an alert (%s) is given up after %d tries", due.alert.kind, due.tries + 1)
