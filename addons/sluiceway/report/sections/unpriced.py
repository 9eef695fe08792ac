"""What could not be priced or metered, and what to write to change that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_

from sluiceway.report import measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import Tokens, ledger, number, total, within
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import plural, short_count, usd
from sluiceway.types import UsageSource

_SHOWN = 20
_LONGEST_EXAMPLE = 120


@dataclass(frozen=True, slots=True)
class Unpriced:
    """A model's requests without a cost: `without_usage` of them also without token counts."""

    provider: str
    model: str | None
    requests: int
    without_usage: int
    tokens: Tokens
    bound_nusd: int


@dataclass(frozen=True, slots=True)
class Unmetered:
    """Requests let through without metering, by where they went."""

    provider: str
    host: str
    operation: str
    requests: int


@dataclass(frozen=True, slots=True)
class Gaps:
    unpriced: tuple[Unpriced, ...]
    more_unpriced: int
    requests: int
    bound_nusd: int
    tokens: Tokens
    unmetered: tuple[Unmetered, ...]
    more_unmetered: int
    example: tuple[str, str] | None


def load(context: Context) -> Gaps:
    row_ = ledger.c
    silent = and_(measures.unknown_cost, row_.usage_source == UsageSource.NONE)
    ranked = rank(
        context.connection,
        [row_.provider.label("provider"), measures.model.label("model")],
        [
            number(measures.unknown_cost).label("requests"),
            number(silent).label("silent"),
            total(row_.charged_nusd).label("bound"),
            *measures.token_columns(),
        ],
        and_(within(context.period), measures.unknown_cost),
        ["requests"],
        _SHOWN,
    )
    everything = [*ranked.top, *([ranked.others] if ranked.others is not None else [])]
    tokens = Tokens(None, None, None)
    for row in everything:
        tokens = tokens.plus(Tokens.of(row))
    unpriced = tuple(
        Unpriced(
            row.provider,
            row.model,
            int(row.requests),
            int(row.silent),
            Tokens.of(row),
            measures.whole(row.bound) or 0,
        )
        for row in ranked.top
    )
    unmetered, more_unmetered = _unmetered(context)
    return Gaps(
        unpriced,
        ranked.other_groups,
        sum(int(row.requests) for row in everything),
        sum(measures.whole(row.bound) or 0 for row in everything),
        tokens,
        unmetered,
        more_unmetered,
        _example(unpriced),
    )


def _unmetered(context: Context) -> tuple[tuple[Unmetered, ...], int]:
    row_ = ledger.c
    passed = and_(row_.kind == "request", row_.metered.is_(False), ~measures.refused)
    keys = [row_.provider.label("provider"), row_.host.label("host"), row_.operation.label("operation")]
    sums = [number(passed).label("requests")]
    ranked = rank(context.connection, keys, sums, and_(within(context.period), passed), ["requests"], _SHOWN)
    shown = tuple(Unmetered(row.provider, row.host, row.operation, int(row.requests)) for row in ranked.top)
    return shown, ranked.other_groups


def _example(unpriced: Sequence[Unpriced]) -> tuple[str, str] | None:
    """Provider and model of the first one a price can be written for, quoted so that YAML reads them back."""
    for gap in unpriced:
        if gap.model and len(gap.model) <= _LONGEST_EXAMPLE and gap.requests > gap.without_usage:
            return json.dumps(gap.provider), json.dumps(gap.model)
    return None


def attention(data: Gaps) -> Sequence[Attention]:
    if not data.requests:
        return ()
    kinds = len(data.unpriced) + data.more_unpriced
    headline = f"{plural(kinds, 'model')} without a known cost"
    detail = (
        f"{plural(data.requests, 'request')} with {short_count(data.tokens.all_tokens)} tokens "
        f"{'is' if data.requests == 1 else 'are'} missing from the spend; caps were charged "
        f"{usd(data.bound_nusd)} instead."
    )
    return (Attention(Weight.LOOK, headline, detail, "unpriced"),)


SECTION = Section("unpriced", "Unpriced and unmetered", load, attention)
