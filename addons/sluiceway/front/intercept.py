"""What happens on a tunnel after CONNECT: decrypt AI hosts, count the bytes of all others, refuse the rest.

The decision rests on the CONNECT host alone; SNI (and later Host) must agree with it. mitmproxy's own
NextLayer and TlsConfig are not used: one would guess from the first bytes, the other copies names from
the origin's certificate and re-checks no expiry.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from mitmproxy import http, tls
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import layer, server_hooks
from mitmproxy.proxy.layers import ClientTLSLayer, HttpLayer, modes
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.tls import parse_client_hello
from OpenSSL import SSL

from sluiceway.errors import WireError
from sluiceway.front.attach import AttachLayer
from sluiceway.front.names import normalise
from sluiceway.front.plain import PlainLayer
from sluiceway.front.tunnel import CountedTunnel, HangUp
from sluiceway.front.visit import Parts, Visit, Visits, fail_closed
from sluiceway.types import Attachment, Identity

logger = logging.getLogger(__name__)

CLIENT_HELLO_LIMIT = 64 * 1024
GRPC_REFUSAL = "Sluiceway cannot meter gRPC; use the provider's HTTPS interface."


class NextLayer:
    """The addon that picks the next protocol layer. Its name takes the place of mitmproxy's own."""

    name = "nextlayer"

    def __init__(self, parts: Parts, visits: Visits, proxyserver: Proxyserver) -> None:
        self._parts = parts
        self._visits = visits
        self._proxyserver = proxyserver

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        try:
            nextlayer.layer = self._decide(nextlayer)
        except Exception as error:
            logger.error("next_layer failed: %s", type(error).__name__)
            nextlayer.layer = HangUp(nextlayer.context)

    def _decide(self, nextlayer: layer.NextLayer) -> layer.Layer | None:
        context = nextlayer.context
        visit = self._visits.of(context.client)
        if len(context.layers) == 1 and isinstance(context.layers[0], modes.HttpProxy):
            return self._top(nextlayer)
        if len(context.layers) == 2 and isinstance(context.layers[1], ClientTLSLayer):
            return PlainLayer(context, HTTPMode.regular)  # inside a TLS proxy listener
        if visit is None:
            return HangUp(context)
        if visit.provider is None:
            return self._tunnel(nextlayer, visit)
        if isinstance(context.layers[-1], ClientTLSLayer):
            return self._decrypted(nextlayer, visit)
        return self._handshake(nextlayer, visit)

    def _top(self, nextlayer: layer.NextLayer) -> layer.Layer:
        context = nextlayer.context
        if context.client.sockname[1] in self._parts.tls_ports:
            return ClientTLSLayer(context)
        return PlainLayer(context, HTTPMode.regular)

    def _handshake(self, nextlayer: layer.NextLayer, visit: Visit) -> layer.Layer | None:
        """AI hosts speak TLS and nothing else, however slowly the first bytes come."""
        data = nextlayer.data_client()
        if len(data) < 3:
            return None
        if not starts_like_tls_record(data):
            self._seen(visit, "not_tls")
            return HangUp(nextlayer.context)
        if visit.dial is None:  # without a checked address nothing can pass, whatever it speaks
            return ClientTLSLayer(nextlayer.context)
        return self._grpc(nextlayer, visit, data)

    def _grpc(self, nextlayer: layer.NextLayer, visit: Visit, data: bytes) -> layer.Layer | None:
        """Where policy lets gRPC pass: a client that offers HTTP/2 alone gets a raw tunnel to the address
        that was checked, unmetered, its bytes counted; all others are decrypted as ever."""
        try:
            hello = parse_client_hello(data)
        except ValueError:
            return HangUp(nextlayer.context)
        if hello is None:
            return None if len(data) < CLIENT_HELLO_LIMIT else HangUp(nextlayer.context)
        same = hello.sni is not None and _name(hello.sni) == visit.destination.host
        if not same or not isinstance(visit.identity, Identity) or hello.alpn_protocols != [b"h2"]:
            return ClientTLSLayer(nextlayer.context)
        visit.is_grpc = True
        return CountedTunnel(nextlayer.context, lambda up, down: self._count_grpc(visit, up, down))

    def _decrypted(self, nextlayer: layer.NextLayer, visit: Visit) -> layer.Layer:
        context = nextlayer.context
        if context.client.alpn == b"h2":
            return HttpLayer(context, HTTPMode.transparent)  # gRPC: answered in `requestheaders`
        assert visit.provider
        attachment = Attachment(
            visit.identity,
            visit.provider,
            visit.destination.host,
            context.client.peername[0],
            visit.misdirected,
        )
        handler = self._proxyserver.connections[context.client.id]
        return AttachLayer(context, handler, self._parts.accept, attachment)

    def _tunnel(self, nextlayer: layer.NextLayer, visit: Visit) -> layer.Layer | None:
        """A raw tunnel, unless its ClientHello names an AI host that CONNECT did not."""
        data = nextlayer.data_client()
        if 0 < len(data) < 3 and b"\x16".startswith(data[:1]):
            return None
        if starts_like_tls_record(data):
            try:
                hello = parse_client_hello(data)
            except ValueError:
                hello = None  # not our handshake to judge
            else:
                if hello is None and len(data) < CLIENT_HELLO_LIMIT:
                    return None
            if hello is not None and hello.sni and self._parts.providers.at(_name(hello.sni) or ""):
                self._seen(visit, "not_tls")
                return HangUp(nextlayer.context)
        return CountedTunnel(nextlayer.context, lambda up, down: self._count(visit, up, down))

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        visit = self._visits.of(data.context.client)
        sni = data.client_hello.sni
        if visit is not None and visit.provider and sni and _name(sni) != visit.destination.host:
            visit.misdirected = "the TLS server name"

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Always decides, also over a context that stock TlsConfig may have put there under mitmdump."""
        try:
            context = self._context(data)
        except Exception as error:
            logger.error("tls_start_client failed: %s", type(error).__name__)
            data.ssl_conn = None  # mitmproxy then closes the connection
            return
        data.ssl_conn = SSL.Connection(context)
        data.ssl_conn.set_accept_state()

    def _context(self, data: tls.TlsData) -> SSL.Context:
        client = data.context.client
        visit = self._visits.of(client)
        if visit is None:
            return self._parts.leaves.listener_context()
        offers = client.alpn_offers
        h2_only = b"h2" in offers and b"http/1.1" not in offers
        return self._parts.leaves.context_for(visit.destination.host, h2=h2_only)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """A client that rejects our certificate (pinned, or without our CA): reported, not let through."""
        visit = self._visits.of(data.context.client)
        if visit is not None and visit.provider:
            self._seen(visit, "tls_rejected")

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Only h2-only clients on AI hosts come here: gRPC gets its own kind of no."""
        visit = self._visits.of(flow.client_conn)
        if visit is None or visit.provider is None:
            return
        flow.response = http.Response.make(
            200,
            b"",
            {"content-type": "application/grpc", "grpc-status": "7", "grpc-message": GRPC_REFUSAL},
        )

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Every connection mitmproxy opens goes to the address that was checked, or is not opened."""
        visit = self._visits.of(data.client)
        if visit is None or visit.dial is None or (visit.provider is not None and not visit.is_grpc):
            data.server.error = "not admitted"
            return
        data.server.address = visit.dial

    def _seen(self, visit: Visit, reason: str) -> None:
        self._parts.store.traffic.seen(_today(), visit.destination.host, reason, _team(visit), 0, 0)

    def _count_grpc(self, visit: Visit, up: int, down: int) -> None:
        self._parts.store.traffic.seen(_today(), visit.destination.host, "grpc", _team(visit), up, down)

    def _count(self, visit: Visit, up: int, down: int) -> None:
        if self._parts.providers.watched(visit.destination.host):
            self._parts.store.traffic.seen(
                _today(), visit.destination.host, "watched", _team(visit), up, down
            )
        else:
            self._parts.store.traffic.tunnel(_today(), up, down)


def _name(sni: str) -> str | None:
    try:
        return normalise(sni, 443).host
    except WireError:
        return None


def _team(visit: Visit) -> str:
    return visit.identity.principal.team if isinstance(visit.identity, Identity) else ""


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")
