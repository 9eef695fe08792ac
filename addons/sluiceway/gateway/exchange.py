"""One request in progress: what is known so far, and the ledger row it becomes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from aiohttp import web
from yarl import URL

from sluiceway.audit.keyring import CompanyKey
from sluiceway.gateway.credentials import NOTHING, Presented, without_credentials
from sluiceway.gateway.crossing import Crossing
from sluiceway.gateway.parts import Rules
from sluiceway.gateway.pools import Member
from sluiceway.gateway.telling import told
from sluiceway.gateway.trail import Trail
from sluiceway.policy import is_company_money
from sluiceway.pricing.estimate import PreviousInput
from sluiceway.types import (
    NO_UNITS,
    Attachment,
    Call,
    Cap,
    ErrorAnswer,
    KeyClass,
    LedgerRow,
    Outcome,
    Principal,
    Provider,
    Refusal,
    Rejected,
    Route,
    Spender,
    Target,
)
from sluiceway.wire.client import ClientInfo
from sluiceway.wire.dialect import Dialect

NOBODY = Principal(id=0, name="", kind="employee", team="")
NO_CLIENT = ClientInfo()
UNLISTED = "unlisted"


@dataclass(slots=True)
class Exchange:
    """Everything one request gathers on its way. Times ending in `_s` are on the monotonic clock, 0: not yet.

    `voice` is the dialect in which a no is said; `dialect` the one that meters, None where nothing does.
    `originals` has what the guard masked and the answer may have back, by placeholder.
    """

    request: web.BaseRequest
    attachment: Attachment
    rules: Rules
    request_id: str
    started_at: datetime
    started_s: float
    path: str
    sent_query: str = field(repr=False)
    voice: Dialect
    contact: str = ""  # whom to ask about a no
    provider: Provider = field(init=False)  # who is asked: whose host this is, unless a route leads elsewhere
    host: str = field(init=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)  # the client's, names in lower case
    principal: Principal = NOBODY
    route: Route | None = None
    socket: Route | None = None  # the WebSocket that is asked for, where it is metered
    dialect: Dialect | None = None
    client: ClientInfo = NO_CLIENT
    presented: Presented = NOTHING
    key_class: KeyClass = KeyClass.UNKNOWN  # of the credential it goes out with
    key_fingerprint: str | None = None
    signed: bool = False  # by a key of AWS's (signature.py)
    company_key: CompanyKey | None = None  # goes out in place of what the client sent
    pool: tuple[Member, ...] = ()  # the company's keys it may go out with, the one to try first in front
    attempt: int = 1
    tried: list[str] = field(default_factory=list)  # what failed before, as `x-sluiceway-route` tells it
    call: Call | None = None
    trail: Trail | None = None  # what the audit will keep of it
    notice_link: str | None = None  # of a notice that waits for an acknowledgement, where a rule does not
    begun: bytes = field(default=b"", repr=False)  # of the body, where its beginning had to be read first
    held_input: PreviousInput | None = None  # what the provider adds of its own keeping
    model_requested: str | None = None
    task: str | None = None  # what sort of work it is, where somebody wants to know (tasks.py)
    route_rule: str | None = None
    upstream_path: str | None = None  # where a route leads instead of `path`
    upstream_query: str | None = None  # and in place of the client's query
    upstream_dialect: str | None = None  # where the way there speaks another than the client
    crossing: Crossing | None = None  # the same where the request was translated; then `dialect` is theirs
    remaining_nusd: int | None = None
    limited_to_tokens: int | None = None
    budget_warning: str | None = (
        None  # the budgets that are used up and refuse nothing, or led to another model
    )
    turn: int | None = None  # on a socket: which answer of it this is, from 1
    guard_findings: Mapping[str, int] = NO_UNITS
    masked: Mapping[str, int] = NO_UNITS  # how often, by type
    was_scanned: bool = True  # where the guard has something to do with it
    originals: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_s: float = 0.0  # the client's request was complete
    sent_s: float = 0.0  # ours to the provider began
    first_s: float = 0.0  # first byte of the answer's body

    def __post_init__(self) -> None:
        entered = (
            self.attachment.provider
        )  # as it was listed when the connection was opened, hours ago perhaps
        self.provider, self.host = self.rules.providers.get(entered.name, entered), self.attachment.host

    def __copy__(self) -> Exchange:
        """As `copy.copy` would make it, without its detour over a description: each attempt has its own."""
        other = object.__new__(Exchange)
        for name, value in zip(_NAMES, _VALUES(self), strict=True):
            setattr(other, name, value)
        return other

    @property
    def url(self) -> URL:
        target, query = self.request.raw_path, self.query
        if self.upstream_query is not None:
            query = self.upstream_query
        if self.company_key is not None:
            query = without_credentials(query)
        if query != self.query or self.upstream_path is not None:
            path = self.upstream_path or self.path
            target = f"{path}?{query}" if query else path
        return URL(f"https://{self.host}{target}", encoded=True)

    @property
    def sealed(self) -> bool:
        """Whether the client's signature forbids any change to the body, the path and the signed headers."""
        return self.signed and self.company_key is None

    @property
    def operation(self) -> str:
        return self.route.operation if self.route else UNLISTED

    @property
    def moved(self) -> bool:
        """Whether another provider is asked than the client named."""
        return self.provider.name != self.attachment.provider.name

    @property
    def asked(self) -> Target:
        """What the client named."""
        return Target(self.attachment.provider.name, self.model_requested or "")

    def move(self, provider: Provider, host: str, path: str) -> None:
        """Asks another provider instead, at one of its hosts."""
        self.provider, self.host, self.upstream_path = provider, host, path

    def came_with(self, presented: Presented) -> None:
        """What the client brought; what goes out with the request, unless it `carry`s the company's key."""
        self.presented = presented
        self.key_class, self.key_fingerprint = presented.key_class, presented.fingerprint

    def carry(self, key: CompanyKey) -> None:
        """Goes out with this key: from now on the request is the company's."""
        self.company_key = key
        self.key_class, self.key_fingerprint = KeyClass.COMPANY, key.fingerprint

    def take(self, member: Member) -> None:
        """Goes out with this key of a pool, at the endpoint it is for."""
        self.carry(member.key)
        if member.host is not None:
            self.host = member.host

    def take_first(self) -> None:
        """Where there is one attempt only: the first key of the pool, at the endpoint it is for."""
        if self.company_key is not None and self.pool:
            self.take(self.pool[0])

    @property
    def query(self) -> str:
        query = self.sent_query
        return _without_version(query) if query and self.moved and "api-version" in query else query

    @property
    def route_path(self) -> str:
        """The path of providers and models as the contract writes it: `anthropic/claude-sonnet-4-5`, after a
        failover `anthropic/claude-sonnet-4-5(529)>openai/gpt-5.1`."""
        model = self.call.model if self.call else None
        name = self.provider.name
        return ">".join((*self.tried, name if self.call is None else f"{name}/{model or '?'}"))

    @property
    def conversation(self) -> tuple[str, str] | None:
        """The conversation this belongs to, apart for each person, where the client names one."""
        told = (self.call and self.call.conversation_id) or self.client.conversation_id
        return (self.principal.name, told) if told else None

    @property
    def spender(self) -> Spender:
        """What budgets look at, as it stands: the same that the row says."""
        key, told = self.key_fingerprint, self.conversation
        known = self.rules.keys.known.get(key) if key else None
        return Spender(
            self.principal,
            self.provider.name,
            self.call.model if self.call else None,
            key,
            known.label if known else None,
            self.client.name,
            told[1] if told else None,
        )

    def own_headers(self) -> dict[str, str]:
        """The `x-sluiceway-*` headers of the contract."""
        own = {
            "x-sluiceway-request-id": self.request_id,
            "x-sluiceway-route": self.route_path,
            "x-sluiceway-audit": self.trail.state if self.trail else "off",
        }
        if self.notice_link is not None:
            own["x-sluiceway-audit-notice"] = self.notice_link
        if self.remaining_nusd is not None:
            own["x-sluiceway-budget-remaining-usd"] = f"{max(0, self.remaining_nusd) / 1e9:.6f}"
        if self.budget_warning is not None:
            own["x-sluiceway-budget-warning"] = self.budget_warning
        if self.limited_to_tokens is not None:
            own["x-sluiceway-output-limited-to"] = str(self.limited_to_tokens)
        if self.crossing is not None:
            own["x-sluiceway-translated"] = self.crossing.told
        if self.masked or not self.was_scanned:
            own["x-sluiceway-guard"] = self._guarded()
        return own

    def _guarded(self) -> str:
        """What the guard did, on all the ways that the request has come."""
        counts = ", ".join(f"{name}={count}" for name, count in sorted(self.masked.items()))
        said = [f"masked {counts}"] if counts else []
        return ", ".join(said if self.was_scanned else [*said, "not scanned"])

    def warn_of(self, passed: Sequence[Cap]) -> None:
        """Says in a header which budgets are used up that refuse nothing."""
        said = [f"{cap.rule}: used up" for cap in passed]
        if self.budget_warning is not None and said:
            said.insert(0, self.budget_warning)
        self.budget_warning = ", ".join(said) or self.budget_warning

    def refusal(self, refusal: Refusal) -> ErrorAnswer:
        """The refusal in the form this request's client shows."""
        codex = (self.client.name or "").startswith("codex")
        return self.voice.refuse(told(refusal, self.contact), self.request_id, codex=codex)

    def row(self) -> LedgerRow:
        """The row as it stands before anything is forwarded."""
        who, call, client = self.principal, self.call, self.client
        identity = self.attachment.identity
        dialect = self.crossing.dialect if self.crossing else self.dialect
        model = call.model if call else None
        return LedgerRow(
            request_id=self.request_id,
            attempt=self.attempt,
            started_at=self.started_at,
            principal=who.name,
            principal_kind=who.kind,
            team=who.team,
            project=who.project,
            cost_center=who.cost_center,
            key_class=self.key_class,
            key_fingerprint=self.key_fingerprint,
            client_name=client.name,
            client_version=client.version,
            agent=client.agent,
            conversation_id=self.conversation[1] if self.conversation else None,
            provider_requested=self.attachment.provider.name,
            provider=self.provider.name,
            host=self.host,
            operation=self.operation,
            dialect=dialect.name if dialect else None,
            upstream_dialect=self.upstream_dialect or (dialect.name if dialect else None),
            stream=bool(call and call.stream),
            service_tier=call.service_tier if call else None,
            model_requested=self.model_requested or model,
            model_routed=model,
            route_rule=self.route_rule,
            route_path=self.route_path,
            task=self.task,
            turn=self.turn,
            metered=dialect is not None,
            guard_findings=self.guard_findings,
            audit=self.trail.subject.mode if self.trail else "off",
            policy_version=self.rules.policy.version,
            identity_path=None if isinstance(identity, Rejected) else identity.path,
            budgeted=dialect is not None,
            spends=self.counts_against_caps,
        )

    @property
    def counts_against_caps(self) -> bool:
        """Whether it is the company's money, to cap: logins and personal keys are not (decision 0001)."""
        return is_company_money(self.rules.policy, self.key_class, self.rules.keys.has_company_keys)

    def ending(self, status: int | None, outcome: Outcome) -> dict[str, Any]:
        """The fields of the row that its end sets: times, status and outcome. `status` None: the client saw
        nothing of this attempt."""
        now_s = time.monotonic()
        return {
            "ended_at": datetime.now(UTC),
            "duration_ms": _ms(now_s - self.started_s),
            "overhead_ms": _ms((self.sent_s or now_s) - self.read_s) if self.read_s else None,
            "ttft_ms": _ms(self.first_s - self.sent_s) if self.first_s else None,
            "status": status,
            "outcome": outcome,
            "audit": self.trail.state if self.trail else "off",
        }


_NAMES = tuple(each.name for each in fields(Exchange))
_VALUES = attrgetter(*_NAMES)


def _without_version(query: str) -> str:
    """Without the version of Azure's API, which no other provider has."""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] != "api-version")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
