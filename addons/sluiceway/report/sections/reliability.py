"""How attempts ended, by provider, and which errors the providers answered with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from sluiceway.report import measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import ledger, number, within
from sluiceway.report.model import Attention, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import percent, plural, visible
from sluiceway.types import Outcome

_SHOWN = 12
_MANY_ERRORS = 20
_ERROR_SHARE = 0.05

ENDINGS = (
    (Outcome.OK, "answered"),
    (Outcome.CLIENT_CANCELLED, "client left"),
    (Outcome.CAPPED, "ended by a cap"),
    (Outcome.TRUNCATED, "cut off"),
    (Outcome.UPSTREAM_ERROR, "provider error"),
    (Outcome.INTERNAL_ERROR, "our error"),
)


@dataclass(frozen=True, slots=True)
class Provider:
    """`endings` are counts in the order of ENDINGS; `retried` are second and later attempts."""

    provider: str
    attempts: int
    retried: int
    endings: tuple[int, ...]

    @property
    def failed(self) -> int:
        """Ended by the provider's fault: an error or a cut answer."""
        return self.endings[3] + self.endings[4]

    @property
    def failed_share(self) -> float | None:
        return self.failed / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class Fault:
    provider: str
    upstream_status: int | None
    error_type: str | None
    cut: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Reliability:
    providers: tuple[Provider, ...]
    faults: tuple[Fault, ...]
    more_faults: int


def load(context: Context) -> Reliability:
    row_ = ledger.c
    rows = context.connection.execute(
        select(
            row_.provider,
            func.count().label("attempts"),
            number(row_.attempt > 1).label("retried"),
            *(number(row_.outcome == outcome).label(outcome.value) for outcome, _ in ENDINGS),
        )
        .where(within(context.period), measures.sent)
        .group_by(row_.provider)
        .order_by(func.count().desc(), row_.provider)
        .limit(_SHOWN)
    )
    providers = tuple(
        Provider(
            row.provider, row.attempts, int(row.retried), tuple(int(row[3 + i]) for i in range(len(ENDINGS)))
        )
        for row in rows
    )
    failed = or_(row_.outcome.in_((Outcome.UPSTREAM_ERROR, Outcome.TRUNCATED)), row_.upstream_status >= 400)
    ranked = rank(
        context.connection,
        [
            row_.provider.label("provider"),
            row_.upstream_status.label("upstream_status"),
            row_.error_type.label("error_type"),
            row_.outcome.label("outcome"),
        ],
        [number(failed).label("attempts")],
        and_(within(context.period), measures.sent, failed),
        ["attempts"],
        _SHOWN,
    )
    faults = tuple(
        Fault(
            row.provider,
            row.upstream_status,
            row.error_type,
            row.outcome == Outcome.TRUNCATED,
            int(row.attempts),
        )
        for row in ranked.top
    )
    return Reliability(providers, faults, ranked.other_groups)


def attention(data: Reliability) -> Sequence[Attention]:
    return [
        Attention(
            Weight.LOOK,
            f"{visible(provider.provider, 40)} fails often",
            f"{plural(provider.failed, 'attempt')} failed or were cut off, {percent(share)} of all.",
            "reliability",
        )
        for provider in data.providers
        if provider.failed >= _MANY_ERRORS and (share := provider.failed_share or 0) > _ERROR_SHARE
    ]


SECTION = Section("reliability", "Reliability", load, attention)
