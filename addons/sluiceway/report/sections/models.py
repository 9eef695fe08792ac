"""Spend by model: tokens, how much of the input came from a prompt cache, cost, cost per request."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_

from sluiceway.report import measures
from sluiceway.report.groups import rank
from sluiceway.report.measures import Cost, Tokens, ledger, number, within
from sluiceway.report.section import Context, Section
from sluiceway.report.text import ratio

_SHOWN = 25


@dataclass(frozen=True, slots=True)
class Model:
    """One provider's model. `priced` requests have a cost the company pays; the rate is over those."""

    provider: str
    model: str | None
    requests: int
    priced: int
    cost: Cost
    tokens: Tokens
    share: float | None
    bar: float

    @property
    def per_thousand_nusd(self) -> int | None:
        """Cost of a thousand requests."""
        if self.cost.spend_nusd is None or not self.priced:
            return None
        return round(self.cost.spend_nusd * 1000 / self.priced)


@dataclass(frozen=True, slots=True)
class Models:
    top: tuple[Model, ...]
    others: Model | None
    other_models: int


def load(context: Context) -> Models:
    row_ = ledger.c
    known = and_(measures.spent, row_.cost_nusd.is_not(None))
    priced = and_(measures.sent, or_(known, and_(row_.cost_nusd.is_(None), measures.corrected)))
    ranked = rank(
        context.connection,
        [row_.provider.label("provider"), measures.model.label("model")],
        [
            *measures.cost_columns(),
            *measures.token_columns(),
            number(measures.sent).label("requests"),
            number(priced).label("priced"),
        ],
        and_(within(context.period), (row_.kind == "correction") | measures.sent),
        ["spend", "notional", "personal"],
        _SHOWN,
    )
    rows = [*ranked.top, *([ranked.others] if ranked.others is not None else [])]
    costs = [Cost.of(row) for row in rows]
    spent = [cost.known_nusd or 0 for cost in costs]
    largest = max(spent[: len(ranked.top)], default=0)
    made = [
        Model(
            row.provider,
            row.model,
            int(row.requests),
            int(row.priced),
            cost,
            Tokens.of(row),
            ratio(cost.known_nusd, sum(spent)),
            min(1.0, max(0.0, ratio(cost.known_nusd, largest) or 0.0)),
        )
        for row, cost in zip(rows, costs, strict=True)
    ]
    others = made[-1] if ranked.others is not None else None
    return Models(tuple(made[: len(ranked.top)]), others, ranked.other_groups)


SECTION = Section("models", "Spend by model", load)
