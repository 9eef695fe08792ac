"""`rules explain`: what would happen to a request, by which rule, without sending it anywhere.

The same pure functions decide as on the wire, on the rules in the files. What only a running serve knows
(prices learned from answers, what is reserved at this moment) is as of now where the store tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from sluiceway.app.budgets import amount, balances
from sluiceway.app.deployment import Content, Deployment
from sluiceway.audit.notice import told, version
from sluiceway.audit.permit import Permit, applicable, permit
from sluiceway.errors import ConfigError, WireError
from sluiceway.policy import caps as caps_for
from sluiceway.policy import decide
from sluiceway.pricing import estimate
from sluiceway.settings.providers import match, path_at
from sluiceway.settings.sentences import nearest
from sluiceway.store import Store
from sluiceway.types import Call, Decision, Facts, KeyClass, Principal, Provider, Route, Step
from sluiceway.wire import Target, by_name, identify

NOBODY_TO_ASK = "whoever runs Sluiceway in your company"


@dataclass(frozen=True, slots=True)
class Question:
    """A request to explain. `url` is the provider's; `headers` by lower-case name."""

    principal: str
    url: str
    body: bytes = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_class: KeyClass = KeyClass.COMPANY


@dataclass(frozen=True, slots=True)
class Explained:
    """What would happen. `caps` are plain values for tables; `answer` is the verdict in one line."""

    principal: Principal
    call: Call
    asked: Target
    policy_version: str
    decision: Decision
    trail: tuple[Step, ...]
    input_tokens: int
    caps: tuple[dict[str, Any], ...]
    audit: Permit
    answer: str
    refused: bool


def explain(deployment: Deployment, question: Question) -> Explained:
    """Raises ConfigError or WireError with what is wrong with the question."""
    content, now = deployment.content(), datetime.now(UTC)
    provider, route, target = _at(content, question)
    assert route.dialect
    reading = by_name(route.dialect).read(target, question.headers, question.body)
    call = reading.call
    with deployment.store(writable=False) as store:
        who = _principal(store, question.principal)
        facts = _facts(deployment, provider, question, call)
        decision = decide(content.policy, who, call, facts)
        standing = tuple(_standing(deployment, content, store, who, now)) if _counts(question) else ()
        audit = _audit(deployment, content, store, who, call, facts, question, now)
    refused, answer = _answer(content, decision, route, target.path)
    trail = (*decision.trail, Step("audit", None, f"{audit.state}: {audit.why}"))
    return Explained(
        who, call, target, content.policy.version, decision, trail, facts.input_tokens, standing, audit,
        answer, refused,
    )  # fmt: skip


def _at(content: Content, question: Question) -> tuple[Provider, Route, Target]:
    """Whose URL it is, and by which path it is metered."""
    parts = urlsplit(question.url)
    provider = content.providers.at((parts.hostname or "").rstrip("."))
    if parts.scheme != "https" or provider is None:
        hosts = ", ".join(content.providers.hosts)
        raise ConfigError(f"'{question.url}' is no https address of a metered host; there are: {hosts}")
    route = match(provider, question.method, parts.path)
    if route is None or route.dialect is None:
        metered = ", ".join(sorted({f"{r.method} {r.pattern}" for r in provider.routes if r.dialect}))
        what = f"not listed ({provider.unlisted})" if route is None else "passed on unmetered"
        raise ConfigError(f"{question.method} {parts.path} of {provider.name} is {what}; metered: {metered}")
    return provider, route, Target(question.method, parts.path, parts.query)


def _principal(store: Store, name: str) -> Principal:
    people = {person.principal.name: person.principal for person in store.people.list()}
    if name in people:
        return people[name]
    near = nearest(name, people)
    raise ConfigError(f"there is nobody called '{name}'" + (f" (did you mean '{near}'?)" if near else ""))


def _facts(deployment: Deployment, provider: Provider, question: Question, call: Call) -> Facts:
    return Facts(
        provider=provider.name,
        client_name=identify(question.headers).name,
        key_class=question.key_class,
        input_tokens=estimate.input_tokens(call, None),
        may_reroute=_counts(question),
        company_money=_counts(question),
        contact=deployment.settings.contact or NOBODY_TO_ASK,
    )


def _counts(question: Question) -> bool:
    return question.key_class is KeyClass.COMPANY


def _standing(
    deployment: Deployment, content: Content, store: Store, who: Principal, now: datetime
) -> list[dict[str, Any]]:
    """The caps that apply, as they stand now."""
    standing, found = balances(store), []
    for cap in caps_for(content.policy, who, now, deployment.settings.zone):
        spent, reserved = standing.get(cap.counter, (0, 0))
        found.append(
            {
                "budget": cap.rule,
                "window": cap.window,
                "unit": cap.unit,
                "limit": amount(cap.unit, cap.limit),
                "spent": amount(cap.unit, spent),
                "reserved": amount(cap.unit, reserved),
                "left": amount(cap.unit, max(0, cap.limit - spent - reserved)),
                "resets_at": cap.ends_at.isoformat() if cap.ends_at else None,
            }
        )
    return found


def _audit(
    deployment: Deployment,
    content: Content,
    store: Store,
    who: Principal,
    call: Call,
    facts: Facts,
    question: Question,
    now: datetime,
) -> Permit:
    from sluiceway.app.audit import Place  # cryptography takes a while to import, and most rules have none

    zone = deployment.settings.zone
    rule = applicable(content.policy.audit, who, call, facts, now, zone)
    said = told(store.audit, who.name, version(rule)) if rule is not None else None
    can_open = Place.of(deployment).holders().can_open
    disclosed_at, acknowledged_at = (said.disclosed_at, said.acknowledged_at) if said else (None, None)
    return permit(rule, now, zone, question.key_class, disclosed_at, acknowledged_at, can_open)


def _answer(content: Content, decision: Decision, route: Route, path: str) -> tuple[bool, str]:
    """Whether it is refused, and the verdict."""
    if decision.refusal is not None:
        return True, f"refused: {decision.refusal.message}"
    there = content.providers.by_name[decision.target.provider]
    if path_at(there, route, path) is None or there.own_host is None:
        return True, f"refused: '{there.name}' does not take requests of this kind (rule '{decision.rule}')"
    return False, f"forwarded to {decision.target}"


def question_of(text: bytes, principal: str, url: str | None, key_class: KeyClass) -> Question:
    """A question from a file: a provider's request body together with `url`, or an object with `url`, `body`
    and, if need be, `method` and `headers`. Raises WireError saying what is missing."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WireError(f"the request is not JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(document, dict):
        raise WireError("the request is not a JSON object")
    if url is not None:
        return Question(principal, url, text, key_class=key_class)
    address, body, headers = document.get("url"), document.get("body"), document.get("headers", {})
    if not isinstance(address, str) or not isinstance(body, dict):
        raise WireError('give --url, or a request that is an object with "url" and "body"')
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise WireError("headers: must be an object of texts")
    lower = {str(name).lower(): value for name, value in headers.items()}
    method = str(document.get("method", "POST")).upper()
    return Question(principal, address, orjson.dumps(body), method, lower, key_class)
