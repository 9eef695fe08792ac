"""Owns the TLS contexts clients meet: one per intercepted host, made anew each day, shared by connections.

A shared context costs nothing per connection, and clients can resume their sessions with its tickets.
Making it anew every day also renews the leaf long before it ends and gives tickets a new key, so that a key
read from memory opens at most a day of recorded resumptions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from OpenSSL import SSL

from sluiceway.errors import ConfigError
from sluiceway.front.certificate import Certified, covers, make_leaf, permitted_hosts
from sluiceway.front.names import normalise

HTTP1, HTTP2 = b"http/1.1", b"h2"
LEAF_LIFETIME = timedelta(days=7)
RENEW_AFTER = timedelta(days=1)
MOST_CONTEXTS = 128

# Authenticated ciphers with forward secrecy only. AES-128 first: the cheapest of them for both sides.
TLS12_CIPHERS = b"ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20"
TLS13_CIPHERS = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


@dataclass(frozen=True, slots=True)
class _Held:
    context: SSL.Context
    until: datetime


class Leaves:
    """The contexts of an issuer's hosts, and of the proxy's own listener where it speaks TLS.

    `now` is the wall clock, aware UTC. After `ca rotate`, make a new one.
    """

    def __init__(
        self,
        issuer: Certified,
        listener: Certified | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        most: int = MOST_CONTEXTS,
    ) -> None:
        self._issuer = issuer
        self._listener = listener
        self._permitted = permitted_hosts(issuer.cert)
        self._now = now
        self._most = most
        self._held: OrderedDict[tuple[str | None, bool], _Held] = OrderedDict()

    def context_for(self, host: str, *, h2: bool = False) -> SSL.Context:
        """The context for a normalised host. `h2`: for clients that offer nothing else (gRPC).

        Raises ConfigError for a host the issuer may not speak for, and once the issuer has expired.
        """
        return self._context((host, h2), lambda: self._leaf(host), HTTP2 if h2 else HTTP1)

    def listener_context(self) -> SSL.Context:
        """The context of the TLS proxy listener. Raises ConfigError if there is no certificate for it."""
        if self._listener is None:
            raise ConfigError("listeners: no certificate for tls; run `sluiceway init` or name cert and key")
        listener = self._listener
        return self._context((None, False), lambda: listener, HTTP1)

    def _context(
        self, key: tuple[str | None, bool], certify: Callable[[], Certified], protocol: bytes
    ) -> SSL.Context:
        now = self._now()
        held = self._held.get(key)
        if held is None or now >= held.until:
            certified = certify()
            until = min(now + RENEW_AFTER, certified.cert.not_valid_after_utc)
            held = self._held[key] = _Held(server_context(certified, protocol), until)
        self._held.move_to_end(key)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return held.context

    def _leaf(self, host: str) -> Certified:
        if not covers(self._permitted, host):
            raise ConfigError(f"issuer.pem: does not cover {host}; run `sluiceway ca rotate`")
        if self._now() >= self._issuer.cert.not_valid_after_utc:
            raise ConfigError("issuer.pem: has expired; run `sluiceway ca rotate`")
        leaf = make_leaf(self._issuer, normalise(host), self._now(), LEAF_LIFETIME)
        return Certified(leaf.cert, leaf.key, (self._issuer.cert, *self._issuer.above))


def server_context(certified: Certified, protocol: bytes = HTTP1) -> SSL.Context:
    """A server's context: TLS 1.2 and later, session tickets, `protocol` by ALPN if the client offers it."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(TLS12_CIPHERS)
    context.set_tls13_ciphersuites(TLS13_CIPHERS)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    # Idle connections give their record buffers back: about 34 KB each, and streams are mostly idle.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # Tickets hold the sessions, sealed, on the client's side; a cache here would only grow.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_select_callback(
        lambda _, offers: protocol if protocol in offers else SSL.NO_OVERLAPPING_PROTOCOLS
    )
    context.use_certificate(certified.cert)
    context.use_privatekey(certified.key)
    for cert in certified.above:
        context.add_extra_chain_cert(cert)
    return context
