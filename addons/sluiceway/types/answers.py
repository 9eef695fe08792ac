"""What a provider's answer says: what it used, who made it, how full a subscription is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sluiceway.types.amounts import NO_UNITS


class UsageSource(StrEnum):
    """Where token counts come from: the provider, a cut stream, our estimate, or nowhere."""

    REPORTED = "reported"
    PARTIAL = "partial"
    ESTIMATED = "estimated"
    NONE = "none"


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
