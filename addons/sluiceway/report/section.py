"""What a section of the report is: a name, its template's too, a query, and what of it asks for attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from sluiceway.report.audience import Audience
from sluiceway.report.model import Attention, AuditState, CapState, GuardState, Period, Verification
from sluiceway.report.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Context:
    """What every section's query may use; None: nobody looked. `timeline` is shared, so charts line up."""

    connection: Connection
    period: Period
    timeline: Timeline
    traffic: bool  # whether any row falls into the period
    caps: Sequence[CapState]
    audience: Audience
    generated_at: datetime
    version: str
    guard: GuardState | None = None
    audit: AuditState | None = None
    verification: Verification | None = None


def nothing_urgent(_data: object) -> Sequence[Attention]:
    return ()


@dataclass(frozen=True, slots=True)
class Section[T]:
    """`name` is the anchor and the template `reports/sections/<name>.html.j2`, which sees the query's
    answer as `data`. Without any traffic only the sections that are about more than traffic are shown."""

    name: str
    title: str
    load: Callable[[Context], T]
    attention: Callable[[T], Sequence[Attention]] = nothing_urgent
    without_traffic: bool = False
    needs_names: bool = False
