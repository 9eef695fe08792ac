"""The company's key: which requests get it, by which rule, and how it goes into a header at the last moment.

It is put in only when everything else about the request is settled, and only for a host of its own provider,
as providers.yaml says and whatever the client said. Whoever brings an own key or login keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from multidict import CIMultiDict
from yarl import URL

from sluiceway.audit.keyring import CompanyKey
from sluiceway.errors import Refused
from sluiceway.gateway import refusals
from sluiceway.gateway.billing import likely_input
from sluiceway.gateway.credentials import signs_body
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.outlook import with_outlook
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.policy import injected_by, used_percent
from sluiceway.policy.kinds import Inject
from sluiceway.types import Call, Facts, KeyClass, Principal, Provider, Refusal

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
UNREAD = Call(dialect="", operation="pass", model=None)


def facts_of(exchange: Exchange, parts: GatewayParts) -> Facts:
    """What rules may look at, as the request stands."""
    return Facts(
        provider=exchange.provider.name,
        client_name=exchange.client.name,
        key_class=exchange.key_class,
        input_tokens=likely_input(exchange, parts) if exchange.call else 0,
        may_reroute=exchange.key_class is KeyClass.COMPANY,
        company_money=exchange.counts_against_caps,
        contact=parts.contact,
        signed=signs_body(exchange.request.headers),
        task=exchange.task,
    )


def outlook_of(exchange: Exchange, parts: GatewayParts) -> Facts:
    """What routes may look at: also where else the request could go."""
    facts, at, policy = facts_of(exchange, parts), exchange.started_at, exchange.rules.policy
    if policy.budgets_watched:
        caps = parts.caps.of(policy, exchange.principal, at)
        used = used_percent(caps, policy.budgets_watched, parts.store.ledger.spent)
        facts = replace(facts, used_percent=used)
    return with_outlook(facts, exchange.rules, exchange.route, exchange.path, at, parts.time_zone)


def equip(exchange: Exchange, parts: GatewayParts) -> None:
    """Gives the request the company's key where it has nothing of its own and a rule says so. Refused where
    it then has none, but for paths that cost nothing and may need none."""
    if not exchange.presented.gives_way:
        return
    may = _may_have_it(exchange)
    rule, key = _chosen(exchange, parts) if may else (None, None)
    if key is not None:
        exchange.carry(key)
    elif exchange.presented.placeholder or (exchange.presented.vacant and _needs_one(exchange)):
        raise Refused(no_key(exchange.provider.name, rule, parts.contact, may=may))


def _needs_one(exchange: Exchange) -> bool:
    """Putting a file where Google said to does not: that address is a credential, and it costs nothing."""
    return exchange.dialect is not None and exchange.operation != "batch_file"


def equip_elsewhere(exchange: Exchange, parts: GatewayParts) -> None:
    """A route has led to another provider: what the client sent stays here, so the company's key for there is
    needed. Refused without one."""
    exchange.company_key = None
    rule, key = _chosen(exchange, parts)
    if key is None:
        raise Refused(no_key(exchange.provider.name, rule, parts.contact, moved_by=exchange.route_rule))
    exchange.carry(key)


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


def _chosen(exchange: Exchange, parts: GatewayParts) -> tuple[Inject | None, CompanyKey | None]:
    if not exchange.rules.policy.inject:
        return None, None
    return chosen(exchange.rules, exchange.principal, exchange.call or UNREAD, facts_of(exchange, parts))


def chosen(rules: Rules, who: Principal, call: Call, facts: Facts) -> tuple[Inject | None, CompanyKey | None]:
    """The rule that gives this request the company's key, and the key, where there are any."""
    rule = injected_by(rules.policy, who, call, facts)
    return rule, None if rule is None else rules.keys.key_for(facts.provider, rule.label)


def no_key(
    provider: str, rule: Inject | None, contact: str, *, moved_by: str | None = None, may: bool = True
) -> Refusal:
    """The no in words: what was missing, by which rule. `moved_by`: the route that leads to this provider;
    `may`: whether the company's key is used at that host and path at all."""
    if rule is not None:
        which = f"'{rule.label}'" if rule.label else "any"
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
    header = provider.credential_headers[0]
    fields[header] = WRITTEN.get(header, "{}").format(key.secret)
    fields["accept-encoding"] = "identity"  # in an encoded answer nobody would see the key (scrub.py)


def _is_at_home(url: URL, provider: Provider) -> bool:
    return url.scheme == "https" and url.raw_host in provider.hosts and url.port == HTTPS_PORT
