"""`rules explain`: what would happen to a request, by which rule, without sending it anywhere.

By the functions that decide on the wire, on the rules in the files, in the order of a request's life
(`gateway/life.py`); the trail ends where it would be refused. What only a running serve knows (prices learned
from answers, what is reserved at this moment) is as of now where the store tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sluiceway.app import keys
from sluiceway.app.deployment import Content, Deployment
from sluiceway.app.foreseen_caps import CapsForeseen, foresee
from sluiceway.app.foresight import brought, fields_of, looked_through, outgoing, outgoing_elsewhere, supposed
from sluiceway.app.question import Question
from sluiceway.app.standing_now import breaker_steps, health_now
from sluiceway.app.standings import balances
from sluiceway.app.translation import translation_stage
from sluiceway.audit.notice import told, version
from sluiceway.audit.permit import Permit, applicable, permit
from sluiceway.errors import ConfigError
from sluiceway.gateway.billing import FREE
from sluiceway.gateway.carrying import Carrying
from sluiceway.gateway.credentials import Presented, signs_body
from sluiceway.gateway.outlook import with_outlook
from sluiceway.gateway.parts import Rules
from sluiceway.gateway.reservation import FOR_ALL
from sluiceway.gateway.roads import road_to
from sluiceway.gateway.tasks import task_of
from sluiceway.guard.company import Recognizers
from sluiceway.policy import Policy, decide, is_company_money, not_instead, used_percent
from sluiceway.policy import caps as caps_for
from sluiceway.policy.kinds import Audit
from sluiceway.pricing import estimate
from sluiceway.settings.providers import match
from sluiceway.settings.sentences import nearest
from sluiceway.store import Store
from sluiceway.types import (
    NO_HEALTH,
    Call,
    Cap,
    Decision,
    Facts,
    KeyClass,
    Principal,
    Provider,
    Refusal,
    Route,
    Spender,
    Step,
    Target,
)
from sluiceway.wire import Target as Path
from sluiceway.wire import by_name, identify
from sluiceway.wire.parts import Segment

# Why it is refused: in words, and by its code on the wire.
type No = tuple[str, str]
# What one stage of a request's life adds to the trail, and the no that ends it there.
type Stage = tuple[Sequence[Step], No | None]

NOT_SENT = Permit("off", "the request is refused")
ANSWERED_HERE = Permit("off", "it is sent nowhere")


@dataclass(frozen=True, slots=True)
class Explained:
    """What would happen. `caps` and `findings` are plain values for tables; `answer` is the verdict in one
    line."""

    principal: Principal
    call: Call
    policy_version: str
    key_class: KeyClass
    decision: Decision
    trail: tuple[Step, ...]
    input_tokens: int
    findings: tuple[Mapping[str, Any], ...]
    caps: tuple[Mapping[str, Any], ...]
    audit: Permit
    answer: str
    refused: bool
    refusal_code: str | None


def explain(deployment: Deployment, question: Question) -> Explained:
    """Raises ConfigError or WireError with what is wrong with the question."""
    content = deployment.content()
    with deployment.store(writable=False) as store:
        ring = keys.ring(deployment, store)
        rules = Rules(content.policy, content.prices, content.providers.by_name, ring)
        return _Life(deployment, content, rules, store, question).foretold()


class _Life:
    """The life of one request as it would be."""

    def __init__(
        self, deployment: Deployment, content: Content, rules: Rules, store: Store, question: Question
    ) -> None:
        self._deployment, self._content, self._rules, self._store = deployment, content, rules, store
        self._question = question
        self._provider, self._route, self._path = _at(content, question)
        assert self._route.dialect
        self._dialect = by_name(self._route.dialect)
        self._reading = self._dialect.read(self._path, question.headers, question.body)
        self._call = self._reading.call
        self._who = _principal(store, question.principal)
        self._at = datetime.now(UTC)

    def foretold(self) -> Explained:
        """All stages in order, up to the first no."""
        rules, who, call, policy = self._rules, self._who, self._call, self._rules.policy
        presented = self._presented()
        named = _host(self._question.url) in self._provider.hosts
        out = outgoing(rules, presented, who, call, self._facts(presented.key_class), named)
        facts = with_outlook(
            self._facts(out.key_class),
            rules,
            self._route,
            self._path.path,
            self._at,
            self._deployment.settings.zone,
        )
        loses = Carrying(self._reading, rules, self._route, self._path.path)
        health = health_now(self._deployment)
        facts = replace(
            facts, used_percent=self._used(policy, facts), loses=loses, health=health or NO_HEALTH
        )
        decision = decide(policy, who, call, facts)
        recognizers, segments = self._content.recognizers, self._dialect.segments(self._reading)
        looked = looked_through(rules, recognizers, segments, who, call, facts, decision.target)
        sent_call = replace(call, model=decision.target.model)
        sent_facts = replace(facts, provider=decision.target.provider)
        permitted, audit_stage = self._audit(sent_call, sent_facts)
        caps, caps_stage = self._caps(out.key_class, decision.target, facts)
        here = self._counted_here(decision, facts)
        stages: list[Stage] = [
            ((out.step,), _no(out.refusal)),
            (looked.steps, _no(looked.refusal)),
            (decision.trail, None),
            ((here,), None) if here else self._way(decision),
        ]
        if here is None:
            stages += [
                (self._turned_away(decision, recognizers, segments, facts), None),
                (breaker_steps(policy, decision, health), None),
                self._elsewhere(decision, sent_call, sent_facts),
                audit_stage,
                caps_stage,
            ]
        trail, refusal = _until_refused(stages)
        if refusal is not None and audit_stage[1] is None:
            permitted = NOT_SENT
        return Explained(
            principal=who,
            call=call,
            policy_version=policy.version,
            key_class=out.key_class,
            decision=decision,
            trail=trail,
            input_tokens=facts.input_tokens,
            findings=looked.findings,
            caps=caps.caps,
            audit=ANSWERED_HERE if here else permitted,
            answer=_answer(caps.target, refusal, here),
            refused=refusal is not None,
            refusal_code=None if refusal is None else refusal[1],
        )

    def _presented(self) -> Presented:
        question, deployment = self._question, self._deployment
        if question.carried is not None:
            return supposed(question.carried.key_class)
        query, key = self._path.query, deployment.key()
        return brought(self._rules, self._provider, question.headers, query, key, deployment.contact)

    def _facts(self, key_class: KeyClass) -> Facts:
        return Facts(
            provider=self._provider.name,
            client_name=identify(self._question.headers).name,
            key_class=key_class,
            input_tokens=estimate.input_tokens(self._call, None),
            may_reroute=key_class is KeyClass.COMPANY,
            company_money=self._is_company_money(key_class),
            contact=self._deployment.contact,
            signed=signs_body(fields_of(self._question.headers)),
            task=task_of(self._reading.document, identify(self._question.headers).name).known,
        )

    def _used(self, policy: Policy, facts: Facts) -> Mapping[str, int]:
        """How the budgets stand that a route looks at."""
        if not policy.budgets_watched:
            return {}
        standing = balances(self._store)
        asked = Target(self._provider.name, self._call.model or "")
        return used_percent(
            caps_for(policy, self._spender(asked), self._at, facts.zone),
            policy.budgets_watched,
            lambda cap: standing.get(cap.counter, (0, 0))[0],
        )

    def _is_company_money(self, key_class: KeyClass) -> bool:
        return is_company_money(self._rules.policy, key_class, self._rules.keys.has_company_keys)

    def _way(self, decision: Decision) -> Stage:
        """The way to where the routes lead it, or why there is none."""
        if decision.refusal is not None:
            return (), _no(decision.refusal)
        there = self._content.providers.by_name[decision.target.provider]
        if there.name == self._provider.name:
            return (), None
        call, path = self._call, self._path.path
        road = road_to(there, self._route, path, decision.target.model, call.stream)
        if road is None or there.own_host is None:
            no = f"'{there.name}' does not take requests of this kind (rule '{decision.rule}')"
            return (), (no, "no_way")
        if road.foreign is None:
            return (), None
        models = self._rules.policy.models
        return translation_stage(self._dialect, self._reading, decision, road.foreign, there, models)

    def _elsewhere(self, decision: Decision, call: Call, facts: Facts) -> Stage:
        """The key of the provider that a route leads to."""
        if facts.provider == self._provider.name or decision.rule is None:
            return (), None
        out = outgoing_elsewhere(self._rules, self._who, call, facts, decision.rule)
        return (out.step,), _no(out.refusal)

    def _audit(self, call: Call, facts: Facts) -> tuple[Permit, Stage]:
        """Whether it would be kept, or answered with a notice."""
        zone, who = self._deployment.settings.zone, self._who
        rule = applicable(self._rules.policy.audit, who, call, facts, self._at, zone)
        found = self._permit(rule, facts.key_class)
        step = Step("audit", None, f"{found.state}: {found.why}")
        if rule is None or not found.notice_due or rule.until_acknowledged == "send_unaudited":
            return found, ((step,), None)
        refusal = f"with the notice of the audit rule '{rule.name}', until {who.name} has acknowledged it"
        return found, ((replace(step, rule=rule.name),), (refusal, "audit_notice"))

    def _permit(self, rule: Audit | None, key_class: KeyClass) -> Permit:
        from sluiceway.app.audit import (
            Place,  # cryptography takes a while to import, and most rules have none
        )

        said = told(self._store.audit, self._who.name, version(rule)) if rule is not None else None
        can_open = Place.of(self._deployment).holders().can_open
        disclosed_at, acknowledged_at = (said.disclosed_at, said.acknowledged_at) if said else (None, None)
        zone = self._deployment.settings.zone
        return permit(rule, self._at, zone, key_class, disclosed_at, acknowledged_at, can_open)

    def _caps(self, key_class: KeyClass, target: Target, facts: Facts) -> tuple[CapsForeseen, Stage]:
        """The caps that apply, as they stand now; one that is used up refuses, or leads to another model."""
        if self._call.operation in FREE:
            return CapsForeseen(target, (), ()), ((), None)
        zone, spends = self._deployment.settings.zone, self._is_company_money(key_class)
        raises = [each.what for each in self._store.raises.in_force()]

        def caps_on(there: Target) -> Sequence[Cap]:
            found = caps_for(self._rules.policy, self._spender(there), self._at, zone, raises)
            return [cap for cap in found if spends or cap.unit in FOR_ALL]

        def why_not(there: Target, model: str) -> str | None:
            if key_class is not KeyClass.COMPANY or facts.signed:
                return "the request is not the company's to change"
            call, at = replace(self._call, model=there.model), replace(facts, provider=there.provider)
            named = Target(self._provider.name, self._call.model or "")
            return not_instead(self._rules.policy, self._who, call, at, named, model)

        found = foresee(target, caps_on, balances(self._store), why_not)
        if found.refused_by is None:
            return found, (found.steps, None)
        return found, (found.steps, (f"the budget '{found.refused_by}' is used up", "budget_spent"))

    def _counted_here(self, decision: Decision, facts: Facts) -> Step | None:
        """As `counting.counted`: a question for the number of tokens that another API could not answer."""
        there = self._content.providers.by_name.get(decision.target.provider)
        if self._call.operation != "count_tokens" or decision.refusal is not None or there is None:
            return None
        if there.name == self._provider.name:
            return None
        road = road_to(there, self._route, self._path.path, decision.target.model, stream=False)
        if road is None or not road.counted:
            return None
        said = f"{there.name} counts in another way: about {facts.input_tokens:,} tokens are told"
        return Step("count", decision.rule, said)

    def _turned_away(
        self, decision: Decision, recognizers: Recognizers, segments: Sequence[Segment], facts: Facts
    ) -> list[Step]:
        """Those who would come next, and whom the guard's rules for there let it not go to."""
        steps = []
        for target in decision.chain:
            looked = looked_through(self._rules, recognizers, segments, self._who, self._call, facts, target)
            if looked.refusal is not None:
                said = f"if it came to {target}, the guard would turn it away, so it is passed over"
                steps.append(Step("guard", looked.refusal.rule, said))
        return steps

    def _spender(self, target: Target) -> Spender:
        """What is asked, as far as the question says: of the key only what a request in hand would show."""
        told = self._call.conversation_id or identify(self._question.headers).conversation_id
        presented = self._presented()
        known = self._rules.keys.known.get(presented.fingerprint or "")
        name = known.label if known else None
        client = identify(self._question.headers).name
        return Spender(
            self._who, target.provider, target.model or None, presented.fingerprint, name, client, told
        )


