"""The company's key: which requests get it, by which rule, and how it goes into a header at the last moment.

It is put in only when everything else about the request is settled, and only for a host of its own provider,
as providers.yaml says and whatever the client said. Whoever brings an own key or login keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

from multidict import CIMultiDict
from yarl import URL

from sluiceway.audit.keyring import CompanyKey
from sluiceway.errors import Refused
from sluiceway.gateway import refusals
from sluiceway.gateway.billing import likely_input
from sluiceway.gateway.credentials import signs_body
from sluiceway.gateway.exchange import Exchange
from sluiceway.gateway.parts import GatewayParts, Rules
from sluiceway.policy.kinds import Inject
from sluiceway.types import Call, Facts, KeyClass, Provider, Refusal

HTTPS_PORT = 443
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
    )


def equip(exchange: Exchange, parts: GatewayParts) -> None:
    """Gives the request the company's key where it has nothing of its own and a rule says so. Refused where
    it then has none, but for paths that cost nothing and may need none."""
    if not exchange.presented.gives_way:
        return
    rule = _rule(exchange, parts) if _may_have_it(exchange) else None
    key = _key(exchange.rules, rule, exchange.provider)
    if key is not None:
        exchange.carry(key)
    elif exchange.presented.placeholder or (exchange.presented.vacant and exchange.dialect is not None):
        raise Refused(_no_key(exchange, rule, parts.contact))


def equip_elsewhere(exchange: Exchange, parts: GatewayParts) -> None:
    """A route has led to another provider: what the client sent stays here, so the company's key for there is
    needed. Refused without one."""
    exchange.company_key = None
    rule = _rule(exchange, parts)
    key = _key(exchange.rules, rule, exchange.provider)
    if key is None:
        raise Refused(_no_key(exchange, rule, parts.contact))
    exchange.carry(key)


def _may_have_it(exchange: Exchange) -> bool:
    """Metered requests, and reading what is listed as free. Deleting, cancelling and whatever a client calls
    below a pattern for all methods are not done in the company's name. And only at a host that is named in
    full: below a star every customer of the provider has one, to collect keys with if they like. Lists and
    files of all who share the key are for those who hold it."""
    if exchange.host not in exchange.provider.hosts:
        return False
    if exchange.dialect is not None:
        return True
    route = exchange.route
    return route is not None and route.method == "GET" and not route.own_key


def _rule(exchange: Exchange, parts: GatewayParts) -> Inject | None:
    rules: Sequence[Inject] = exchange.rules.policy.inject
    if not rules:
        return None
    call, facts = exchange.call or UNREAD, facts_of(exchange, parts)
    return next((rule for rule in rules if rule.match.holds(exchange.principal, call, facts)), None)


def _key(rules: Rules, rule: Inject | None, provider: Provider) -> CompanyKey | None:
    return None if rule is None else rules.keys.key_for(provider.name, rule.label)


def _no_key(exchange: Exchange, rule: Inject | None, contact: str) -> Refusal:
    """The no in words: what was missing, by which rule."""
    provider = exchange.provider.name
    if rule is not None:
        which = f"'{rule.label}'" if rule.label else "any"
        why = f"the rule '{rule.name}' gives it the company's, but {which} is not registered for {provider}"
        return refusals.no_company_key(provider, contact, why, rule.name)
    if exchange.moved:
        why = f"the rule '{exchange.route_rule}' sends it there, but no rule gives it the company's"
        return refusals.no_company_key(provider, contact, why, exchange.route_rule)
    if not _may_have_it(exchange):
        return refusals.no_company_key(provider, contact, "the company's is not used at this host and path")
    return refusals.no_company_key(provider, contact)


def put_in(fields: CIMultiDict[str], key: CompanyKey, url: URL, provider: Provider | None) -> None:
    """Writes the key into the header its provider prefers, in place of all that the client sent of the kind.
    `provider` is the entry of the key's owner as it is in force. Refused rather than sent elsewhere."""
    if provider is None or provider.name != key.provider or not _is_at_home(url, provider):
        raise Refused(refusals.KEY_ASTRAY)
    for name in (*CLIENTS_OWN, *provider.credential_headers):
        fields.popall(name, None)
    header = provider.credential_headers[0]
    fields[header] = WRITTEN.get(header, "{}").format(key.secret)
    fields["accept-encoding"] = "identity"  # in an encoded answer nobody would see the key (scrub.py)


def _is_at_home(url: URL, provider: Provider) -> bool:
    return url.scheme == "https" and url.raw_host in provider.hosts and url.port == HTTPS_PORT
