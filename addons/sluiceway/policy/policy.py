"""The policy in force: all files of rules/policy/ as one immutable value with a version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from sluiceway.policy.kinds.actions.choose import Choose
from sluiceway.policy.kinds.actions.pool import Pool
from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.inject import Inject
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.match import Match
from sluiceway.policy.model import Budget, Loops
from sluiceway.policy.tariff import PriceOf, Tariff
from sluiceway.settings.models import Models
from sluiceway.types import Call, Facts, Principal

# The lists of rules besides budgets, as fields here and as lists in the files.
KINDS = ("routes", "guard", "audit", "inject")

NO_PLACES: Mapping[str, str] = MappingProxyType({})
NO_MODELS = Models()
MAX_REMEMBERED = 2048


@dataclass(frozen=True)
class Policy:
    """All rules in force, and the catalogue of models that routes choose from. `places` say where each rule
    stands (`path:line:column`), for messages.

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
    models: Models = field(default=NO_MODELS, repr=False)

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
        if self.looks_up_models:
            content["models"] = self.models.digest
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @cached_property
    def looks_up_models(self) -> bool:
        """Whether any rule asks the catalogue, which then decides, too."""
        moves = any(rule.moves for rule in self.routes)
        return bool(self.models) and (moves or any(budget.degrade_to for budget in self.budgets))

    @cached_property
    def injects_by_model(self) -> bool:
        """Whether which model is asked decides on who is given a key."""
        return any(rule.match.model is not None for rule in self.inject)

    @cached_property
    def budgets_watched(self) -> frozenset[str]:
        """The budgets whose state some rule looks at: of no other need it be found out."""
        matched = (match.budget.name for match in self._matches if match.budget is not None)
        ladders = (rule.degrade.budget for rule in self.routes if rule.degrade is not None)
        return frozenset((*matched, *ladders))

    @cached_property
    def tasks_watched(self) -> bool:
        """Whether some rule looks at what sort of work a request is: else nobody need tell."""
        return any(match.task is not None for match in self._matches)

    @property
    def _matches(self) -> Iterator[Match]:
        yield from (rule.match for rule in self.routes)
        yield from (rule.match for rule in self.guard)
        yield from (rule.match for rule in self.audit)
        yield from (rule.match for rule in self.inject)

    def routes_about(self, who: Principal, call: Call, facts: Facts) -> tuple[Route, ...]:
        """The routes whose lasting conditions hold, in order. The same few people, clients and models ask
        again and again, so it is remembered; bounded, since clients choose what they call themselves."""
        asked = who.name, who.kind, who.team, facts.client_name, facts.provider, call.model, call.operation
        key = *asked, facts.key_class
        known = self._about.get(key)
        if known is None:
            if len(self._about) >= MAX_REMEMBERED:
                self._about.clear()
            known = tuple(rule for rule in self.routes if rule.match.lasts(who, call, facts))
            self._about[key] = known
        return known

    @cached_property
    def _about(self) -> dict[tuple[str | None, ...], tuple[Route, ...]]:
        return {}

    def tariff(self, price: PriceOf) -> Tariff:
        """What the catalogue costs by a source of prices. The last one is kept: it is good for a while."""
        if not self._tariffs or self._tariffs[0][0] is not price:
            self._tariffs[:] = [(price, Tariff(price))]
        return self._tariffs[0][1]

    @cached_property
    def _tariffs(self) -> list[tuple[PriceOf, Tariff]]:
        return []

    def pool(self, choose: Choose) -> Pool:
        """The candidates of a constraint, worked out once."""
        return self._pools[id(choose)]

    @cached_property
    def _pools(self) -> Mapping[int, Pool]:
        """By identity, since a constraint is part of this policy for as long as there is one."""
        chosen = (rule.choose for rule in self.routes if rule.choose is not None)
        return {id(choose): Pool.of(self.models, choose) for choose in chosen}

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
        if any(budget.degrade_to is not None for budget in self.budgets):
            wanted |= {"provider", "model"}  # what a model is called depends on whom one asks
        return tuple(
            name for name in ("key", "provider", "model", "client", "conversation") if name in wanted
        )


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
