"""One attempt as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sluiceway.types.amounts import NO_UNITS
from sluiceway.types.answers import UsageSource
from sluiceway.types.costs import CostBasis
from sluiceway.types.people import IdentityPath, KeyClass


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
