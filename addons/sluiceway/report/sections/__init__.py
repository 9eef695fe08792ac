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

# What it costs, what leaves the house and who reads it, how well it runs, and how far to trust this.
SECTIONS: tuple[Section[Any], ...] = (
    totals.SECTION,
    timeline.SECTION,
    caps.SECTION,
    teams.SECTION,
    people.SECTION,
    models.SECTION,
    routing.SECTION,
    mirrors.SECTION,
    deferred.SECTION,
    unpriced.SECTION,
    guard.SECTION,
    discovery.SECTION,
    refusals.SECTION,
    audit.SECTION,
    reliability.SECTION,
    failovers.SECTION,
    breakers.SECTION,
    latency.SECTION,
    changes.SECTION,
    verification.SECTION,
    method.SECTION,
)
