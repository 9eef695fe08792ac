"""The policy in force: all files of rules/policy/ as one immutable value with a version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.inject import Inject
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.model import Budget, Loops

# The lists of rules besides budgets, as fields here and as lists in the files.
KINDS = ("routes", "guard", "audit", "inject")

NO_PLACES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Policy:
    """All rules in force. `places` say where each rule stands (`path:line:column`), for messages.

    `unknown_keys` None: as company keys while no company key is registered, then as personal ones.
    """

    budgets: tuple[Budget, ...] = ()
    routes: tuple[Route, ...] = ()
    guard: tuple[Guard, ...] = ()
    audit: tuple[Audit, ...] = ()
    inject: tuple[Inject, ...] = ()
    unknown_keys: Literal["company", "personal"] | None = None
    loops: Loops | None = None
    places: Mapping[str, str] = field(default=NO_PLACES, compare=False, repr=False)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of the content's SHA-256. Comments, layout and file names do not change it."""
        content: dict[str, Any] = {
            "budgets": [_content(budget) for budget in self.budgets],
            "unknown_keys": self.unknown_keys,
        }
        if self.loops is not None:
            content["loops"] = self.loops.model_dump(mode="json")
        for kind in KINDS:
            rules = getattr(self, kind)
            content[kind] = [rule.model_dump(mode="json", exclude_defaults=True) for rule in rules]
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def contact(self, rule: str) -> str | None:
        """Whom to ask about a budget, where it names someone."""
        budget = self.budget(rule)
        return None if budget is None else budget.contact

    def budget(self, name: str) -> Budget | None:
        """A budget by its name."""
        return next((budget for budget in self.budgets if budget.name == name), None)

    @cached_property
    def spender_fields(self) -> tuple[str, ...]:
        """What of a spender the budgets look at besides who it is, so that their caps can be kept by it."""
        wanted = {
            name for budget in self.budgets if budget.scope != "company" for name in budget.scope.fields
        }
        models = any(budget.degrade_to is not None for budget in self.budgets)
        named = [name for name in ("key", "provider", "model", "client", "conversation") if name in wanted]
        return tuple(named if not models or "model" in named else [*named, "model"])


def _content(budget: Budget) -> dict[str, Any]:
    """What a budget says: its limit without the three it does not set, money spelt in one way. What later
    versions added counts where it is set, so that an upgrade changes no policy's version."""
    said = {
        name: value
        for name, value in budget.model_dump(mode="json", by_alias=True).items()
        if value is not None or not name.startswith("limit_")
    }
    unset = {"from": None, "until": None, "on_exceed": "block", "alert_burn_rate": False}
    said = {name: value for name, value in said.items() if name not in unset or value != unset[name]}
    if budget.scope != "company":
        said["scope"] = budget.scope.fields
    if budget.limit_usd is not None:
        said["limit_usd"] = format(budget.limit_usd.normalize(), "f")
    return said
