"""The sections of the report, in the order a reader meets them."""

from __future__ import annotations

from typing import Any

from sluiceway.report.section import Section
from sluiceway.report.sections import (
    audit,
    breakers,
    caps,
    changes,
    deferred,
    discovery,
    failovers,
    guard,
    latency,
    method,
    mirrors,
    models,
    people,
    refusals,
    reliability,
    routing,
    teams,
    timeline,
    totals,
    unpriced,
    verification,
)

SECTIONS: tuple[Section[Any], ...] = (
    totals.SECTION,
    timeline.SECTION,
    caps.SECTION,
    teams.SECTION,
    people.SECTION,
    models.SECTION,
    routing.SECTION,
    failovers.SECTION,
    breakers.SECTION,
    mirrors.SECTION,
    deferred.SECTION,
    unpriced.SECTION,
    guard.SECTION,
    discovery.SECTION,
    refusals.SECTION,
    latency.SECTION,
    reliability.SECTION,
    audit.SECTION,
    changes.SECTION,
    verification.SECTION,
    method.SECTION,
)
