"""What the guard rules say of one request: which are asked, and what is done about each type that was found.

Pure, like `decide`. All rules that match apply, and for each type the strictest action wins; of equally
strict rules the first, whose name and advice the employee sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sluiceway.policy.kinds.guard import Action, Guard
from sluiceway.policy.policy import Policy
from sluiceway.types import Call, Facts, KeyClass, Principal, Step, Target

_DONE = {Action.DETECT: "detected", Action.MASK: "masked", Action.BLOCK: "blocked"}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is done about one type of finding, by which rule. `because`: why a mask became a block."""

    type: str
    action: Action
    rule: Guard
    because: str | None = None

    @property
    def step(self) -> Step:
        """Its line in the trail."""
        reason = f" ({self.because})" if self.because else ""
        return Step("guard", self.rule.name, f"{self.type}: {_DONE[self.action]}{reason}")

    def blocked(self, because: str) -> Ruling:
        """The same type turned away, as its place or its request cannot be changed."""
        return replace(self, action=Action.BLOCK, because=because)


def asked(
    policy: Policy, who: Principal, call: Call, facts: Facts, target: Target | None = None
) -> tuple[Guard, ...]:
    """The guard rules that match this request, as it was asked or as a route will send it to `target`: no
    route leads around a rule. None: it need not be scanned."""
    ways = [(call, facts)]
    if target is not None and target != Target(facts.provider, call.model or ""):
        ways.append((replace(call, model=target.model), replace(facts, provider=target.provider)))
    return tuple(rule for rule in policy.guard if any(rule.match.holds(who, *way) for way in ways))


def judge(rules: Iterable[Guard], types: Iterable[str], facts: Facts) -> dict[str, Ruling]:
    """For each type found that is a rule's business, what is done about it."""
    rules = tuple(rules)
    because = unmaskable(facts)
    rulings: dict[str, Ruling] = {}
    for entity in sorted(types):
        covering = [rule for rule in rules if rule.covers(entity)]
        if not covering:
            continue
        strictest = max(covering, key=lambda rule: rule.strictness)  # the first of equals
        ruling = Ruling(entity, strictest.strictness, strictest)
        mask = ruling.action is Action.MASK
        rulings[entity] = ruling.blocked(because) if mask and because else ruling
    return rulings


def unmaskable(facts: Facts) -> str | None:
    """Why the bytes of a request must not be changed, so that a mask becomes a block; None: they may be.

    A signature covers the body. An unknown key that does not count as the company's may be anything, a
    signature included, so its requests go as they came or not at all (docs/decisions/0009).
    """
    if facts.signed:
        return "its client has signed it, so nothing in it can be masked"
    if facts.key_class is KeyClass.UNKNOWN and not facts.company_money:
        return "its key is not known, so nothing in it may be masked"
    return None
