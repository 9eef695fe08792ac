"""The company's key: which requests get it, by which rule, and how it goes into a header at the last moment.

It is put in only when everything else about the request is settled, and only for a host of its own provider,
as providers.yaml says and whatever the client said. Whoever brings an own key or login keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from multidict import CIMultiDict
from yarl import URL

from sluiceway.audit.keyring import CompanyKey
from sluiceway.errors import Refused
from sluiceway.gateway import refusals
from sluiceway.gateway.billing import likely_input
from sluiceway.gateway.carrying import Carrying
from sluiceway.gateway.credentials import signs_body
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.outlook import with_outlook
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.gateway.pools import Member, ordered
from sluiceway.policy import injected_by, used_percent
from sluiceway.policy.kinds import Inject
from sluiceway.types import NO_UNITS, Call, Facts, KeyClass, Principal, Provider, Refusal
from sluiceway.wire.dialect import Reading

HTTPS_PORT = 443
WHOLE_HOST = frozenset({"/", "/*"})
# How each header says a key; one that is not listed holds it bare.
WRITTEN = {"authorization": "Bearer {}"}
# What a client may have said about whose account is meant; none of it goes along with the company's key.
CLIENTS_OWN = (
    *("authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"),
    *("openai-organization", "openai-project", "x-goog-user-project"),
    *("x-amz-date", "x-amz-security-token", "x-amz-content-sha256"),
)
# What a rule looks at where no dialect reads the request.
# The APIs that keep answers, to go on from.
STORING = frozenset({"openai_responses"})
UNREAD = Call(dialect="", operation="pass", model=None)


def facts_of(exchange: Exchange, parts: GatewayParts) -> Facts:
    """What rules may look at, as the request stands."""
    stay = parts.conversations.stay(exchange.conversation, exchange.asked, time.monotonic())
    return Facts(
        provider=exchange.provider.name,
        client_name=exchange.client.name,
        key_class=exchange.key_class,
        input_tokens=likely_input(exchange, parts) if exchange.call else 0,
        may_reroute=exchange.key_class is KeyClass.COMPANY,
        company_money=exchange.counts_against_caps,
        contact=parts.contact,
        zone=parts.time_zone,
        used_percent=_used(exchange, parts),
        signed=signs_body(exchange.request.headers),
        at=exchange.started_at,
        health=parts.health.snapshot(time.monotonic()),
        stays_with=None if stay is None else stay.target,
        cached_tokens=0 if stay is None else stay.cached_tokens,
        task=exchange.task,
    )


def outlook_of(exchange: Exchange, parts: GatewayParts, reading: Reading | None = None) -> Facts:
    """What routes may look at: also where else the request could go, and what of it would be lost there."""
    facts, rules = facts_of(exchange, parts), exchange.rules
    at, route, path = exchange.started_at, exchange.route, exchange.path
    facts = with_outlook(facts, rules, route, path, at, parts.time_zone)
    if reading is None or route is None or not rules.policy.routes:
        return facts
    return replace(facts, loses=Carrying(reading, rules, route, path))


async def look_at_budgets(exchange: Exchange, parts: GatewayParts) -> None:
    """Has the ledger know how the budgets stand that rules look at; before any facts are gathered."""
    if exchange.rules.policy.budgets_watched:
        caps = parts.caps.of(exchange.rules, exchange.spender, exchange.started_at)
        watched = exchange.rules.policy.budgets_watched
        await parts.store.ledger.look([cap for cap in caps if cap.rule in watched])


def _used(exchange: Exchange, parts: GatewayParts) -> Mapping[str, int]:
    """How the budgets stand that rules look at."""
    policy = exchange.rules.policy
    if not policy.budgets_watched:
        return NO_UNITS
    caps = parts.caps.of(exchange.rules, exchange.spender, exchange.started_at)
    return used_percent(caps, policy.budgets_watched, parts.store.ledger.spent)


def equip(exchange: Exchange, parts: GatewayParts) -> None:
    """Gives the request the company's key where it has nothing of its own and a rule says so. Refused where
    it then has none, but for paths that cost nothing and may need none."""
    if not exchange.presented.gives_way:
        return
    may = _may_have_it(exchange)
    rule, pool = _chosen(exchange, parts) if may else (None, ())
    if pool:
        exchange.pool = pool
        exchange.carry(pool[0].key)
    elif exchange.presented.placeholder or (exchange.presented.vacant and _needs_one(exchange)):
        raise Refused(no_key(exchange.provider.name, rule, parts.contact, may=may))


def _needs_one(exchange: Exchange) -> bool:
    """Putting a file where Google said to does not: that address is a credential, and it costs nothing."""
    return exchange.dialect is not None and exchange.operation != "batch_file"


def equip_elsewhere(exchange: Exchange, parts: GatewayParts) -> None:
    """A route has led to another provider: what the client sent stays here, so the company's key for there is
    needed. Refused without one."""
    exchange.company_key = None
    rule, exchange.pool = _chosen(exchange, parts)
    if not exchange.pool:
        raise Refused(no_key(exchange.provider.name, rule, parts.contact, moved_by=exchange.route_rule))
    exchange.carry(exchange.pool[0].key)


def _may_have_it(exchange: Exchange) -> bool:
    """Metered requests, reading what is listed as free, and ending one's own jobs (deferred.check). Deleting,
    cancelling and whatever a client calls below a pattern for all methods, or for all of a host, are not done
    in the company's name. And only at a host that is named in full: below a star every customer of the
    provider has one, to collect keys with if they like. Lists and files of all who share the key are for
    those who hold it."""
    if exchange.host not in exchange.provider.hosts:
        return False
    if exchange.dialect is not None:
        return True
    route = exchange.route
    if route is None or route.pattern in WHOLE_HOST or route.own_key:
        return False
    return route.method == "GET" or route.collects is not None


def _chosen(exchange: Exchange, parts: GatewayParts) -> tuple[Inject | None, tuple[Member, ...]]:
    """The rule and its keys; a conversation keeps the one it began with as long as that can be used."""
    if not exchange.rules.policy.inject:
        return None, ()
    facts = facts_of(exchange, parts)
    rule, pool = pool_of(exchange.rules, exchange.principal, exchange.call or UNREAD, facts)
    return rule, ordered(pool, _sticky(exchange))


def _sticky(exchange: Exchange) -> str:
    """What keeps its key: a person's stored answers and jobs, which one account has, else a conversation."""
    call = exchange.call
    if call is None or call.dialect in STORING or call.background or call.operation.startswith("batch"):
        return exchange.principal.name
    return "\0".join(exchange.conversation or (exchange.request_id,))


