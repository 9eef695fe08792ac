"""What the gateway works with, put together once by `app` and partly replaced by a reload."""

from __future__ import annotations

import asyncio
import logging
import secrets
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sluiceway.audit.gate import Gate
from sluiceway.audit.keyring import NO_KEYS, KeyRing
from sluiceway.gateway.breaker import Breakers
from sluiceway.gateway.copies import Copies
from sluiceway.gateway.health import HealthBook
from sluiceway.gateway.loops import LoopWatch
from sluiceway.gateway.metrics import Metrics
from sluiceway.gateway.minting import Google
from sluiceway.gateway.pools import KeyLimits
from sluiceway.gateway.tokens import Tokens
from sluiceway.gateway.upstream import Upstream
from sluiceway.guard.detection import Detection
from sluiceway.policy import Policy, caps, changes
from sluiceway.policy.windows import ROLLING, grain, parse_length
from sluiceway.pricing.book import PriceBook
from sluiceway.pricing.estimate import Learned, PreviousInput
from sluiceway.settings.config import Upstream as UpstreamBounds
from sluiceway.store import Store
from sluiceway.store.alerts import Alert
from sluiceway.types import Cap, LedgerRow, Provider, Raise, Route, Spender, Target, TokenPrice
from sluiceway.wire import Dialect, SocketDialect, by_name, socket_by_name

logger = logging.getLogger(__name__)

FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Rules:
    """What people edit: replaced whole, so that one request never sees half of a reload. `roads` remembers
    who takes which requests, by the provider asked, the route and the path there, `tariff` where prices of
    this half hour come from (`outlook.py`)."""

    policy: Policy
    prices: PriceBook
    providers: Mapping[str, Provider] = field(default_factory=dict)
    keys: KeyRing = NO_KEYS
    audit: Gate | None = None
    raises: tuple[Raise, ...] = ()
    roads: dict[tuple[str, Route, str], Mapping[str, frozenset[str]]] = field(default_factory=dict)
    tariff: tuple[int, Callable[[Target], TokenPrice | None]] | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """Where a conversation was served last, and how much of its input the provider's prompt cache holds until
    `warm_until_s` (monotonic)."""

    target: Target
    cached_tokens: int
    warm_until_s: float


class Conversations:
    """The last reported input of recent conversations, the best predictor of the next, and where they
    were."""

    KEPT = 20_000

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], PreviousInput] = OrderedDict()
        self._stays: OrderedDict[tuple[tuple[str, str], Target], Stay] = OrderedDict()

    def stay(self, conversation: tuple[str, str] | None, asked: Target, now_s: float) -> Stay | None:
        """Where it was served last, when `asked` was asked for: an agent's small and large model are not at
        one place. What has cooled down counts as not cached."""
        found = self._stays.get((conversation, asked)) if conversation else None
        return replace(found, cached_tokens=0) if found and found.warm_until_s <= now_s else found

    def served(self, conversation: tuple[str, str], asked: Target, stay: Stay) -> None:
        self._stays[conversation, asked] = stay
        self._stays.move_to_end((conversation, asked))
        if len(self._stays) > self.KEPT:
            self._stays.popitem(last=False)

    def last(self, conversation: tuple[str, str] | None) -> PreviousInput | None:
        return self._last.get(conversation) if conversation else None

    def remember(self, conversation: tuple[str, str], previous: PreviousInput) -> None:
        self._last[conversation] = previous
        self._last.move_to_end(conversation)
        if len(self._last) > self.KEPT:
            self._last.popitem(last=False)


class Caps:
    """The caps of each person, worked out once and good until the first of their windows ends, or a budget or
    a raise begins or ends. Of what else a request says, only what some budget is kept by tells them apart."""

    KEPT = 20_000

    def __init__(self, time_zone: ZoneInfo) -> None:
        self._time_zone = time_zone
        self._known: dict[object, tuple[datetime, datetime, tuple[Cap, ...]]] = {}
        self._rules: tuple[Policy | None, tuple[Raise, ...]] = (None, ())
        self._fields: tuple[str, ...] = ()
        self._changes: list[datetime] = []

    def of(self, rules: Rules, spender: Spender, at: datetime) -> tuple[Cap, ...]:
        """As `policy.caps`."""
        if self._rules[0] is not rules.policy or self._rules[1] is not rules.raises:
            self._follow(rules)
        who: object = spender.principal
        if self._fields:
            who = (who, *[getattr(spender, name) for name in self._fields])
        known = self._known.get(who)
        if known is not None and known[0] <= at < known[1]:
            return known[2]
        found = caps(rules.policy, spender, at, self._time_zone, rules.raises)
        if len(self._known) >= self.KEPT:
            self._known.clear()
        self._known[who] = (*self._valid(found, at), found)
        return found

    def _follow(self, rules: Rules) -> None:
        self._rules, self._fields = (rules.policy, rules.raises), rules.policy.spender_fields
        self._changes = changes(rules.policy, self._time_zone, rules.raises)
        self._known.clear()

    def _valid(self, found: tuple[Cap, ...], at: datetime) -> tuple[datetime, datetime]:
        """From when up to when these are the caps. A rolling window is another one after each step."""
        next_change = bisect_right(self._changes, at)
        begins = [*self._changes[max(0, next_change - 1) : next_change], *map(_stays_from, found)]
        ends = [*self._changes[next_change : next_change + 1], *(cap.ends_at for cap in found if cap.ends_at)]
        return max(begins, default=at), min(ends, default=FAR)


def _stays_from(cap: Cap) -> datetime:
    """Since when it is this very cap."""
    if cap.kind != "rolling" or cap.ends_at is None:
        return cap.starts_at
    return cap.ends_at - grain(parse_length(cap.window.removeprefix(ROLLING)))


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
    bounds: UpstreamBounds = field(default_factory=UpstreamBounds)
    breakers: Breakers = field(default_factory=Breakers)
    key_limits: KeyLimits = field(default_factory=KeyLimits)
    health: HealthBook = field(init=False)
    copies: Copies = field(init=False)
    tokens: Tokens = field(init=False)
    tell: Callable[[Alert], None] = lambda alert: None  # hands an alert on, without waiting
    exhausted: Callable[[Cap], None] = lambda cap: None  # the same, of a cap that has too little left
    caps: Caps = field(init=False)
    loops: LoopWatch = field(init=False)
    collecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _recording: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.caps = Caps(self.time_zone)
        self.health = HealthBook(self.breakers)
        self.copies = Copies(self.bounds.mirrors)
        self.tokens = Tokens(Google(self.upstream).mint)
        self.loops = LoopWatch(self.key)

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
