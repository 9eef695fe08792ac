"""`rules replay`: what recorded requests would have cost, and who would have been refused or moved, by the
rules as they are written now.

A request that these very rules decided is taken as it happened, so replaying what is in force changes
nothing. The others are decided again by what the ledger says of them: whose, for which model, with how much
input and output, when. A route that looks at what it does not keep (tools, images, thinking, JSON, latency)
is left out, and how many requests it was about is counted. Another model is supposed to write as much. Money
that was only reserved, and limits on what is open at once, are not replayed; lifetime budgets begin 31 days
before.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from sluiceway.app import keys
from sluiceway.app.corrections import spends, usage_of
from sluiceway.app.deployment import Deployment
from sluiceway.gateway.billing import FREE
from sluiceway.gateway.outlook import with_outlook
from sluiceway.gateway.parts import Rules
from sluiceway.gateway.reservation import FOR_ALL
from sluiceway.policy import caps, decide, is_company_money, used_percent
from sluiceway.policy.kinds import Route as Rule
from sluiceway.pricing import regions
from sluiceway.report.model import to_us
from sluiceway.store import rows
from sluiceway.store.tables import ledger
from sluiceway.types import (
    Call,
    Cap,
    Facts,
    KeyClass,
    LedgerRow,
    Outcome,
    Principal,
    Route,
    Spender,
    Target,
    to_nusd,
)

BEFORE = timedelta(days=31)  # so that a month's budgets begin with what was spent of them
DENIED, SPENT = "denied", "budget_spent"
RULED = frozenset({DENIED, SPENT})  # refusals that other rules might not have made
UNTOLD = ("tools", "vision", "thinking", "json_", "latency")
_FETCH_ROWS = 1000


@dataclass(slots=True)
class Replayed:
    """The sums, in nano-dollars, then and now. `same`: decided by these very rules. `unpriced`: no cost is
    known now, as of those refused then. `untold`: a route is about it that looks at what the ledger does not
    keep. Refusals by rule, moves by where from and where to; `people`: who would have been treated otherwise,
    and how often."""

    requests: int = 0
    same: int = 0
    cost_then_nusd: int = 0
    cost_now_nusd: int = 0
    unpriced: int = 0
    untold: int = 0
    refused_then: Counter[str] = field(default_factory=Counter)
    refused_now: Counter[str] = field(default_factory=Counter)
    moved_then: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved_now: Counter[tuple[str, str]] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a request: where it went (None: nowhere, by `rule`), what it cost and was charged."""

    target: Target | None
    rule: str | None
    cost_nusd: int | None
    charged_nusd: int


def replay(
    deployment: Deployment, from_at: datetime, to_at: datetime, progress: Callable[[int], None] | None = None
) -> Replayed:
    """All requests that began from `from_at` until before `to_at`, under the rules in the files."""
    content = deployment.content()
    with deployment.store(writable=False) as store, store.read() as connection:
        ring = keys.ring(deployment, store)
        rules = Rules(content.policy, content.prices, content.providers.by_name, ring)
        world = _World(rules, deployment.settings.zone)
        for number, attempts in enumerate(_requests(connection, from_at - BEFORE, to_at)):
            world.take(attempts, counts=attempts[0].started_at >= from_at)
            if progress is not None:
                progress(number + 1)
    return world.found


def _requests(connection: Connection, from_at: datetime, to_at: datetime) -> Iterator[list[LedgerRow]]:
    """The attempts of each request or turn of a socket, in the order in which they began."""
    c = ledger.c
    query = (
        select(ledger)
        .where(
            c.kind == "request",
            c.outcome != Outcome.OPEN,
            c.dialect.is_not(None),
            c.started_at >= to_us(from_at),
            c.started_at < to_us(to_at),
        )
        .order_by(c.started_at, c.request_id, c.turn, c.attempt)
    )
    stored = connection.execute(query, execution_options={"yield_per": _FETCH_ROWS})
    found = (rows.ledger_row(each._asdict()) for each in stored)
    for _, attempts in groupby(found, key=lambda row: (row.request_id, row.turn)):
        yield list(attempts)


