"""`rules check`: every rules file read and compared with the people there are, without touching what runs."""

from __future__ import annotations

from dataclasses import dataclass

from sluiceway import policy
from sluiceway.app.deployment import Deployment
from sluiceway.app.entities import idle_types
from sluiceway.errors import ConfigError, StoreError
from sluiceway.policy.check import WARNING


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `summary` says what is in force if there are no errors."""

    errors: list[str]
    warnings: list[str]
    summary: str


def check(deployment: Deployment) -> Verdict:
    """Checks policy, providers and prices of a deployment."""
    teams, employees = _people(deployment)
    lines = policy.check(deployment.settings.rules, teams, employees)
    errors = [line for line in lines if not line.startswith(WARNING)]
    summary = ""
    idle: list[str] = []
    try:
        content = deployment.content()
        idle = idle_types(content.policy, content.recognizers)
        summary = (
            f"ok: {len(content.policy.budgets)} budgets, {len(content.providers.by_name)} providers, "
            f"policy version {content.policy.version}"
        )
    except ConfigError as error:
        errors += [line for line in str(error).splitlines() if line not in errors]
    return Verdict(
        errors, [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)] + idle, summary
    )


def _people(deployment: Deployment) -> tuple[list[str] | None, list[str] | None]:
    """Known teams and employees; None while there is no store to compare with."""
    try:
        with deployment.store(writable=False) as store:
            people = store.people.list()
    except (StoreError, ConfigError):
        return None, None
    employees = [person.principal.name for person in people if person.principal.kind == "employee"]
    return sorted({person.principal.team for person in people}), employees