def chosen(rules: Rules, who: Principal, call: Call, facts: Facts) -> tuple[Inject | None, CompanyKey | None]:
    """The rule that gives this request the company's key, and a key, where there are any."""
    rule, pool = pool_of(rules, who, call, facts)
    return rule, pool[0].key if pool else None


def pool_of(
    rules: Rules, who: Principal, call: Call, facts: Facts
) -> tuple[Inject | None, tuple[Member, ...]]:
    """The rule that gives this request the company's key, and the keys of the provider it names."""
    rule = injected_by(rules.policy, who, call, facts)
    if rule is None:
        return None, ()
    if not rule.keys:
        key = rules.keys.key_for(facts.provider, rule.label)
        return rule, () if key is None else (Member(key, rule=rule.name),)
    found = ((rules.keys.key_for(facts.provider, entry.key), entry) for entry in rule.keys)
    return rule, tuple(Member(key, entry, rule.name) for key, entry in found if key is not None)


def no_key(
    provider: str, rule: Inject | None, contact: str, *, moved_by: str | None = None, may: bool = True
) -> Refusal:
    """The no in words: what was missing, by which rule. `moved_by`: the route that leads to this provider;
    `may`: whether the company's key is used at that host and path at all."""
    if rule is not None:
        which = " or ".join(f"'{label}'" for label in rule.labels) or "any"
        why = f"the rule '{rule.name}' gives it the company's, but {which} is not registered for {provider}"
        return refusals.no_company_key(provider, contact, why, rule.name)
    if moved_by is not None:
        why = f"the rule '{moved_by}' sends it there, but no rule gives it the company's"
        return refusals.no_company_key(provider, contact, why, moved_by)
    if not may:
        return refusals.no_company_key(provider, contact, "the company's is not used at this host and path")
    return refusals.no_company_key(provider, contact)


def put_in(
    fields: CIMultiDict[str],
    key: CompanyKey,
    url: URL,
    provider: Provider | None,
    asked: Sequence[str] = (),
) -> None:
    """Writes the key into the header its provider prefers, in place of all that the client sent of the kind.
    `provider` is the entry of the key's owner as it is in force; `asked` the credential headers of whom the
    client named, whose key is not for the other. Refused rather than sent elsewhere."""
    if provider is None or provider.name != key.provider or not _is_at_home(url, provider):
        raise Refused(refusals.KEY_ASTRAY)
    for name in (*CLIENTS_OWN, *provider.credential_headers, *asked):
        fields.popall(name, None)
    if not key.secret:
        raise Refused(refusals.INTERNAL)  # an account whose token was not minted first (filling.py)
    header = provider.credential_headers[0]
    fields[header] = WRITTEN.get(header, "{}").format(key.secret)
    fields["accept-encoding"] = "identity"  # in an encoded answer nobody would see the key (scrub.py)


def _is_at_home(url: URL, provider: Provider) -> bool:
    return url.scheme == "https" and url.raw_host in provider.hosts and url.port == HTTPS_PORT
