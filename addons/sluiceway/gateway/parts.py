"""What the gateway works with, put together once by `app` and partly replaced by a reload."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sluiceway.gateway.upstream import Upstream
from sluiceway.policy import Policy
from sluiceway.pricing.book import PriceBook
from sluiceway.pricing.estimate import Learned, PreviousInput
from sluiceway.store import Store
from sluiceway.types import LedgerRow
from sluiceway.wire import Dialect, by_name

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Rules:
    """What people edit: replaced whole, so that one request never sees half of a reload."""

    policy: Policy
    prices: PriceBook


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


@dataclass(slots=True)
class GatewayParts:
    """`wait_s`: how long a request may wait for money that others have only reserved; `idle_s`: the longest
    silence inside an answer, or of a client in the middle of its request."""

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
    dialect_of: Callable[[str], Dialect] = by_name
    learned: Learned = field(default_factory=Learned)
    conversations: Conversations = field(default_factory=Conversations)
    draining: bool = False
    _recording: set[asyncio.Task[None]] = field(default_factory=set)

    def record_soon(self, row: LedgerRow) -> None:
        """Writes a row that holds no reservation, without making anyone wait for the disk."""
        task = asyncio.get_running_loop().create_task(self.store.ledger.record(row))
        self._recording.add(task)
        task.add_done_callback(self._recorded)

    def _recorded(self, task: asyncio.Task[None]) -> None:
        self._recording.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a ledger row could not be written: %s", type(error).__name__)
