"""One request in progress: what is known so far, and the ledger row it becomes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil

from aiohttp import web
from yarl import URL

from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.pricing import estimate
from sluiceway.types import (
    Answer,
    Attachment,
    Call,
    CostBasis,
    ErrorAnswer,
    KeyClass,
    LedgerRow,
    Outcome,
    Principal,
    Refusal,
    Usage,
    UsageSource,
    to_nusd,
)
from sluiceway.wire import plain_refusal
from sluiceway.wire.client import ClientInfo
from sluiceway.wire.dialect import Dialect, Reading

NOBODY = Principal(id=0, name="", kind="employee", team="")


@dataclass(slots=True)
class Exchange:
    """Everything one request gathers on its way. Times ending in `_s` are on the monotonic clock."""

    request: web.BaseRequest
    attachment: Attachment
    rules: Rules
    request_id: str
    started_at: datetime
    started_s: float
    path: str
    principal: Principal = NOBODY
    dialect: Dialect | None = None
    operation: str = "other"
    client: ClientInfo | None = None
    reading: Reading | None = None
    key_class: KeyClass = KeyClass.UNKNOWN
    key_fingerprint: str | None = None
    metered: bool = False
    recoded: bool = False  # the body goes on without its content-encoding
    remaining_nusd: int | None = None
    limited_to_tokens: int | None = None
    read_s: float = 0.0  # the client's request was complete
    sent_s: float = 0.0  # ours to the provider began
    first_s: float = 0.0  # first byte of the answer's body
    extra_headers: dict[str, str] = field(default_factory=dict)

    @property
    def call(self) -> Call | None:
        return self.reading.call if self.reading else None

    @property
    def url(self) -> URL:
        return URL(f"https://{self.attachment.host}{self.request.raw_path}", encoded=True)

    @property
    def conversation(self) -> tuple[str, str] | None:
        """The conversation this belongs to, apart for each person, where the client names one."""
        told = (self.call.conversation_id if self.call else None) or (
            self.client.conversation_id if self.client else None
        )
        return (self.principal.name, told) if told else None

    def own_headers(self) -> dict[str, str]:
        """The `x-sluiceway-*` headers of the contract."""
        own = {"x-sluiceway-request-id": self.request_id, "x-sluiceway-audit": "off", **self.extra_headers}
        call = self.call
        if call is not None:
            own["x-sluiceway-route"] = f"{self.attachment.provider.name}/{printable(call.model or '?')}"
        if self.remaining_nusd is not None:
            own["x-sluiceway-budget-remaining-usd"] = f"{max(0, self.remaining_nusd) / 1e9:.6f}"
        if self.limited_to_tokens is not None:
            own["x-sluiceway-output-limited-to"] = str(self.limited_to_tokens)
        return own

    def refusal(self, refusal: Refusal) -> ErrorAnswer:
        """The refusal in the form this request's client shows."""
        if self.dialect is None:
            return plain_refusal(refusal, self.request_id)
        codex = self.client is not None and (self.client.name or "").startswith("codex")
        return self.dialect.refuse(refusal, self.request_id, codex=codex)

    def row(self) -> LedgerRow:
        """The row as it stands before anything is forwarded."""
        who, call, provider = self.principal, self.call, self.attachment.provider
        client = self.client
        dialect = self.dialect.name if self.dialect else None
        model = call.model if call else None
        return LedgerRow(
            request_id=self.request_id,
            started_at=self.started_at,
            principal=who.name,
            principal_kind=who.kind,
            team=who.team,
            project=who.project,
            cost_center=who.cost_center,
            key_class=self.key_class,
            key_fingerprint=self.key_fingerprint,
            client_name=client.name if client else None,
            client_version=client.version if client else None,
            agent=client.agent if client else None,
            conversation_id=self.conversation[1] if self.conversation else None,
            provider_requested=provider.name,
            provider=provider.name,
            host=self.attachment.host,
            operation=self.operation,
            dialect=dialect,
            upstream_dialect=dialect,
            stream=bool(call and call.stream),
            service_tier=call.service_tier if call else None,
            model_requested=model,
            model_routed=model,
            route_path=f"{provider.name}/{model or '?'}",
            metered=self.metered,
            policy_version=self.rules.policy.version,
            budgeted=self.metered and counts_against_caps(self.key_class),
        )

    def ended(self, row: LedgerRow, *, status: int, outcome: Outcome) -> LedgerRow:
        """The row with its times, status and outcome. What was never sent costs nothing, and that is known."""
        now_s = time.monotonic()
        return replace(
            row,
            ended_at=datetime.now(UTC),
            duration_ms=round((now_s - self.started_s) * 1000, 3),
            overhead_ms=round(((self.sent_s or now_s) - self.read_s) * 1000, 3) if self.read_s else None,
            ttft_ms=round((self.first_s - self.sent_s) * 1000, 3) if self.first_s else None,
            status=status,
            outcome=outcome,
        )


