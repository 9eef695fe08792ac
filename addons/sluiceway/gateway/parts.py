"""What the gateway works with, put together once by `app` and partly replaced by a reload."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sluiceway.audit.gate import Gate
from sluiceway.audit.keyring import NO_KEYS, KeyRing
from sluiceway.gateway.metrics import Metrics
from sluiceway.gateway.upstream import Upstream
from sluiceway.guard.detection import Detection
from sluiceway.policy import Policy, caps
from sluiceway.pricing.book import PriceBook
from sluiceway.pricing.estimate import Learned, PreviousInput
from sluiceway.store import Store
from sluiceway.types import Cap, LedgerRow, Principal, Provider, Route, Target, TokenPrice
from sluiceway.wire import Dialect, SocketDialect, by_name, socket_by_name

logger = logging.getLogger(__name__)

FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Rules:
    """What people edit: replaced whole, so that one request never sees half of a reload. `roads` remembers
    who takes which requests, by the provider asked, the route and the path there, `tariff` where prices of
    this minute come from (`outlook.py`)."""

    policy: Policy
    prices: PriceBook
    providers: Mapping[str, Provider] = field(default_factory=dict)
    keys: KeyRing = NO_KEYS
    audit: Gate | None = None
    roads: dict[tuple[str, Route, str], Mapping[str, frozenset[str]]] = field(default_factory=dict)
    tariff: tuple[int, Callable[[Target], TokenPrice | None]] | None = None


class Conversations:
    """The last reported input of recent conversations: the best predictor of the next one's."""

    KEPT = 20_000

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], PreviousInput] = OrderedDict()

    def last(self, conversation: tuple[str, str] | None) -> PreviousInput | None:
        return self._last.get(conversation) if conversation else None

    def remember(self, conversation: tuple[str, str], previous: PreviousInput) -> None:
        self._last[conversation] = previous
        self._last.move_to_end(conversation)
        if len(self._last) > self.KEPT:
            self._last.popitem(last=False)


class Caps:
    """The caps of each person, worked out once and good until the first of their windows ends."""

    KEPT = 20_000

    def __init__(self, time_zone: ZoneInfo) -> None:
        self._time_zone = time_zone
        self._known: dict[Principal, tuple[Policy, datetime, datetime, tuple[Cap, ...]]] = {}

    def of(self, policy: Policy, who: Principal, at: datetime) -> tuple[Cap, ...]:
        """As `policy.caps`."""
        known = self._known.get(who)
        if known is not None and known[0] is policy and known[1] <= at < known[2]:
            return known[3]
        found = caps(policy, who, at, self._time_zone)
        begins = max((cap.starts_at for cap in found), default=at)
        ends = min((cap.ends_at for cap in found if cap.ends_at), default=FAR)
        if len(self._known) >= self.KEPT:
            self._known.clear()
        self._known[who] = (policy, begins, ends, found)
        return found


def _detection() -> Detection:
    return Detection(secrets.token_bytes(32))


@dataclass(slots=True)
class GatewayParts:
    """`wait_s`: how long a request may wait for money that others have only reserved; `idle_s`: the longest
    silence inside an answer, or of a client in the middle of its request; `meters_sockets`: WebSockets that
    providers.yaml lists are carried, else every upgrade is answered 426;
    `tells_tasks`: every request's task is told and kept, also where no route looks at it."""

    rules: Rules
    store: Store
    upstream: Upstream
    time_zone: ZoneInfo
    contact: str
    key: bytes
    body_bytes: int
    idle_s: float
    wait_s: float
    header_bytes: int = 65_536
    deferred_for: timedelta = timedelta(hours=24)
    batches_deferred_for: timedelta = timedelta(hours=72)
    dialect_of: Callable[[str], Dialect] = by_name
    socket_of: Callable[[str], SocketDialect] = socket_by_name
    meters_sockets: bool = True
    tells_tasks: bool = False
    learned: Learned = field(default_factory=Learned)
    conversations: Conversations = field(default_factory=Conversations)
    detection: Detection = field(default_factory=_detection)
    draining: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    caps: Caps = field(init=False)
    collecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _recording: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.caps = Caps(self.time_zone)

    def record_soon(self, row: LedgerRow) -> None:
        """Writes a row that holds no reservation, without making anyone wait for the disk."""
        self.do_soon(self.store.ledger.record(row))

    def do_soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Writes to the ledger beside whatever goes on."""
        task = asyncio.get_running_loop().create_task(work)
        self._recording.add(task)
        task.add_done_callback(self._recorded)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._recording.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a ledger row could not be written: %s", type(error).__name__)
