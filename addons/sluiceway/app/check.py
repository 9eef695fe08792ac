"""`rules check`: every rules file read and compared with the people there are, without touching what runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sluiceway import policy
from sluiceway.app import grants
from sluiceway.app.deployment import Deployment
from sluiceway.app.entities import idle_types
from sluiceway.errors import ConfigError, StoreError
from sluiceway.policy.check import WARNING
from sluiceway.settings.sentences import nearest
from sluiceway.store.keys import ProviderKey
from sluiceway.types import KeyClass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `summary` says what is in force if there are no errors."""

    errors: list[str]
    warnings: list[str]
    summary: str


def check(deployment: Deployment) -> Verdict:
    """Checks policy, providers and prices of a deployment."""
    from sluiceway.app.audit_check import audit_warnings  # it brings the detectors

    teams, employees = _people(deployment)
    lines = policy.check(deployment.settings.rules, teams, employees)
    errors = [line for line in lines if not line.startswith(WARNING)]
    warnings = [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]
    warnings += grants.warnings(deployment.settings.identity)
    summary = ""
    try:
        content = deployment.content()
        warnings += _without_keys(content.policy, _keys(deployment))
        warnings += idle_types(content.policy, content.recognizers)
        warnings += audit_warnings(deployment, content.policy, datetime.now(UTC))
        summary = (
            f"ok: {len(content.policy.budgets)} budgets, {len(content.providers.by_name)} providers, "
            f"policy version {content.policy.version}"
        )
    except ConfigError as error:
        errors += [line for line in str(error).splitlines() if line not in errors]
    return Verdict(errors, warnings, summary)


def _keys(deployment: Deployment) -> tuple[ProviderKey, ...] | None:
    """The company's keys that are not retired; None while there is no store to look at."""
    try:
        with deployment.store(writable=False) as store:
            known = store.keys.list()
    except (StoreError, ConfigError):
        return None
    return tuple(each for each in known if each.key_class is KeyClass.COMPANY and each.retired_at is None)


def _without_keys(rules: policy.Policy, keys: tuple[ProviderKey, ...] | None) -> Iterator[str]:
    """Rules that need a company key and do nothing, or only refuse, without it."""
    if keys is None:
        return
    labels = [each.label for each in keys]
    for rule in rules.inject:
        where = f"{rules.places[rule.name]}: {rule.name}"
        if not keys:
            yield f"{where}: no company key is registered (sluiceway key add), so who it is for is refused"
        elif rule.label is not None and rule.label not in labels:
            near = nearest(rule.label, labels)
            guess = f" (did you mean '{near}'?)" if near else ""
            yield f"{where}: there is no key '{rule.label}' in use{guess}, so who it is for is refused"
    for route in rules.routes:
        where = f"{rules.places[route.name]}: {route.name}"
        if route.moves and not keys:
            yield f"{where}: moves only requests with a company key, and none is registered"
        providers = {each.provider for each in keys}
        for name in dict.fromkeys(route.providers_named if keys else ()):
            if name not in providers:
                yield f"{where}: no company key of {name} is registered, so nothing is sent there"


def _people(deployment: Deployment) -> tuple[list[str] | None, list[str] | None]:
    """Known teams and employees; None while there is no store to compare with."""
    try:
        with deployment.store(writable=False) as store:
            people = store.people.list()
    except (StoreError, ConfigError):
        return None, None
    employees = [person.principal.name for person in people if person.principal.kind == "employee"]
    return sorted({person.principal.team for person in people}), employees
