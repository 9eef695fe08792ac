"""What passes unmetered by a provider's entry: unlisted paths, each with a row; gRPC, its bytes counted."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.settings.providers import Providers
from sluiceway.store.tables import discovery
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.test_front import connect
from tests.e2e.tunnel import Tunnel

pytestmark = pytest.mark.e2e

SHIPPED = Providers.load(Path("rules/providers.yaml"))
HOSTS = {name: provider.own_host for name, provider in SHIPPED.by_name.items() if provider.own_host}
OFFERS = {"grpc": ["h2"], "http": ["http/1.1"], "either": ["h2", "http/1.1"]}


@pytest.fixture(scope="module")
def lax(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A deployment whose providers' entries let everything unlisted pass, and xAI's gRPC, too."""
    started = Running(
        tmp_path_factory.mktemp("lax"), latency=NO_LATENCY, patience_s=2, names=tuple(HOSTS.values())
    )
    file = started.deployment.settings.rules / "providers.yaml"
    text = file.read_text().replace("unlisted: refuse", "unlisted: pass")
    file.write_text(text.replace("price_id: x-ai", "price_id: x-ai\n    grpc: pass"))
    started.on.call(started.service.reload)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(lax: Running) -> str:
    return lax.add("alice")


@pytest.mark.parametrize("name", HOSTS)
def test_an_unlisted_path_passes_flagged_and_without_a_cost(lax: Running, alice: str, name: str) -> None:
    since = Since(lax)
    with Tunnel(lax, alice, HOSTS[name]) as tunnel:
        answer = tunnel.ask("/v9/novelty", {"prompt": "hi"}, authorization="Bearer test-key-of-nobody")
    row = since.row()
    assert answer.header("x-sluiceway-refused") is None
    assert (row["provider"], row["operation"], row["metered"]) == (name, "unlisted", False)
    assert (row["cost_nusd"], row["charged_nusd"], row["usage_source"]) == (None, 0, "none")


def handshake(lax: Running, alice: str, host: str, offer: str, sni: str | None = None) -> ssl.SSLSocket:
    """A TLS connection through the proxy that trusts us and the providers, and offers these protocols."""
    context = ssl.create_default_context(cafile=lax.anchor)
    context.load_verify_locations(lax.providers.ca_file)
    context.check_hostname = sni is None
    context.set_alpn_protocols(OFFERS[offer])
    return context.wrap_socket(connect(lax, alice, f"{host}:443"), server_hostname=sni or host)


def is_decrypted(secure: ssl.SSLSocket) -> bool:
    """Whether the certificate is ours, not the provider's."""
    found: Any = secure.getpeercert()
    return "simulated providers" not in str(found["issuer"])


def seen(lax: Running, host: str) -> tuple[int, int, int]:
    """Connections and bytes of gRPC at a host, once both sides of a tunnel have ended."""
    assert lax.service.store
    for _ in range(200):
        with lax.service.store.read() as connection:
            rows = connection.execute(select(discovery)).mappings().all()
        found = [row for row in rows if row["host"] == host and row["reason"] == "grpc"]
        if found:
            return found[0]["connections"], found[0]["bytes_up"], found[0]["bytes_down"]
        threading.Event().wait(0.05)
    return 0, 0, 0


def test_grpc_passes_to_the_provider_itself_and_its_bytes_are_counted(lax: Running, alice: str) -> None:
    rows = len(lax.rows())
    with handshake(lax, alice, "api.x.ai", "grpc") as secure:
        assert not is_decrypted(secure)
        secure.sendall(b"GET /v1/models HTTP/1.1\r\nHost: api.x.ai\r\nConnection: close\r\n\r\n")
        assert secure.recv(65536).startswith(b"HTTP/1.1 401")
        secure.unwrap().close()
    connections, up, down = seen(lax, "api.x.ai")
    assert connections == 1
    assert up > 100 < down
    assert len(lax.rows()) == rows


@pytest.mark.parametrize(
    ("host", "offer", "sni"),
    [
        pytest.param("api.x.ai", "http", None, id="HTTP/1.1 at the same provider"),
        pytest.param("api.x.ai", "either", None, id="a client that takes HTTP/1.1 too"),
        pytest.param("api.openai.com", "grpc", None, id="gRPC where it is refused"),
        pytest.param("api.x.ai", "grpc", "api.openai.com", id="another name inside than outside"),
    ],
)
def test_everything_else_is_still_decrypted(
    lax: Running, alice: str, host: str, offer: str, sni: str | None
) -> None:
    with handshake(lax, alice, host, offer, sni) as secure:
        assert is_decrypted(secure)


def test_wrong_credentials_pass_no_grpc(lax: Running) -> None:
    with handshake(lax, f"http://alice:swy_wrong@127.0.0.1:{lax.port}", "api.x.ai", "grpc") as secure:
        assert is_decrypted(secure)


def test_grpc_is_cut_when_its_person_is_disabled(lax: Running) -> None:
    proxy = lax.add("bob")
    with handshake(lax, proxy, "api.x.ai", "grpc") as secure:
        lax.operate("person.disable", name="bob")
        secure.settimeout(5)
        with contextlib.suppress(ssl.SSLEOFError, ConnectionError):  # an end without TLS's goodbye
            assert secure.recv(1) == b""
