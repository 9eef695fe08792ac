"""The records all rooms share: who calls, what is asked, what it used, what it cost, what was decided.

Units are in the names: `_tokens`, `_usd` (Decimal), `_nusd` (integer nano-dollars, 1e-9 USD),
`_ms`, `_s`, `_bytes`; `_at` is an aware UTC datetime. Unknown is None, never zero.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

NANO = Decimal("0.000000001")
NO_UNITS: Mapping[str, int] = MappingProxyType({})
NO_NAMES: Mapping[str, str] = MappingProxyType({})

# What a budget may limit: money, requests, tokens (input and output), or requests open at the same time.
type Unit = Literal["usd", "requests", "tokens", "concurrent"]

# By what a client was told to be somebody: proxy credentials, a port of their own, or a leased address.
type IdentityPath = Literal["token", "port", "lease"]


def to_nusd(usd: Decimal) -> int:
    """USD to integer nano-dollars, rounded half to even: the one place money is rounded."""
    return int((usd / NANO).to_integral_value(rounding=ROUND_HALF_EVEN))


def to_usd(nusd: int) -> Decimal:
    """Integer nano-dollars to exact USD, without an exponent in its text."""
    return Decimal(nusd).scaleb(-9)


class KeyClass(StrEnum):
    """Whose provider credential a request carries; decides what may be done to it."""

    COMPANY = "company"
    PERSONAL = "personal"
    SUBSCRIPTION = "subscription"
    UNKNOWN = "unknown"


class UsageSource(StrEnum):
    """Where token counts come from: the provider, a cut stream, our estimate, or nowhere."""

    REPORTED = "reported"
    PARTIAL = "partial"
    ESTIMATED = "estimated"
    NONE = "none"


class CostBasis(StrEnum):
    """Which price a cost rests on. NOTIONAL: a subscription's tokens at list price."""

    LIST = "list"
    CONTRACT = "contract"
    NOTIONAL = "notional"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How an attempt ended, from the employee's side. OPEN until it is settled."""

    OPEN = "open"
    OK = "ok"
    REFUSED = "refused"
    UPSTREAM_ERROR = "upstream_error"
    CLIENT_CANCELLED = "client_cancelled"
    TRUNCATED = "truncated"
    CAPPED = "capped"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Principal:
    """An employee or a service that may use the proxy."""

    id: int
    name: str
    kind: Literal["employee", "service"]
    team: str
    project: str | None = None
    cost_center: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a provider: which dialect reads it, or None when it passes unmetered.

    `pattern` is a path where `{name}` stands for one segment (no slash) and a final `*` for any rest.
    `collects`: its answers may say what an earlier request used, in this form (wire/later.py). `own_key`:
    what it shows belongs to whoever holds the key, so the company's is not lent for it.
    """

    method: str
    pattern: str
    dialect: str | None
    operation: str
    collects: str | None = None
    own_key: bool = False


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a provider differs from the API it speaks; what is said here its entry in providers.yaml cites.

    `stream_usage`: whether a stream tells its usage when asked (`stream_options.include_usage`), unasked
    ("always"), or not at all.
    `cost`: whose figure a cost is: the list's, or the answer's own where it reports one.
    `renames`, `refuses`, `takes`: body fields that have another name here, that are not taken, and where it
    is not empty, the only ones that are.
    """

    stream_usage: Literal["asked", "always", "never"] = "asked"
    cost: Literal["listed", "reported"] = "listed"
    renames: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    refuses: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of rules/providers.yaml. `hosts` are normalised names, compared whole, or `*.` and a name:
    all names one label below it. `sockets` are the WebSockets that are metered, turn by turn. `home` is the
    host for requests that a route sends here, `fills` what stands for `{name}` in their path."""

    name: str
    hosts: tuple[str, ...]
    routes: tuple[Route, ...]
    price_id: str
    dialect: str
    unlisted: Literal["refuse", "pass"] = "refuse"
    credential_headers: tuple[str, ...] = ("authorization",)
    grpc: Literal["refuse", "pass"] = "refuse"  # what happens to clients that speak HTTP/2 alone
    quirks: Quirks = Quirks()
    seats: bool = True  # a login is a seat, paid for already; False: a cloud, which bills logins by use
    sockets: tuple[Route, ...] = ()
    home: str | None = None
    fills: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)

    @property
    def own_host(self) -> str | None:
        """Where requests go that a route sends here; None where each customer has a host of their own."""
        return self.home or next((host for host in self.hosts if not host.startswith("*")), None)


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks for, as far as metering, policy and budgets care. Holds no text.

    `input_bytes` counts the UTF-8 bytes of everything billed as input (system, messages, tools);
    `dense_bytes` is the part of it outside plain ASCII prose (CJK, hex, base64), which tokenises worse.
    `has_images`, `has_thinking`, `wants_json`: what a model must be able to do to answer it (documents with
    pictures count as images; `wants_json` is a schema or JSON mode).
    `cache_writes`: the longest prompt-cache lifetime the request asks to write (Anthropic `cache_control`).
    `background`: the answer, and what it cost, would come with a later request.
    `vendor`: whose kind of body it is, where one API carries several vendors' own (Bedrock's InvokeModel).
    `held_input`: the provider adds input of its own keeping: earlier turns, a stored prompt.
    `file_id`: the file in which a batch's requests stand. Of a file that holds none, `choices` is 0.
    `usage_added`: we asked the provider for usage on the client's behalf and must hide the answer's extra.
    `units`: what it asks for that is billed by the piece (images, seconds, characters), as in
    `Usage.tool_units`.
    `region`: where it asks to be answered, where a request says so (Anthropic's `inference_geo`).
    `fixed_output`: nothing in the request limits what is generated (an image, a recording, a transcript), so
    `max_output_tokens` is a bound of ours, which is reserved whole and never lowered.
    """

    dialect: str
    operation: str
    model: str | None
    stream: bool = False
    max_output_tokens: int | None = None
    choices: int = 1
    has_tools: bool = False
    has_images: bool = False
    has_thinking: bool = False
    wants_json: bool = False
    service_tier: str | None = None
    conversation_id: str | None = None
    previous_response_id: str | None = None
    cache_writes: Literal["5m", "1h"] | None = None
    input_bytes: int = 0
    dense_bytes: int = 0
    usage_added: bool = False
    background: bool = False
    units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    fixed_output: bool = False
    vendor: str | None = None
    held_input: bool = False
    file_id: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer. `input_tokens` includes cache reads and writes,
    `cache_write_tokens` includes the one-hour part, `output_tokens` includes reasoning,
    `audio_cache_read_tokens` (no column of the ledger) is the part of the cache reads that was audio.

    `image_tokens` are of the output where `image_input_tokens` (no column of the ledger) is known, too; else
    nobody said on which side they are.

    `tool_units` also counts what is billed by the piece: `images` (or `image_{quality}_{size}` where that
    decides the price), `audio_seconds`, `video_seconds`, `characters`, `pages`."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    image_tokens: int | None = None
    tool_units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    source: UsageSource = UsageSource.NONE
    image_input_tokens: int | None = None
    audio_cache_read_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SeatWindow:
    """One window of a subscription, as a provider's answer told it. `utilisation` is 1 when it is full;
    `status` the provider's own word."""

    name: str
    utilisation: float | None
    resets_at: datetime | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider's answer said about itself.

    `complete`: the dialect's own ending was seen, so `usage` is final. `output_bytes` are the bytes of
    generated content seen so far (text, reasoning, tool arguments), for estimates of a cut answer.
    `error_type` is the provider's own error type, from a fixed field, never free text.
    `cost_usd` is what the answer says it cost; whether that counts, the provider's quirks say.
    `region` is where it says it was made, where that decides the price and the host does not tell.
    """

    usage: Usage = Usage()
    model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    complete: bool = False
    output_bytes: int = 0
    error_type: str | None = None
    cost_usd: Decimal | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a Usage. `usd` None: no price known. `bound_usd` is what a cap is charged:
    the cost, or where it is unknown the dearest rate known for the provider (never zero for tokens used)."""

    usd: Decimal | None
    bound_usd: Decimal
    basis: CostBasis
    price_version: str


