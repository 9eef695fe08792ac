"""What is spent and reserved on a counter by now, with what nodes hold of it (store/slices.py).

A slice's unused part and what was charged out of it stand as reserved in the counter until the node tells it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, cast, func, select

from sluiceway.store.tables import counters, slices

_own = slices.c.counter == counters.c.counter
_charged = (
    select(func.coalesce(func.sum(slices.c.spent), 0)).where(_own).correlate(counters).scalar_subquery()
)
_held = (
    select(func.coalesce(func.sum(slices.c.spent + slices.c.unused), 0))
    .where(_own)
    .correlate(counters)
    .scalar_subquery()
)

# Columns of a query on `counters`, labelled `spent` and `reserved`: nano-dollars, or counted.
SPENT = cast(counters.c.spent + _charged, BigInteger).label("spent")
RESERVED = cast(counters.c.reserved - _held, BigInteger).label("reserved")