def _answer(target: Target, refusal: No | None, here: Step | None) -> str:
    if refusal is not None:
        return f"refused: {refusal[0]}"
    return f"answered here: {here.effect}" if here else f"forwarded to {target}"


def _no(refusal: Refusal | None) -> No | None:
    return None if refusal is None else (refusal.message, refusal.code)


def _until_refused(stages: Iterable[Stage]) -> tuple[tuple[Step, ...], No | None]:
    trail: list[Step] = []
    for steps, refusal in stages:
        trail += steps
        if refusal is not None:
            return tuple(trail), refusal
    return tuple(trail), None


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _at(content: Content, question: Question) -> tuple[Provider, Route, Path]:
    """Whose URL it is, and by which path it is metered."""
    parts = urlsplit(question.url)
    provider = content.providers.at(_host(question.url))
    if parts.scheme != "https" or provider is None:
        hosts = ", ".join(content.providers.hosts)
        raise ConfigError(f"'{question.url}' is no https address of a metered host; there are: {hosts}")
    route = match(provider, question.method, parts.path)
    if route is None or route.dialect is None:
        metered = ", ".join(sorted({f"{r.method} {r.pattern}" for r in provider.routes if r.dialect}))
        what = f"not listed ({provider.unlisted})" if route is None else "passed on unmetered"
        raise ConfigError(f"{question.method} {parts.path} of {provider.name} is {what}; metered: {metered}")
    return provider, route, Path(question.method, parts.path, parts.query)


def _principal(store: Store, name: str) -> Principal:
    people = {person.principal.name: person for person in store.people.list()}
    if (person := people.get(name)) is not None:
        if person.disabled_at is not None:
            raise ConfigError(f"'{name}' is disabled: each of their requests is refused")
        return person.principal
    near = nearest(name, people)
    raise ConfigError(f"there is nobody called '{name}'" + (f" (did you mean '{near}'?)" if near else ""))