class RefusalKind(StrEnum):
    """What sort of no: decides the status and error type each dialect answers with."""

    IDENTITY = "identity"  # wrong, expired or revoked credentials; disabled person
    BUDGET = "budget"  # money is spent: final until the window ends
    BUSY = "busy"  # money is only reserved by others: worth retrying soon
    RATE = "rate"  # too many requests: worth retrying soon
    POLICY = "policy"  # a rule says no
    REQUEST = "request"  # the request itself is wrong (400)
    TOO_LARGE = "too_large"  # 413
    UNSUPPORTED = "unsupported"  # content encoding and the like (415)
    MISDIRECTED = "misdirected"  # CONNECT, SNI and Host disagree (421)
    UPGRADE = "upgrade"  # a WebSocket we answer 426, so that Codex falls back to POST
    UNREACHABLE = "unreachable"  # the provider could not be reached, or its certificate is bad (502)
    TIMEOUT = "timeout"  # the provider did not answer in time (504)
    INTERNAL = "internal"  # our own fault (503)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no, in words for the employee: what happened, by which rule, until when, whom to ask.

    `code` is a stable snake_case word (`x-sluiceway-refused`); `retry_after_s` only where waiting helps.
    `contact`: whom the message names to ask; None: nobody yet (gateway/telling.py).
    """

    kind: RefusalKind
    code: str
    message: str
    rule: str | None = None
    retry_after_s: int | None = None
    resets_at: datetime | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A refusal in a provider's own form. `headers` include the content type."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Spender:
    """What budgets look at of one attempt: who asks, and what is really asked where, by which key.

    `model` is the one that is sent to `provider`, after routes and failovers. `key` is the fingerprint of the
    credential it goes out with, `key_name` its label where it is registered. What is not known is in no
    budget by it.
    """

    principal: Principal
    provider: str | None = None
    model: str | None = None
    key: str | None = None
    key_name: str | None = None
    client: str | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Raise:
    """More of a budget for a while: `by` added to its limit, or `to` instead of it where that is more, in
    nano-dollars or counted, from one moment up to another.

    `only`: for the one employee, team or other holder of that name, where the budget is one for each.
    """

    budget: str
    from_at: datetime
    until_at: datetime
    by: int = 0
    to: int | None = None
    only: str | None = None

    def holds(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at

    def on(self, limit: int) -> int:
        """The limit it makes of a limit."""
        return max(limit, self.to or 0) + self.by


@dataclass(frozen=True, slots=True)
class Cap:
    """One budget as it applies to one request: a limit on the counter of a scope in a window.

    `scope` holds (dimension, value) pairs, () for the whole company: (("team", "core"),). The dimension
    "models" has a name or a pattern for a value and counts all models that fit it together.
    `window` is minute, hour, day, week, month, lifetime, `rolling_24h` (any length), `fiscal_month_25` (by
    the day it starts on), and "now" of what is open at once.
    `limit` is in nano-dollars for the unit "usd", else a count.
    `counter` is the key of what it limits, found by scope, window and unit alone, so renaming a budget keeps
    its balance.
    `on_exceed`: "warn" counts and never refuses; "degrade" asks for the model `degrade_to` instead once it
    is used up.
    """

    rule: str
    scope: tuple[tuple[str, str], ...]
    window: str
    starts_at: datetime
    ends_at: datetime | None
    limit: int
    unit: Unit = "usd"
    on_exceed: Literal["block", "warn", "degrade"] = "block"
    degrade_to: str | None = None
    counter: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counter", self._key())  # once: each request asks for it

    @property
    def limit_nusd(self) -> int:
        """The limit of a cap on money."""
        return self.limit

    @property
    def holds(self) -> bool:
        """Whether it refuses at all, or only counts."""
        return self.on_exceed != "warn"

    @property
    def is_rate(self) -> bool:
        """Whether it is worth asking again soon once it is used up; else the answer is a final no."""
        if self.kind == "rolling" and self.ends_at is not None:
            return self.ends_at - self.starts_at <= RATE_AT_MOST
        return self.window in ("now", "minute", "hour")

    @property
    def kind(self) -> str:
        """The window without what its kind leaves open: `rolling` of `rolling_24h`."""
        return "rolling" if self.window.startswith("rolling_") else self.window

    def _key(self) -> str:
        """The counter's key, for example `team=core|month|2026-11-01T00:00:00+00:00`; for other units than
        money it ends with the unit, `...|tokens`."""
        where = ",".join([f"{dimension}={_spelt(value)}" for dimension, value in self.scope]) or "company"
        key = f"{where}|{self.window}|{self.starts_at.isoformat()}"
        return key if self.unit == "usd" else f"{key}|{self.unit}"


# A rolling window of an hour, with the grain it is counted by.
RATE_AT_MOST = timedelta(hours=1, minutes=5)


def _spelt(value: str) -> str:
    """A value within a counter's key. Models, clients and conversations are named by whoever asks: what
    separates the parts of a key is written otherwise, and a long name by its hash."""
    if len(value) > LONGEST_IN_KEY:
        return f"%{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()}"
    return value if value.isidentifier() else _SEPARATORS.sub(lambda found: f"%{ord(found[0]):02X}", value)


LONGEST_IN_KEY = 128
_SEPARATORS = re.compile(r"[%,|=]")


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and a model: where a request goes."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model or '?'}"


@dataclass(frozen=True, slots=True)
class Health:
    """What we measured of a target lately, in milliseconds: averages that follow (EWMA) and the 95th
    percentile; None: not measured yet. `open`: its breaker lets nobody through."""

    ttft_ms: float | None = None
    ttft_p95_ms: float | None = None
    latency_ms: float | None = None
    latency_p95_ms: float | None = None
    open: bool = False


NO_HEALTH: Mapping[Target, Health] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """What a model's standard service costs, in USD per million tokens, below the steps for long requests.
    Where a cache has no price of its own, it is that of plain input."""

    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal
    cache_write_usd: Decimal
    per_1k_usd: Decimal = field(init=False)

    def __post_init__(self) -> None:
        """`per_1k_usd`: for 1,000 tokens, three of input to one of output. By this models are compared."""
        object.__setattr__(self, "per_1k_usd", (3 * self.input_usd + self.output_usd) / 4000)


def unpriced(target: Target) -> TokenPrice | None:
    """Nobody knows a price."""
    return None


def nothing_lost(target: Target) -> str | None:
    """All of a request arrives everywhere."""
    return None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision may look at besides the call itself; gathered before, so that deciding is pure.

    `may_reroute`: the key is the company's, so the request may move. `company_money`: it counts as the
    company's, as unknown keys may (docs/decisions/0001). `signed`: the client's credential covers the body,
    which then cannot be changed. `contact`: whom to ask.
    `at`: when the request began. `task`: what sort of work it is (coding, reasoning, creative, other), None
    where that was not looked at or cannot be told. `used_percent`: how much of each budget that applies is
    spent, by the budget's name. `health`: what we measured of each target. `stays_with`: the target that
    served this conversation last, for the same model asked for, and `cached_tokens` how much of its input is
    warm in the cache there. `zone`: the company's, in which times of the day are meant.
    `reachable`: the providers that can take this very request now and have a company key where it is not the
    one asked, each with the dialects in which it can arrive there (its own, or those it can be translated
    into); None: nobody looked, so only the one asked. `price`: what a target costs. `loses`: what of the
    request a target could not be told without which it would mean something else; None: nothing.
    """

    provider: str
    client_name: str | None = None
    key_class: KeyClass = KeyClass.UNKNOWN
    input_tokens: int = 0
    may_reroute: bool = False
    company_money: bool = False
    contact: str = ""
    signed: bool = False
    at: datetime | None = None
    task: str | None = None
    used_percent: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    health: Mapping[Target, Health] = field(default_factory=lambda: NO_HEALTH)
    stays_with: Target | None = None
    cached_tokens: int = 0
    zone: tzinfo = UTC
    reachable: Mapping[str, frozenset[str]] | None = None
    price: Callable[[Target], TokenPrice | None] = unpriced
    loses: Callable[[Target], str | None] = nothing_lost


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a decision's trail: the kind of rule, its name (None: none matched), what it did."""

    kind: str
    rule: str | None
    effect: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a request goes, by which rule, or why it does not; `trail` says how that came about.

    `chain`: where it goes next, in order, while no answer has begun; each another target than those before.
    `mirror`: who gets a copy, whose answer nobody sees. `chain_rule` and `mirror_rule` say by which rule.
    """

    target: Target
    rule: str | None
    refusal: Refusal | None
    trail: tuple[Step, ...]
    chain: tuple[Target, ...] = ()
    mirror: Target | None = None
    chain_rule: str | None = None
    mirror_rule: str | None = None


@dataclass(slots=True)  # not frozen: that would make each of its 60 assignments cost four times as much
class LedgerRow:
    """One attempt, as the contract names it. Written open before anything is forwarded, settled once.
    Nobody changes a row; `replace` makes the next one.

    Internal extras: `charged_nusd` is what caps were charged (the cost, or its upper bound where the
    price is unknown); `budgeted` says whether caps count this row at all; `spends` (not stored) whether
    those on money and tokens do: requests of a personal key or a login count on limits of requests alone.
    `cost_as_requested_nusd` is what the same usage costs at the model and provider that were asked for: None
    where a rule moved nothing, or no price is known for it.
    """

    request_id: str
    started_at: datetime
    principal: str
    principal_kind: str
    team: str
    kind: str = "request"
    corrects: str | None = None
    attempt: int = 1
    turn: int | None = None
    response_id: str | None = None
    ended_at: datetime | None = None
    project: str | None = None
    cost_center: str | None = None
    key_fingerprint: str | None = None
    key_class: str = KeyClass.UNKNOWN
    client_name: str | None = None
    client_version: str | None = None
    agent: str | None = None
    conversation_id: str | None = None
    provider_requested: str = ""
    provider: str = ""
    host: str = ""
    operation: str = ""
    dialect: str | None = None
    upstream_dialect: str | None = None
    stream: bool = False
    service_tier: str | None = None
    model_requested: str | None = None
    model_routed: str | None = None
    model_served: str | None = None
    route_rule: str | None = None
    route_path: str | None = None
    task: str | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    image_tokens: int | None = None
    tool_units: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    usage_source: str = UsageSource.NONE
    cost_nusd: int | None = None
    cost_basis: str = CostBasis.UNKNOWN
    price_version: str | None = None
    ttft_ms: float | None = None
    duration_ms: float | None = None
    overhead_ms: float | None = None
    status: int | None = None
    upstream_status: int | None = None
    outcome: str = Outcome.OPEN
    metered: bool = True
    refusal_code: str | None = None
    refusal_rule: str | None = None
    error_type: str | None = None
    guard_findings: Mapping[str, int] = field(default_factory=lambda: NO_UNITS)
    audit: str = "off"
    policy_version: str | None = None
    cost_as_requested_nusd: int | None = None
    identity_path: IdentityPath | None = None
    charged_nusd: int = 0
    budgeted: bool = True
    spends: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """Something sensitive in a text: characters `start` up to `end`, a `type` by Presidio's name (SECRET
    for every credential), the `rule` that found it, and how sure it is (0 to 1). Holds no text."""

    type: str
    rule: str
    start: int
    end: int
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client connection belongs to, and by what: `token_id` is the token's number, or the grant's
    where `path` is a port or a lease. It is re-checked on every request the connection carries."""

    principal: Principal
    token_id: int
    path: IdentityPath = "token"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Credentials that are not good, or a port or lease that is not. `user` is the claimed name, made
    printable, for the message; empty where whoever came claims none."""

    reason: Literal[
        "unknown_user",
        "wrong_token",
        "expired",
        "revoked",
        "disabled",
        "port_source",
        "port_released",
        "lease_expired",
        "lease_revoked",
    ]
    user: str


@dataclass(slots=True, eq=False)
class Attachment:
    """What the front knows about a decrypted client connection when it hands it to the gateway.

    `misdirected` names the disagreement between CONNECT and SNI, if there is one (answered 421).
    `recognised` is the gateway's: whose the credentials were that the connection's last request brought.
    """

    identity: Identity | Rejected
    provider: Provider
    host: str
    client_address: str
    misdirected: str | None = None
    recognised: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the portal as the front hands it on. `headers` have lower-case names; `path` is as sent,
    without the query. `direct`: made to the proxy's own port, not through the proxy; public files only."""

    identity: Identity | Rejected | None
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What the portal answers. `headers` include the content type, never the length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
