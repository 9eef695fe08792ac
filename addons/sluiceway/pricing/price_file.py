"""The form of rules/prices.yaml: dated prices, aliases, service tiers and tools, each entry checked alone.

An entry holds from 00:00 UTC of `from` until 00:00 UTC of `to`; where it says `hours`, only in those (UTC).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from sluiceway.pricing.rates import Rates, Table

# What providers call the service that their plain price list is for.
STANDARD_TIERS = frozenset({"", "default", "auto", "standard", "standard_only", "on_demand", "unspecified"})


def _premium(tier: str) -> str:
    if tier in STANDARD_TIERS:
        raise ValueError("is the standard price; leave 'tier' out")
    return tier


CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=12)]
Name = Annotated[str, StringConstraints(min_length=1, to_lower=True, strip_whitespace=True)]
TierName = Annotated[Name, AfterValidator(_premium)]
RATES = {
    "input": "input_per_mtok",
    "output": "output_per_mtok",
    "cache_read": "cache_read_per_mtok",
    "cache_write": "cache_write_per_mtok",
    "cache_write_1h": "cache_write_1h_per_mtok",
    "audio_input": "audio_input_per_mtok",
    "audio_output": "audio_output_per_mtok",
    "audio_cache_read": "audio_cache_read_per_mtok",
    "reasoning": "reasoning_per_mtok",
    "image_input": "image_input_per_mtok",
    "image_output": "image_output_per_mtok",
}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Dated(_Entry):
    """`source` names the document or contract the figures come from."""

    provider: str
    from_: date = Field(alias="from")
    to: date | None = None
    source: str = ""

    @model_validator(mode="after")
    def _some_days(self) -> Self:
        if self.to is not None and self.to <= self.from_:
            raise ValueError("'to' is the first day the entry no longer holds; it must be after 'from'")
        return self

    def holds_on(self, day: date) -> bool:
        return self.from_ <= day and (self.to is None or day < self.to)


class _PerMtok(_Entry):
    """USD per million tokens. Without `input_per_mtok` units alone are billed. Left out, cached input costs
    plain input (no discount is known), reasoning costs output, images what text does, and every other kind is
    unknown when it is used: not free."""

    input_per_mtok: Usd | None = None
    output_per_mtok: Usd | None = None
    cache_read_per_mtok: Usd | None = None
    cache_write_per_mtok: Usd | None = None
    cache_write_1h_per_mtok: Usd | None = None
    audio_input_per_mtok: Usd | None = None
    audio_output_per_mtok: Usd | None = None
    audio_cache_read_per_mtok: Usd | None = None
    reasoning_per_mtok: Usd | None = None
    image_input_per_mtok: Usd | None = None
    image_output_per_mtok: Usd | None = None

    def rates(self, per_request: Decimal, tools: Mapping[str, Decimal]) -> Rates:
        known = {kind: getattr(self, name) for kind, name in RATES.items()}
        if known["cache_read"] is None:
            known["cache_read"] = self.input_per_mtok
        by_units = self.input_per_mtok is None
        return Rates(**known, per_request=per_request, tools=tools, by_units=by_units)


class Above(_PerMtok):
    """Prices of a whole request with more than `input_tokens` of input."""

    input_tokens: int = Field(gt=0)


def _clock(text: object) -> time:
    if not isinstance(text, str) or not (found := CLOCK.fullmatch(text)):
        raise ValueError('write a time of the day in UTC in quotes, such as "16:30"')
    return time(int(found[1]), int(found[2]))


class Hours(_Entry):
    """A stretch of every day, UTC: `from` is in it, `to` is not. It may reach over midnight."""

    from_: Annotated[time, BeforeValidator(_clock)] = Field(alias="from")
    to: Annotated[time, BeforeValidator(_clock)]

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.from_ == self.to:
            raise ValueError('write two different times, such as {from: "16:30", to: "00:30"}')
        return self

    def hold_at(self, moment: time) -> bool:
        if self.from_ < self.to:
            return self.from_ <= moment < self.to
        return moment >= self.from_ or moment < self.to

    def meet(self, other: Hours) -> bool:
        return self.hold_at(other.from_) or other.hold_at(self.from_)


class Price(_Dated, _PerMtok):
    """`region` is a name or a pattern: an inference profile's prefix (eu) or a host's region (eu-west-1)."""

    model: Name
    tier: TierName | None = None
    region: Name | None = None
    hours: Hours | None = None
    per_request: Usd = Decimal(0)
    tool_units: dict[str, Usd] = Field(default_factory=dict)
    above: tuple[Above, ...] = ()
    basis: Literal["list", "contract"] = "list"

    def holds_at(self, at: datetime) -> bool:
        """`at` in UTC."""
        return self.holds_on(at.date()) and (self.hours is None or self.hours.hold_at(at.time()))

    @model_validator(mode="after")
    def _billed_by_something(self) -> Self:
        if self.input_per_mtok is None and not (self.tool_units or self.per_request):
            raise ValueError(
                "say input_per_mtok, or tool_units for what is billed by other units than tokens"
            )
        by_tokens = [name for name in RATES.values() if getattr(self, name) is not None]
        if self.input_per_mtok is None and (by_tokens or self.above):
            raise ValueError(f"say input_per_mtok too, beside {(by_tokens or ['above'])[0]}")
        return self

    @model_validator(mode="after")
    def _steps_complete(self) -> Self:
        starts = [step.input_tokens for step in self.above]
        if starts != sorted(set(starts)):
            raise ValueError("'above' must ascend by input_tokens, each once")
        for step in self.above:
            for name in RATES.values():
                if getattr(self, name) is not None and getattr(step, name) is None:
                    raise ValueError(f"above {step.input_tokens} tokens: say {name} too, as below it")
        return self

    def table(self) -> Table:
        steps = [(-1, self.rates(self.per_request, self.tool_units))]
        steps += [(s.input_tokens, s.rates(self.per_request, self.tool_units)) for s in self.above]
        return Table(tuple(steps))


class Tier(_Dated):
    """All token prices of matching models, times `factor`, for answers given on that service tier."""

    model: Name
    tier: TierName
    factor: Annotated[Decimal, Field(gt=0, le=1000, decimal_places=6)]


class Region(_Dated):
    """All token prices of matching models, times `factor`, for answers from matching regions. Entries that
    name a region of their own, and contract prices, are what was agreed already and are left alone."""

    model: Name
    region: Name
    factor: Annotated[Decimal, Field(gt=0, le=1000, decimal_places=6)]


class Tool(_Dated):
    """What each use of a provider's own tool costs, where the model's entry does not say."""

    tool: str
    usd: Usd


class Alias(_Entry):
    """Models that are billed as another: deployment names, internal names."""

    provider: str
    model: Name
    price_as: Name


class PriceFile(_Entry):
    version: Literal[1]
    aliases: tuple[Alias, ...] = ()
    tiers: tuple[Tier, ...] = ()
    regions: tuple[Region, ...] = ()
    tools: tuple[Tool, ...] = ()
    prices: tuple[Price, ...] = ()
