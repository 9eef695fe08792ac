"""The report room: one self-contained HTML page from the ledger, and the ledger's exports.

`build` asks the store and returns the page; `write` puts it in place; `export.export` streams the rows.
The connection only reads; begin a transaction on it first where all figures must be of one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from sluiceway.report import audience, measures, page, timeline
from sluiceway.report.model import (
    Attention,
    AuditState,
    CapState,
    GuardState,
    Period,
    Progress,
    Verification,
)
from sluiceway.report.page import write
from sluiceway.report.section import Context, Section
from sluiceway.report.sections import SECTIONS

__all__ = [
    "AuditState",
    "CapState",
    "GuardState",
    "Period",
    "Progress",
    "Verification",
    "build",
    "write",
]

_FOREMOST = 3


def build(
    connection: Connection,
    *,
    period: Period,
    caps: Sequence[CapState],
    names: bool,
    generated_at: datetime,
    version: str,
    title: str = "AI usage report",
    min_group: int = 1,
    progress: Progress | None = None,
    guard: GuardState | None = None,
    audit: AuditState | None = None,
    verification: Verification | None = None,
) -> str:
    """The report as HTML: no script, nothing to load.

    `names` puts people's names in; without it none appears, and teams with fewer than `min_group`
    active people are told together. `progress` hears of each section before its queries run.
    `guard`, `audit` and `verification` None: nobody looked, and the report says so.
    """
    context = Context(
        connection,
        period,
        timeline.load(connection, period),
        measures.any_row(connection, period),
        caps,
        audience.load(connection, period, names=names, min_group=min_group),
        generated_at,
        version,
        guard,
        audit,
        verification,
    )
    wanted = [section for section in SECTIONS if _wanted(section, context)]
    loaded: list[tuple[Section[Any], Any]] = []
    for done, section in enumerate(wanted):
        if progress is not None:
            progress(section.title, done, len(wanted))
        loaded.append((section, section.load(context)))
    return _render(context, title, loaded)


def _wanted(section: Section[Any], context: Context) -> bool:
    """A section about people is not even asked for in a report without names."""
    if section.needs_names and not context.audience.names:
        return False
    return context.traffic or section.without_traffic


def _render(context: Context, title: str, loaded: Sequence[tuple[Section[Any], Any]]) -> str:
    templates = page.environment()
    urgent: list[Attention] = [item for section, data in loaded for item in section.attention(data)]
    urgent.sort(key=lambda item: -item.weight)
    css = page.style()
    return templates.get_template("report.html.j2").render(
        context=context,
        title=title,
        css=css,
        csp=page.policy(css),
        foremost=urgent[:_FOREMOST],
        further=urgent[_FOREMOST:],
        sections=loaded,
    )
