"""The decision on one request: a pure function of policy, principal, call and facts, with a trail.

No clock, no I/O, no randomness: the same request under the same policy is decided the same way, so
`rules explain` can show beforehand what will happen, and a report afterwards why it did.
"""

from __future__ import annotations

from sluiceway.policy.policy import Policy
from sluiceway.types import Call, Decision, Facts, Principal, Refusal, RefusalKind, Step, Target


def decide(policy: Policy, who: Principal, call: Call, facts: Facts) -> Decision:
    """Where the request goes, by which rule; or the refusal. Budgets are asked afterwards, by the store."""
    asked = Target(facts.provider, call.model or "")
    trail: tuple[Step, ...] = ()
    for rule in policy.routes:
        if not rule.match.holds(who, call, facts):
            continue
        target, step = rule.apply(asked)
        if target is None:
            assert rule.deny
            return Decision(asked, rule.name, _denied(rule.name, rule.deny.reason, facts), (*trail, step))
        if target != asked and not facts.may_reroute:
            # What cannot be applied does not decide: a later rule may still deny.
            trail += (Step("route", rule.name, "not applied: this key is not the company's to move"),)
            continue
        return Decision(target, rule.name, None, (*trail, step))
    return Decision(asked, None, None, trail or (Step("route", None, "no route matches: as asked"),))


def _denied(rule: str, reason: str, facts: Facts) -> Refusal:
    message = f"Sluiceway: this request is not allowed by the rule '{rule}': {reason}. Ask {facts.contact}."
    return Refusal(RefusalKind.POLICY, "denied", message, rule=rule)
