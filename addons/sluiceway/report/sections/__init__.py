"""The sections of the report, in the order a reader meets them."""

from __future__ import annotations

from typing import Any

from sluiceway.report.section import Section
from sluiceway.report.sections import (
    caps,
    discovery,
    latency,
    method,
    models,
    people,
    refusals,
    reliability,
    teams,
    timeline,
    totals,
    unpriced,
)

SECTIONS: tuple[Section[Any], ...] = (
    totals.SECTION,
    timeline.SECTION,
    caps.SECTION,
    teams.SECTION,
    people.SECTION,
    models.SECTION,
    unpriced.SECTION,
    discovery.SECTION,
    refusals.SECTION,
    latency.SECTION,
    reliability.SECTION,
    method.SECTION,
)
