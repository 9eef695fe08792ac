"""The largest groups of ledger rows, and all the others as one: bounded however many names a user invents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from sluiceway.report.measures import Condition, ledger


@dataclass(frozen=True, slots=True)
class Ranked:
    """`top` in order, largest first; `others` sums the remaining `other_groups`, None when there are none.

    Every row has the keys and sums by their labels; the keys of `others` mean nothing.
    """

    top: list[Row[*tuple[Any, ...]]]
    others: Row[*tuple[Any, ...]] | None
    other_groups: int


def rank(
    connection: Connection,
    keys: Sequence[ColumnElement[Any]],
    sums: Sequence[ColumnElement[Any]],
    where: Condition,
    order: Sequence[str],
    limit: int,
) -> Ranked:
    """Group by `keys` and keep the `limit` groups largest by the sums labelled `order`, the first one first.

    `keys` and `sums` are labelled columns; ties are in the order of the keys.
    """
    labels = [str(key.key) for key in keys]
    # By label: PostgreSQL takes two equal expressions with parameters for different ones.
    grouped = select(*keys, *sums).select_from(ledger).where(where).group_by(*labels).subquery()
    size = [func.coalesce(grouped.c[label], 0).desc() for label in order]
    names = [grouped.c[label] for label in labels]
    place = func.row_number().over(order_by=[*size, *names]).label("place")
    ranked = select(grouped, place).subquery()
    slot = case((ranked.c.place <= limit, ranked.c.place), else_=limit + 1).label("slot")
    rows = connection.execute(
        select(
            slot,
            func.count().label("groups"),
            *(func.min(ranked.c[label]).label(label) for label in labels),
            *(func.sum(ranked.c[str(column.key)]).label(str(column.key)) for column in sums),
        )
        .group_by("slot")
        .order_by("slot")
    ).all()
    beyond = rows[-1] if rows and rows[-1].slot > limit else None
    top = [row for row in rows if row.slot <= limit]
    return Ranked(top, beyond, int(beyond.groups) if beyond else 0)
