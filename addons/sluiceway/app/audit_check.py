"""`rules check` for the audit: rules that keep nothing, keep it for very long, or wait for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sluiceway.app.audit import Place
from sluiceway.app.deployment import Deployment
from sluiceway.app.recording import ner_of
from sluiceway.errors import ConfigError, StoreError
from sluiceway.policy import Policy
from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.match import any_of
from sluiceway.types import Principal

LONG = timedelta(days=366)
NAMED = 3


def audit_warnings(deployment: Deployment, policy: Policy, at: datetime) -> list[str]:
    """What is right but surprising. Raises ConfigError where rules/auditors.yaml is wrong."""
    holders, zone = Place.of(deployment).holders(), deployment.settings.zone
    if not policy.audit:
        return []
    services, found = _services(deployment), []
    for rule in policy.audit:
        where = f"{policy.places[rule.name]}: {rule.name}"
        found += [f"{where}: {each}" for each in _of_rule(rule, holders.can_open, services)]
        if not rule.in_force(at, zone):
            found.append(f"{where}: ended on {rule.until}, so nothing is kept; set a new end, or remove it")
        elif rule.until > at.astimezone(zone).date() + LONG:
            found.append(
                f"{where}: ends on {rule.until}, more than a year from now; is that what was agreed?"
            )
    if any(rule.mode == "redacted" for rule in policy.audit):
        found += [warning for warning in (ner_of(deployment).warning,) if warning]
    return found


def _of_rule(rule: Audit, can_open: bool, services: Sequence[Principal]) -> Iterator[str]:
    if rule.mode == "redacted" and not can_open:
        yield "keeps nothing: no two people in rules/auditors.yaml could open it (sluiceway audit keygen)"
    met = [each.name for each in services if _meets(rule, each)]
    if met and rule.until_acknowledged == "refuse":
        names = ", ".join(met[:NAMED]) + (", ..." if len(met) > NAMED else "")
        yield (
            f"meets services too ({names}), which read no notice: they are refused until whoever answers for "
            f"them acknowledges it (sluiceway audit disclose {met[0]} --rule {rule.name} --acknowledged HOW)"
        )


def _meets(rule: Audit, service: Principal) -> bool:
    match = rule.match
    return (
        match.employee is None
        and (match.service is None or any_of(match.service, service.name))
        and (match.team is None or any_of(match.team, service.team))
    )


def _services(deployment: Deployment) -> list[Principal]:
    """None of them while there is no store to look at."""
    try:
        with deployment.store(writable=False) as store:
            return [each.principal for each in store.people.list() if each.principal.kind == "service"]
    except (StoreError, ConfigError):
        return []
