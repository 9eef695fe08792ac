"""The budget of a mirror rule, as the cap on the copies that it makes."""

from __future__ import annotations

from datetime import datetime, tzinfo

from sluiceway.policy.policy import Policy
from sluiceway.policy.windows import window
from sluiceway.types import Cap, to_nusd

MIRROR = "mirror"  # the service that copies are made as; the rule is its project


def mirror_cap(policy: Policy, rule: str | None, at: datetime, zone: tzinfo) -> Cap | None:
    """The cap for the day that holds `at`; None: there is no such rule any more, so there is no money."""
    found = next((each.mirror for each in policy.routes if each.name == rule), None)
    if found is None or rule is None:
        return None
    starts_at, ends_at = window("day", at, zone)
    scope = (("service", MIRROR), ("project", rule))
    return Cap(rule, scope, "day", starts_at, ends_at, to_nusd(found.budget_usd_per_day))
