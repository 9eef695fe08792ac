"""Who is calling: proxy credentials on CONNECT and on plain requests, checked once per connection.

Credentials that were sent decide, good or bad. Without any: the owner of the port the client came in by, else
whom its address is leased to, else 407 (curl, Java and .NET need the challenge). Whoever is known and not let
in: for AI hosts the tunnel opens and the gateway refuses each request inside it in the provider's own form,
because several clients hang for minutes on a 407; for all other hosts 407. Nothing is forwarded without a
Principal. An address is the one the connection comes from, never one that a header claims.
"""

from __future__ import annotations

import base64
import binascii
import time
import weakref
from collections import OrderedDict

from mitmproxy import connection, http

from sluiceway.errors import WireError
from sluiceway.front.door import WHERE, Door, names_portal
from sluiceway.front.egress import Admitted
from sluiceway.front.names import Destination, parse_authority
from sluiceway.front.parent import Parent
from sluiceway.front.visit import Parts, Visit, Visits, answer, fail_closed
from sluiceway.settings.identity import one_address
from sluiceway.types import Identity, Rejected

FAILURES_A_MINUTE = 60
SOURCES_REMEMBERED = 4096
CHALLENGE = {"Proxy_Authenticate": 'Basic realm="Sluiceway", charset="UTF-8"'}
_BAD = "these proxy credentials are not good: "
REASONS = {
    "unknown_user": _BAD + "there is no employee or service of that name",
    "wrong_token": _BAD + "the token is not right",
    "expired": _BAD + "the token has expired",
    "revoked": _BAD + "the token was revoked",
    "disabled": "this account is disabled",
    "port_source": "this port is a person's own and closed to your address; use your own proxy URL",
    "port_released": "this port is nobody's own any more",
}


class Failures:
    """Counts wrong credentials per source address and minute, for a bounded number of sources."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def too_many(self, source: str, now_s: float) -> bool:
        """Records one failure; True once the source is over its allowance for this minute."""
        minute = int(now_s // 60)
        since, count = self._counts.pop(source, (minute, 0))
        count = count + 1 if since == minute else 1
        self._counts[source] = (minute, count)
        if len(self._counts) > SOURCES_REMEMBERED:
            self._counts.popitem(last=False)
        return count > FAILURES_A_MINUTE


def credentials(header: str | None) -> tuple[str, str] | None:
    """User and token of a Basic `Proxy-Authorization` value, or None if it holds none (RFC 7617)."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic" or len(value) > 4096:
        return None
    try:
        user, colon, token = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, token) if colon else None


