"""Whether another model may answer where a used-up budget leads there: no other rule is led around by it."""

from __future__ import annotations

from dataclasses import replace

from sluiceway.policy.case import lacking
from sluiceway.policy.decide import decide, kept_out
from sluiceway.policy.guarding import asked
from sluiceway.policy.policy import Policy
from sluiceway.types import Call, Facts, Principal, Target


def not_instead(
    policy: Policy, who: Principal, call: Call, facts: Facts, named: Target, model: str
) -> str | None:
    """Why `model` may not answer at the provider that is asked; None: it may. `call` and `facts` are as it
    goes there now, `named` what the client asked for."""
    there, other = Target(facts.provider, model), replace(call, model=model)
    if (why := lacking(policy, call, facts, there)) is not None:
        return why
    if not (policy.routes or policy.guard):
        return None
    as_asked = replace(call, model=named.model), replace(facts, provider=named.provider)
    if (why := kept_out(policy, who, *as_asked, there)) is not None:
        return why
    if decide(policy, who, other, facts).refusal is not None:
        return "a route does not allow it"
    if not set(asked(policy, who, other, facts)) <= set(asked(policy, who, call, facts)):
        return "a guard rule would have to look at it anew"
    return None