def counts_against_caps(key_class: KeyClass) -> bool:
    """Subscriptions and personal keys are not the company's money."""
    return key_class in (KeyClass.COMPANY, KeyClass.UNKNOWN)


def costless(row: LedgerRow) -> LedgerRow:
    """A row whose provider was never asked, or answered with an error it does not bill."""
    return replace(row, cost_nusd=0, cost_basis=CostBasis.LIST, charged_nusd=0)


def billed(exchange: Exchange, parts: GatewayParts, row: LedgerRow, answer: Answer) -> LedgerRow:
    """The row with usage and cost. What a cut answer did not say is estimated from what was seen."""
    call = exchange.call
    assert call
    model = answer.model or call.model
    final = answer.complete and answer.usage.source == UsageSource.REPORTED
    usage = answer.usage if final else completed(exchange, parts, answer)
    cost = exchange.rules.prices.cost(
        provider=exchange.attachment.provider,
        model=model,
        usage=usage,
        at=row.started_at,
        service_tier=answer.service_tier or call.service_tier,
        operation=call.operation,
        dialect=call.dialect,
        key_class=exchange.key_class,
    )
    return replace(
        row,
        response_id=answer.response_id,
        model_served=answer.model,
        service_tier=answer.service_tier or call.service_tier,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        audio_input_tokens=usage.audio_input_tokens,
        audio_output_tokens=usage.audio_output_tokens,
        image_tokens=usage.image_tokens,
        tool_units=usage.tool_units,
        usage_source=usage.source,
        cost_nusd=None if cost.usd is None else to_nusd(cost.usd),
        cost_basis=cost.basis,
        price_version=cost.price_version,
        charged_nusd=to_nusd(cost.bound_usd) if row.budgeted else 0,
    )


def completed(exchange: Exchange, parts: GatewayParts, answer: Answer) -> Usage:
    """The usage of an answer that was cut: reported parts stay, the rest is estimated, never zero."""
    call = exchange.call
    assert call
    seen = answer.usage
    output = parts.learned.output_from_bytes(answer.output_bytes, call.model or "")
    if call.max_output_tokens is not None:
        output = min(output, call.max_output_tokens * call.choices)
    return replace(
        seen,
        input_tokens=likely_input(exchange, parts) if seen.input_tokens is None else seen.input_tokens,
        output_tokens=max(output, seen.output_tokens or 0),
        source=UsageSource.ESTIMATED if seen.input_tokens is None else UsageSource.PARTIAL,
    )


def likely_input(exchange: Exchange, parts: GatewayParts) -> int:
    """Input tokens before the provider says: from the conversation's last call where there is one."""
    call = exchange.call
    assert call
    guess = estimate.input_tokens(call, parts.conversations.last(exchange.conversation))
    return ceil(guess * parts.learned.input_margin(call.model or ""))


def printable(text: str) -> str:
    """A client's word made fit for a header value."""
    return "".join(c if "!" <= c <= "~" else "?" for c in text[:128])
