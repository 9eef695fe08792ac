"""The decision on one request: a pure function of policy, principal, call and facts, with a trail.

No clock, no I/O, no randomness: the same request under the same policy is decided the same way, so
`rules explain` can show beforehand what will happen, and a report afterwards why it did.

Routes say three things: where a request goes, where it goes next if that fails, and who gets a copy. For
each the first route that matches and says it decides. A conversation that a route has placed stays there for
as long as the route is there and is about it, whatever else has changed; a deny goes before that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sluiceway.policy.case import Case
from sluiceway.policy.kinds.actions.failover import chain, hops
from sluiceway.policy.kinds.actions.place import NOT_OURS
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.policy import Policy
from sluiceway.types import Call, Decision, Facts, Principal, Refusal, RefusalKind, Step, Target

AS_ASKED = Step("route", None, "no route matches: as asked")


def decide(policy: Policy, who: Principal, call: Call, facts: Facts) -> Decision:
    """Where the request goes, by which rule; or the refusal. Budgets are asked afterwards, by the store."""
    choice = _Choice(Case(policy, who, call, facts))
    for rule in policy.routes_about(who, call, facts):
        if choice.settled and rule.failover is None and rule.mirror is None:
            continue
        if rule.match.holds_now(who, call, facts):
            choice.consider(rule)
            if choice.refusal is not None:
                break
        elif choice.target is None and facts.stays_with is not None:
            choice.hold(rule)
    return choice.decision()


def kept_out(policy: Policy, who: Principal, call: Call, facts: Facts, target: Target) -> str | None:
    """Why a request may not be answered by `target`, whoever leads it there: a constraint that would rather
    deny it. None: no rule says so. `call` and `facts` are as asked."""
    case = Case(policy, who, call, facts)
    bound = (rule.choose for rule in policy.routes_about(who, call, facts) if _denies(rule, who, call, facts))
    return next((why for choose in bound if choose and (why := choose.breaks(case, target))), None)


def leads_away(
    policy: Policy, who: Principal, call: Call, facts: Facts, usable: Collection[str]
) -> str | None:
    """The first route that may send requests of this kind to another provider, whichever model they will name
    and whatever will be in them: asked before there is one. None: there is no such route. `usable`: the
    providers of which the company has a key."""
    if not facts.may_reroute:
        return None
    case = Case(policy, who, call, facts)
    for rule in policy.routes:
        elsewhere = (target.provider for target in rule.targets(case) if target.provider != facts.provider)
        if rule.match.of_any_model.lasts(who, call, facts) and any(
            name in usable and case.is_given_key(name) for name in elsewhere
        ):
            return rule.name
    return None


def _denies(rule: Route, who: Principal, call: Call, facts: Facts) -> bool:
    return rule.choose is not None and rule.choose.denies and rule.match.holds_now(who, call, facts)


@dataclass(slots=True)
class _Choice:
    """What the routes looked at so far have said. `held`: the conversation is kept where it is by a route
    that does not match this request itself, so that a later one may still deny it."""

    case: Case
    trail: list[Step] = field(default_factory=list)
    target: Target | None = None
    rule: str | None = None
    held: bool = False
    refusal: Refusal | None = None
    next: Route | None = None
    copy: Route | None = None

    @property
    def settled(self) -> bool:
        return self.target is not None and not self.held

    def consider(self, rule: Route) -> None:
        """A route that matches."""
        if self.next is None and rule.failover is not None:
            self.next = rule
        if self.copy is None and rule.mirror is not None:
            self.copy = rule
        if rule.deny is not None and not self.settled:
            self._deny(rule, rule.deny.reason, (f"denied: {rule.deny.reason}",))
        elif rule.places and self.target is None:
            found = rule.apply(self.case)
            if found.denied is not None:
                self._deny(rule, found.denied, found.effects)
                return
            self._say("route", rule, found.effects)
            if found.target is not None:
                self.target, self.rule = found.target, rule.name
                self._bind(rule)

    def _bind(self, rule: Route) -> None:
        """What is rather denied than let out of a region stays there when it fails over, or is copied."""
        choose, case = rule.choose, self.case
        if choose is not None and choose.denies:
            case.keeps_out = lambda target: choose.breaks(case, target)

    def hold(self, rule: Route) -> None:
        """A route that does not match, but may have placed the conversation where it is."""
        case, own = self.case, self.case.facts.stays_with
        if own is None or own == case.asked or not (case.facts.may_reroute and rule.moves):
            return
        if own not in rule.targets(case):
            return
        if why := case.barred(own):
            self._say("route", rule, (f"the conversation cannot stay at {own}: {why}",))
            return
        self._say("route", rule, (f"the conversation stays at {own}",))
        self.target, self.rule, self.held = own, rule.name, True

    def decision(self) -> Decision:
        case = self.case
        if self.refusal is not None:
            return Decision(case.asked, self.rule, self.refusal, tuple(self.trail))
        first = self.target or case.asked
        target = self._where_it_failed_over(first)
        after = self._after(target, first)
        mirror = self._mirrored(target)
        return Decision(
            target,
            self.rule,
            None,
            tuple(self.trail) or (AS_ASKED,),
            after,
            mirror,
            self.next.name if self.next is not None and after else None,
            self.copy.name if self.copy is not None and mirror else None,
        )

    def _where_it_failed_over(self, first: Target) -> Target:
        """Where the conversation went when `first` failed: it stays there until that fails, too."""
        case, own = self.case, self.case.facts.stays_with
        if self.next is None or self.next.failover is None or own is None or own == first:
            return first
        if not case.facts.may_reroute or own not in hops(self.next.failover, case, first):
            return first
        if why := case.barred(own):
            self._say("failover", self.next, (f"the conversation cannot stay at {own}: {why}",))
            return first
        self._say("failover", self.next, (f"the conversation stays at {own}",))
        self.rule = self.next.name
        return own

    def _after(self, target: Target, first: Target) -> tuple[Target, ...]:
        if self.next is None or self.next.failover is None:
            return ()
        if not self.case.facts.may_reroute:
            self._say("failover", self.next, (NOT_OURS,))
            return ()
        found, effects = chain(self.next.failover, self.case, target, first)
        self._say("failover", self.next, effects)
        return found

    def _mirrored(self, target: Target) -> Target | None:
        if self.copy is None or self.copy.mirror is None:
            return None
        found, effect = self.copy.mirror.apply(self.case, self.copy.name, target)
        self._say("mirror", self.copy, (effect,))
        return found

    def _deny(self, rule: Route, reason: str, effects: Iterable[str]) -> None:
        self._say("route", rule, effects)
        contact = self.case.facts.contact
        message = (
            f"Sluiceway: this request is not allowed by the rule '{rule.name}': {reason}. Ask {contact}."
        )
        self.refusal = Refusal(RefusalKind.POLICY, "denied", message, rule=rule.name, contact=contact)
        self.rule = rule.name

    def _say(self, kind: str, rule: Route, effects: Iterable[str]) -> None:
        self.trail += (Step(kind, rule.name, effect) for effect in effects)