class _World:
    """The rules, and the counters of their budgets as they would stand."""

    def __init__(self, rules: Rules, zone: tzinfo) -> None:
        self.found = Replayed()
        self._rules, self._zone = rules, zone
        told = [rule for rule in rules.policy.routes if not _is_untold(rule)]
        self._told = replace(rules.policy, routes=tuple(told))
        self._spent: defaultdict[str, int] = defaultdict(int)
        self._stays: dict[tuple[str, str, Target], Target] = {}

    def take(self, attempts: list[LedgerRow], *, counts: bool) -> None:
        """One request; one before the period only fills the counters."""
        first, last = attempts[0], attempts[-1]
        then = _as_it_was(attempts)
        same = not counts or first.policy_version == self._rules.policy.version
        now = then if same or _cannot_change(last) else self._again(first, last, then)
        self._charge(first, last, now)
        if counts:
            self._note(first, then, now, same)

    def _again(self, first: LedgerRow, last: LedgerRow, then: _Outcome) -> _Outcome:
        rules, who = self._rules, _principal(first)
        call, asked = _call(first), Target(first.provider_requested, first.model_requested or "")
        binding = self._binding(first, last, who)
        facts = self._facts(first, last, binding)
        self.found.untold += any(map(_is_untold, rules.policy.routes_about(who, call, facts)))
        decision = decide(self._told, who, call, facts)
        if decision.refusal is not None:
            return _Outcome(None, decision.rule, 0, 0)
        if full := next((cap for cap in binding if self._spent[cap.counter] >= cap.limit), None):
            return _Outcome(None, full.rule, 0, 0)
        if first.conversation_id is not None:
            self._stays[first.principal, first.conversation_id, asked] = decision.target
        if decision.target == then.target:
            return replace(then, rule=decision.rule)
        return self._elsewhere(last, decision.target, decision.rule)

    def _facts(self, first: LedgerRow, last: LedgerRow, binding: tuple[Cap, ...]) -> Facts:
        rules, key_class = self._rules, KeyClass(first.key_class)
        asked = Target(first.provider_requested, first.model_requested or "")
        used = used_percent(binding, rules.policy.budgets_watched, lambda cap: self._spent[cap.counter])
        facts = Facts(
            provider=first.provider_requested,
            client_name=first.client_name,
            key_class=key_class,
            input_tokens=last.input_tokens or 0,
            may_reroute=key_class is KeyClass.COMPANY,
            company_money=is_company_money(rules.policy, key_class, rules.keys.has_company_keys),
            task=first.task,
            used_percent=used,
            stays_with=self._stays.get((first.principal, first.conversation_id or "", asked)),
            cached_tokens=last.cache_read_tokens or 0,
        )
        return with_outlook(facts, rules, _route(rules, first), "", first.started_at, self._zone)

    def _binding(self, first: LedgerRow, last: LedgerRow, who: Principal) -> tuple[Cap, ...]:
        """The caps that could refuse it."""
        if first.operation in FREE:
            return ()
        found = caps(self._rules.policy, self._spender(first, who), first.started_at, self._zone)
        money = spends(last)
        return tuple(
            cap
            for cap in found
            if cap.unit != "concurrent" and cap.on_exceed == "block" and (money or cap.unit in FOR_ALL)
        )

    def _spender(self, row: LedgerRow, who: Principal) -> Spender:
        """The attempt as budgets saw it."""
        known = self._rules.keys.known.get(row.key_fingerprint or "")
        return Spender(
            who,
            provider=row.provider or None,
            model=row.model_routed or row.model_requested,
            key=row.key_fingerprint,
            key_name=None if known is None else known.label,
            client=row.client_name,
            conversation=row.conversation_id,
        )

    def _elsewhere(self, row: LedgerRow, target: Target, rule: str | None) -> _Outcome:
        """The same tokens at another target's price."""
        provider = self._rules.providers.get(target.provider)
        if provider is None:
            return _Outcome(target, rule, None, 0)
        cost = self._rules.prices.cost(
            provider=provider,
            model=target.model,
            usage=usage_of(row),
            at=row.started_at,
            region=regions.of_host(provider.own_host or ""),
            operation=row.operation,
            dialect=row.dialect,
            key_class=KeyClass(row.key_class),
        )
        charged = to_nusd(cost.bound_usd) if spends(row) else 0
        return _Outcome(target, rule, None if cost.usd is None else to_nusd(cost.usd), charged)

    def _charge(self, first: LedgerRow, last: LedgerRow, now: _Outcome) -> None:
        if now.target is None:
            return
        amounts: Mapping[str, int] = {
            "usd": now.charged_nusd,
            "requests": 1,
            "tokens": (last.input_tokens or 0) + (last.output_tokens or 0),
        }
        for cap in self._binding(first, last, _principal(first)):
            self._spent[cap.counter] += amounts[cap.unit]

    def _note(self, first: LedgerRow, then: _Outcome, now: _Outcome, same: bool) -> None:
        found, asked = self.found, str(Target(first.provider_requested, first.model_requested or ""))
        found.requests += 1
        found.same += same
        found.cost_then_nusd += then.cost_nusd or 0
        found.cost_now_nusd += now.cost_nusd or 0
        newly = then.target is None and now.target is not None
        found.unpriced += newly or (now.target is not None and now.cost_nusd is None)
        for outcome, refused, moved in (
            (then, found.refused_then, found.moved_then),
            (now, found.refused_now, found.moved_now),
        ):
            if outcome.target is None:
                refused[outcome.rule or "-"] += 1
            elif str(outcome.target) != asked:
                moved[asked, str(outcome.target)] += 1
        found.people[first.principal] += then.target != now.target


def _is_untold(rule: Rule) -> bool:
    return any(getattr(rule.match, name) is not None for name in UNTOLD)


def _as_it_was(attempts: list[LedgerRow]) -> _Outcome:
    last = attempts[-1]
    costs = [row.cost_nusd for row in attempts if row.cost_nusd is not None]
    charged = sum(row.charged_nusd for row in attempts)
    if last.outcome == Outcome.REFUSED:
        return _Outcome(None, last.refusal_rule or last.refusal_code, sum(costs), charged)
    target = Target(last.provider, last.model_routed or last.model_requested or "")
    return _Outcome(target, last.route_rule, sum(costs) if costs else None, charged)


def _cannot_change(row: LedgerRow) -> bool:
    """Refused for what no rule decides: who it was, what it was."""
    return row.outcome == Outcome.REFUSED and row.refusal_code not in RULED


def _principal(row: LedgerRow) -> Principal:
    kind: Any = row.principal_kind
    return Principal(0, row.principal, kind, row.team, row.project, row.cost_center)


def _call(row: LedgerRow) -> Call:
    return Call(
        dialect=row.dialect or "",
        operation=row.operation,
        model=row.model_requested,
        stream=row.stream,
        conversation_id=row.conversation_id,
    )


def _route(rules: Rules, row: LedgerRow) -> Route | None:
    """A route of the provider that was asked, like the one it came by: its path is not kept."""
    provider = rules.providers.get(row.provider_requested)
    routes = () if provider is None else provider.routes
    wanted = row.dialect, row.operation
    return next((route for route in routes if (route.dialect, route.operation) == wanted), None)
