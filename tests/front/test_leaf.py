"""Contexts are made once a host and day, bounded, and only for hosts the issuer may speak for."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from sluiceway.errors import ConfigError
from sluiceway.front.certificate import Certified, make_anchor, make_issuer, make_leaf
from sluiceway.front.leaf import Leaves, server_context
from sluiceway.front.names import normalise

START = datetime.now(UTC).replace(microsecond=0)
HOSTS = ["api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"]
ANCHOR = make_anchor("Example Company", START)
ISSUER = make_issuer(ANCHOR, HOSTS, START)
ROOTS = ANCHOR.cert.public_bytes(Encoding.PEM).decode()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Client:
    """Python's own TLS client, in memory."""

    def __init__(self, *, protocols: list[str] | None = None, newest: ssl.TLSVersion | None = None) -> None:
        self.context = ssl.create_default_context(cadata=ROOTS)
        self.context.verify_flags |= ssl.VERIFY_X509_STRICT
        if protocols:
            self.context.set_alpn_protocols(protocols)
        if newest:
            self.context.maximum_version = newest

    def meet(
        self, context: SSL.Context, name: str, session: ssl.SSLSession | None = None
    ) -> tuple[ssl.SSLObject, SSL.Connection]:
        """Both sides after a handshake and a word from the server. Raises ssl.SSLError where it fails."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = self.context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
        server = SSL.Connection(context)
        server.set_accept_state()
        for _ in range(4):
            step(client.do_handshake)
            if sent := outgoing.read():
                server.bio_write(sent)
            step(server.do_handshake)
            carry(server, incoming)
        server.send(b"hello")
        carry(server, incoming)
        assert client.read(5) == b"hello"
        return client, server


def step(handshake: Callable[[], None]) -> None:
    try:
        handshake()
    except (ssl.SSLWantReadError, SSL.WantReadError):
        return


def carry(server: SSL.Connection, incoming: ssl.MemoryBIO) -> None:
    try:
        incoming.write(server.bio_read(65536))
    except SSL.WantReadError:
        return


def certificate(client: ssl.SSLObject) -> x509.Certificate:
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def names(cert: x509.Certificate) -> list[str]:
    extension = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_strict_client_accepts_the_leaf_of_its_host(host: str, newest: ssl.TLSVersion) -> None:
    client, _ = Client(newest=newest).meet(Leaves(ISSUER).context_for(host), host)
    assert names(certificate(client)) == [host]


def test_connections_to_a_host_share_one_context() -> None:
    leaves = Leaves(ISSUER)
    assert leaves.context_for(HOSTS[0]) is leaves.context_for(HOSTS[0])
    assert leaves.context_for(HOSTS[0]) is not leaves.context_for(HOSTS[1])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_comes_back_resumes_its_session(newest: ssl.TLSVersion) -> None:
    leaves, caller = Leaves(ISSUER), Client(newest=newest)
    first, _ = caller.meet(leaves.context_for(HOSTS[0]), HOSTS[0])
    again, _ = caller.meet(leaves.context_for(HOSTS[0]), HOSTS[0], first.session)
    assert (first.session_reused, again.session_reused) == (False, True)


def test_a_session_of_another_host_or_yesterday_starts_afresh() -> None:
    clock = Clock()
    leaves, caller = Leaves(ISSUER, now=clock), Client()
    first, _ = caller.meet(leaves.context_for(HOSTS[0]), HOSTS[0])
    elsewhere, _ = caller.meet(leaves.context_for(HOSTS[1]), HOSTS[1], first.session)
    clock.now += timedelta(days=1)
    tomorrow, _ = caller.meet(leaves.context_for(HOSTS[0]), HOSTS[0], first.session)
    assert not elsewhere.session_reused
    assert not tomorrow.session_reused


@pytest.mark.parametrize(
    ("offers", "h2", "chosen"),
    [
        pytest.param(["h2", "http/1.1"], False, "http/1.1", id="both offered"),
        pytest.param(["http/1.1"], False, "http/1.1", id="only http/1.1"),
        pytest.param(["h2"], False, None, id="only h2, and we do not speak it"),
        pytest.param(["h2"], True, "h2", id="only h2, for gRPC"),
        pytest.param(None, False, None, id="nothing offered"),
    ],
)
def test_http_1_1_is_chosen_wherever_it_is_offered(
    offers: list[str] | None, h2: bool, chosen: str | None
) -> None:
    context = Leaves(ISSUER).context_for(HOSTS[0], h2=h2)
    client, _ = Client(protocols=offers).meet(context, HOSTS[0])
    assert client.selected_alpn_protocol() == chosen


def test_a_leaf_lasts_a_week_and_is_renewed_every_day() -> None:
    clock, caller = Clock(), Client()
    leaves = Leaves(ISSUER, now=clock)
    today = leaves.context_for(HOSTS[0])
    leaf = certificate(caller.meet(today, HOSTS[0])[0])
    assert leaf.not_valid_before_utc == START - timedelta(days=2)
    assert leaf.not_valid_after_utc == START + timedelta(days=7)
    clock.now = START + timedelta(hours=23, minutes=59)
    assert leaves.context_for(HOSTS[0]) is today
    clock.now = START + timedelta(days=1)
    assert leaves.context_for(HOSTS[0]) is not today


def test_in_its_last_hours_an_issuer_still_signs_and_then_no_more() -> None:
    clock = Clock()
    leaves = Leaves(ISSUER, now=clock)
    end = ISSUER.cert.not_valid_after_utc
    clock.now = end - timedelta(hours=1)
    last = leaves.context_for(HOSTS[0])
    clock.now = end - timedelta(seconds=1)
    assert leaves.context_for(HOSTS[0]) is last
    clock.now = end
    with pytest.raises(ConfigError, match="has expired; run `sluiceway ca rotate`"):
        leaves.context_for(HOSTS[0])


@pytest.mark.parametrize("host", ["bank.example", "openai.com", "xapi.openai.com", "127.0.0.1", ""])
def test_a_host_outside_the_constraints_gets_no_leaf(host: str) -> None:
    with pytest.raises(ConfigError, match=r"issuer\.pem: does not cover"):
        Leaves(ISSUER).context_for(host)


def test_an_issuer_without_constraints_signs_for_nobody() -> None:
    with pytest.raises(ConfigError, match="does not cover"):
        Leaves(ANCHOR).context_for(HOSTS[0])


def test_contexts_are_bounded_and_the_latest_used_stay() -> None:
    leaves = Leaves(ISSUER, most=2)
    first, second = leaves.context_for(HOSTS[0]), leaves.context_for(HOSTS[1])
    assert leaves.context_for(HOSTS[0]) is first
    leaves.context_for(HOSTS[2])
    assert leaves.context_for(HOSTS[0]) is first
    assert leaves.context_for(HOSTS[1]) is not second


def test_the_listener_shows_its_own_certificate() -> None:
    listener = make_leaf(ANCHOR, normalise("proxy.corp.example"), START, timedelta(days=30))
    client, _ = Client().meet(Leaves(ISSUER, listener).listener_context(), "proxy.corp.example")
    assert names(certificate(client)) == ["proxy.corp.example"]


def test_without_a_listener_certificate_there_is_no_listener_context() -> None:
    with pytest.raises(ConfigError, match=r"^listeners: "):
        Leaves(ISSUER).listener_context()


def test_an_intermediate_above_the_issuer_is_sent_along() -> None:
    below = make_leaf(ISSUER, normalise(HOSTS[0]), START, timedelta(days=1))
    whole = Certified(below.cert, below.key, (ISSUER.cert,))
    client, _ = Client().meet(server_context(whole), HOSTS[0])
    assert names(certificate(client)) == [HOSTS[0]]
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        Client().meet(server_context(below), HOSTS[0])


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(newest: ssl.TLSVersion) -> None:
    caller = Client()
    caller.context.set_ciphers("ALL:@SECLEVEL=0")
    caller.context.minimum_version = caller.context.maximum_version = newest
    with pytest.raises((ssl.SSLError, SSL.Error)):
        caller.meet(Leaves(ISSUER).context_for(HOSTS[0]), HOSTS[0])


@pytest.mark.parametrize(
    ("leaf_host", "asked"),
    [
        pytest.param("bank.example", "bank.example", id="another name"),
        pytest.param("127.0.0.1", "127.0.0.1", id="an address"),
        pytest.param("::1", "::1", id="an IPv6 address"),
    ],
)
def test_what_a_stolen_issuer_signs_for_others_is_rejected(leaf_host: str, asked: str) -> None:
    stolen = make_leaf(ISSUER, normalise(leaf_host), START, timedelta(days=1))
    context = server_context(Certified(stolen.cert, stolen.key, (ISSUER.cert,)))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(permitted|excluded) subtree"):
        Client().meet(context, asked)