class Identify:
    """The addon that turns a CONNECT into a Visit, or answers it."""

    def __init__(self, parts: Parts, visits: Visits, door: Door, parent: Parent | None = None) -> None:
        self._parts = parts
        self._door = door
        self._visits = visits
        self._parent = parent
        self._failures = Failures()

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        if self._parts.draining:
            flow.response = answer(503, "Sluiceway is restarting. Try again in a moment.", Retry_After="2")
            return
        try:
            destination = parse_authority(f"{_bracketed(flow.request.host)}:{flow.request.port}", 443)
        except WireError as error:
            flow.response = answer(400, f"Sluiceway: this CONNECT target cannot be used: {error}")
            return
        if names_portal(destination):
            flow.response = answer(403, WHERE)
            return
        identity = self._identify(flow, tolerate=self._decrypts(destination))
        if identity is None or self._has_too_many(identity, flow):
            return
        visit = Visit(identity, destination)
        if self._decrypts(destination):
            visit.provider = self._parts.providers.at(destination.host)
            await self._check_for_grpc(visit)
            # An answer of our own keeps mitmproxy from opening an unused provider connection.
            flow.response = http.Response.make(200, b"")
            flow.response.reason = "Connection established"
            del flow.response.headers["content-length"]
        elif (refused := await self._admit(visit)) is not None:
            flow.response = answer(403, f"Sluiceway: {refused}")
            return
        elif visit.to_parent:
            visit.waiting = weakref.ref(flow)
        self._visits.remember(flow.client_conn, visit)

    @fail_closed
    async def http_connect_error(self, flow: http.HTTPFlow) -> None:
        """mitmproxy's own words for a failed connection advise on options that nobody here can set."""
        if flow.response is not None and flow.response.headers.get("connection") != "close":
            at = f"{_bracketed(flow.request.host)}:{flow.request.port}"
            reason = flow.server_conn.error or "the connection failed"
            flow.response = answer(502, f"Sluiceway: {at} could not be reached: {reason}.")

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Plain `http://` requests through the proxy. What comes inside a tunnel is not seen here."""
        if (visit := self._visits.of(flow.client_conn)) is not None and visit.provider is not None:
            return  # an h2-only client on an AI host: `intercept` answers it
        try:
            destination = parse_authority(f"{_bracketed(flow.request.host)}:{flow.request.port}", 80)
        except WireError as error:
            if self._door.admit(flow, None, lambda: None):
                return
            flow.response = answer(400, f"Sluiceway: this address cannot be used: {error}")
            return
        if self._door.admit(flow, destination, lambda: self._identify(flow, tolerate=True)):
            return
        if flow.request.scheme != "http" or self._parts.providers.at(destination.host):
            flow.response = answer(
                403, "Sluiceway: AI providers are reached by https:// only; use the https address."
            )
            return
        identity = self._identify(flow, tolerate=False)
        if identity is None:
            return
        flow.request.headers.pop("proxy-authorization", None)
        visit = Visit(identity, destination)
        if (refused := await self._admit(visit)) is not None:
            flow.response = answer(403, f"Sluiceway: {refused}")
            return
        if self._parent is not None and visit.to_parent:
            # A proxy is asked by the absolute form.
            flow.request.authority = destination.authority.removesuffix(":80")
            if self._parent.authorization:
                flow.request.headers["proxy-authorization"] = self._parent.authorization
        self._visits.remember(flow.client_conn, visit)
        flow.request.stream = True

    @fail_closed
    async def responseheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None:
            flow.response.stream = True

    def _identify(self, flow: http.HTTPFlow, tolerate: bool) -> Identity | Rejected | None:
        """The identity, or None after the flow was answered."""
        found = self._who(flow)
        if found is None or (isinstance(found, Rejected) and found.reason == "lease_expired"):
            # Also where a lease is over: clients that have credentials wait for this challenge.
            over = "" if found is None else "The lease of your address has expired. "
            flow.response = answer(
                407,
                f"{over}Sluiceway needs your proxy credentials: set HTTPS_PROXY=http://NAME:TOKEN@HOST:PORT "
                f"(your own line comes from {self._parts.contact}).",
                **CHALLENGE,
            )
            return None
        if isinstance(found, Identity):
            return found
        if self._failures.too_many(flow.client_conn.peername[0], time.monotonic()):
            flow.response = answer(
                429, "Sluiceway: too many attempts with wrong credentials.", Retry_After="60"
            )
            return None
        if not tolerate:
            flow.response = answer(
                407,
                f"Sluiceway: {REASONS[found.reason]}. Ask {self._parts.contact}.",
                **CHALLENGE,
            )
            return None
        return found

    def _who(self, flow: http.HTTPFlow) -> Identity | Rejected | None:
        header = flow.request.headers.get("proxy-authorization")
        if header is None:
            return self._without_credentials(flow.client_conn)
        given = credentials(header)  # also when it cannot be read: a port or a lease rescues nothing
        return None if given is None else self._parts.store.directory.lookup(*given)

    def _without_credentials(self, client: connection.Client) -> Identity | Rejected | None:
        """By the port the client came in, else by its address; None: neither says who it is."""
        directory, leases = self._parts.store.directory, self._parts.identity.leases
        source = one_address(client.peername[0])
        grant = self._visits.grant_of(client)
        by_port = None if grant is None else directory.at_port(grant, source)
        if isinstance(by_port, Identity) or (by_port is not None and by_port.reason == "disabled"):
            return by_port  # a lease does not rescue the owner, either
        if leases is not None and source is not None and leases.allow(source):
            by_lease = directory.at_address(source)
            if by_port is None or isinstance(by_lease, Identity):
                return by_lease
        return by_port

    def _has_too_many(self, identity: Identity | Rejected, flow: http.HTTPFlow) -> bool:
        """Whether this person's connections are used up; then the flow was answered."""
        most = self._parts.connections_each
        if not isinstance(identity, Identity) or self._visits.open_for(identity) < most:
            return False
        text = f"Sluiceway: {identity.principal.name} has {most} connections open already."
        flow.response = answer(429, text, Retry_After="5")
        return True

    def _decrypts(self, destination: Destination) -> bool:
        return destination.port == 443 and self._parts.providers.at(destination.host) is not None

    async def _check_for_grpc(self, visit: Visit) -> None:
        """Where policy lets gRPC pass, the address it may pass to. Not through a parent proxy, which would
        have to be asked before anybody knows what the client speaks."""
        if (
            visit.provider is None
            or visit.provider.grpc != "pass"
            or not isinstance(visit.identity, Identity)
        ):
            return
        admitted = await self._parts.admission.admit(visit.destination)
        if isinstance(admitted, Admitted) and admitted.addresses:
            visit.dial = admitted.addresses[0]

    async def _admit(self, visit: Visit) -> str | None:
        """Resolves and checks the destination once; what was checked is what is dialled. A refusal's text."""
        if self._parts.providers.at(visit.destination.host):
            return f"{visit.destination.host} is an AI provider and is reached on port 443 only."
        admission = self._parts.admission
        admitted = await admission.admit(visit.destination)
        if isinstance(admitted, Admitted) and not admitted.addresses and self._parent is not None:
            visit.to_parent = True
            admitted = await admission.admit_parent(self._parent.at)
        if isinstance(admitted, str):
            return admitted
        visit.dial = admitted.addresses[0]
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
