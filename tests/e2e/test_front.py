"""Who is let in and where to: proxy credentials, AI hosts, tunnels, bytes that are not what they claim."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.running import Running

pytestmark = pytest.mark.e2e

QUESTION = {"model": "claude-sonnet-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
BODY = json.dumps(QUESTION)


def curl(running: Running, *arguments: str, proxy: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ["curl", "-sS", "-m", "10", "--cacert", running.anchor]
    if proxy:
        command += ["--proxy", proxy]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)


def ask(running: Running, proxy: str | None, *more: str) -> subprocess.CompletedProcess[str]:
    return curl(
        running,
        "-i",
        "https://api.anthropic.com/v1/messages",
        "-H",
        "x-api-key: sk-ant-api03-test",
        "-H",
        "anthropic-version: 2023-06-01",
        "-d",
        BODY,
        *more,
        proxy=proxy,
    )


def raw(running: Running, request: bytes) -> bytes:
    """What the proxy answers to bytes on a fresh connection."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def authorization(proxy: str) -> str:
    user, token = re.match(r"http://(.+):(.+)@", proxy).groups()  # type: ignore[union-attr]  # a URL of ours
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def connect(running: Running, proxy: str, target: str) -> socket.socket:
    """A tunnel that is open, or an AssertionError with the proxy's answer."""
    connection = socket.create_connection(("127.0.0.1", running.port), timeout=5)
    connection.sendall(
        f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization(proxy)}\r\n\r\n".encode()
    )
    answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return connection


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers what it gets, on loopback; its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def _echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def test_curl_with_credentials_gets_its_answer(running: Running, alice: str) -> None:
    answer = ask(running, alice)
    assert " 200 " in answer.stdout.splitlines()[2]
    assert '"stop_reason"' in answer.stdout
    assert "x-sluiceway-request-id: sw_" in answer.stdout


def test_no_credentials_are_answered_407_with_a_challenge(running: Running) -> None:
    answer = raw(running, b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: api.anthropic.com:443\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 407")
    assert b'proxy-authenticate: basic realm="sluiceway"' in answer.lower()


def test_wrong_credentials_on_an_ai_host_are_explained_inside_the_tunnel(
    running: Running, alice: str
) -> None:
    answer = ask(running, running.url("alice", "swy_wrong"))
    assert "401" in answer.stdout
    assert "x-sluiceway-refused: credentials_wrong_token" in answer.stdout
    assert "the token of 'alice' is not right" in answer.stdout
    assert "#ai-platform" in answer.stdout


def test_wrong_credentials_on_any_other_host_are_answered_407(running: Running) -> None:
    token = base64.b64encode(b"alice:swy_wrong").decode()
    head = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n"
    answer = raw(running, f"{head}Proxy-Authorization: Basic {token}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 407")


@pytest.mark.parametrize(
    "target",
    ["API.Anthropic.COM:443", "api.anthropic.com.:443"],
)
def test_an_ai_host_is_recognised_however_it_is_spelled(running: Running, alice: str, target: str) -> None:
    with connect(running, alice, target) as connection:
        context = ssl.create_default_context(cafile=running.anchor)
        with context.wrap_socket(connection, server_hostname="api.anthropic.com") as secure:
            assert secure.version()


def test_a_client_hello_that_comes_byte_by_byte_is_decrypted_all_the_same(
    running: Running, alice: str
) -> None:
    with connect(running, alice, "api.anthropic.com:443") as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=running.anchor)
        secure = context.wrap_bio(incoming, outgoing, server_hostname="api.anthropic.com")
        for _ in range(20):
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    connection.sendall(bytes([byte]))
                incoming.write(connection.recv(65536))
        assert secure.version()


def test_bytes_that_are_not_tls_are_hung_up_on_an_ai_host(running: Running, alice: str) -> None:
    with connect(running, alice, "api.anthropic.com:443") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n")
        assert connection.recv(1024) == b""


def test_a_server_name_that_differs_from_connect_is_answered_421(running: Running, alice: str) -> None:
    with connect(running, alice, "api.anthropic.com:443") as connection:
        context = ssl.create_default_context(cafile=running.anchor)
        context.check_hostname = False
        with context.wrap_socket(connection, server_hostname="api.openai.com") as secure:
            secure.sendall(b"GET /v1/models HTTP/1.1\r\nHost: api.anthropic.com\r\n\r\n")
            assert secure.recv(65536).startswith(b"HTTP/1.1 421")


def test_a_host_header_that_differs_from_connect_is_answered_421(running: Running, alice: str) -> None:
    answer = ask(running, alice, "-H", "Host: api.openai.com")
    assert " 421 " in answer.stdout
    assert "x-sluiceway-refused: host_mismatch" in answer.stdout


def test_an_ai_host_hidden_behind_another_connect_name_is_hung_up(fresh: type[Running], echo: int) -> None:
    running = fresh(allowed_port=echo)
    with connect(running, running.add("alice"), f"127.0.0.1:{echo}") as connection:
        context = ssl.create_default_context()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(connection, server_hostname="api.openai.com")


def test_other_hosts_are_tunnelled_untouched_and_only_their_bytes_counted(
    fresh: type[Running], echo: int
) -> None:
    running = fresh(allowed_port=echo)
    with connect(running, running.add("alice"), f"127.0.0.1:{echo}") as connection:
        connection.sendall(b"S" * 1000)
        received = b""
        while len(received) < 1000:
            received += connection.recv(65536)
    assert received == b"S" * 1000
    assert running.rows() == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("169.254.169.254:80", "cloud metadata"),
        ("10.0.0.1:80", "private address"),
        ("example.com:25", "port 25 is not open"),
        ("api.openai.com:80", "port 443 only"),
        ("0x7f.1:22", "port 22 is not open"),
    ],
)
def test_a_destination_that_is_not_allowed_is_refused_with_what_to_do(
    running: Running, alice: str, target: str, why: str
) -> None:
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization(alice)}\r\n\r\n"
    answer = raw(running, request.encode())
    assert answer.startswith(b"HTTP/1.1 403")
    assert why.encode() in answer


def test_the_proxy_does_not_connect_to_itself(running: Running, alice: str) -> None:
    request = f"CONNECT 127.0.0.1:{running.port} HTTP/1.1\r\nHost: x\r\n{authorization(alice)}\r\n\r\n"
    assert raw(running, request.encode()).startswith(b"HTTP/1.1 403")


def test_plain_http_to_a_provider_is_refused(running: Running, alice: str) -> None:
    answer = curl(running, "-i", "http://api.openai.com/v1/models", proxy=alice)
    assert " 403 " in answer.stdout
    assert "https" in answer.stdout


def test_an_h2_only_client_is_told_that_grpc_cannot_be_metered(running: Running, alice: str) -> None:
    with connect(running, alice, "api.x.ai:443") as connection:
        context = ssl.create_default_context(cafile=running.anchor)
        context.set_alpn_protocols(["h2"])
        with context.wrap_socket(connection, server_hostname="api.x.ai") as secure:
            assert secure.selected_alpn_protocol() == "h2"


def test_a_disabled_employee_is_out_of_open_tunnels_within_two_seconds(
    fresh: type[Running], echo: int
) -> None:
    running = fresh(allowed_port=echo)
    proxy = running.add("carol")
    with connect(running, proxy, f"127.0.0.1:{echo}") as tunnel:
        tunnel.sendall(b"x")
        assert tunnel.recv(1) == b"x"
        running.operate("person.disable", name="carol")
        tunnel.settimeout(5)
        assert tunnel.recv(1) == b""
    answer = ask(running, proxy)
    assert "x-sluiceway-refused: credentials_disabled" in answer.stdout


def test_a_client_without_our_authority_is_reported_not_let_through(running: Running, alice: str) -> None:
    with connect(running, alice, "api.openai.com:443") as connection, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(connection, server_hostname="api.openai.com")


def test_a_destination_that_cannot_be_reached_is_named_with_the_reason(fresh: type[Running]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    running = fresh(allowed_port=port)
    target = f"127.0.0.1:{port}"
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization(running.add('alice'))}\r\n\r\n"
    answer = raw(running, request.encode())
    assert answer.startswith(b"HTTP/1.1 502")
    assert f"Sluiceway: {target} could not be reached".encode() in answer
    assert b"connection_strategy" not in answer


def test_one_person_cannot_hold_all_connections(fresh: type[Running]) -> None:
    running = fresh(more="limits: {connections_per_principal: 3}")
    alice, bob = running.add("alice"), running.add("bob")
    held = [connect(running, alice, "api.anthropic.com:443") for _ in range(3)]
    request = f"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: x\r\n{authorization(alice)}\r\n\r\n"
    assert raw(running, request.encode()).startswith(b"HTTP/1.1 429")
    connect(running, bob, "api.anthropic.com:443").close()
    for connection in held:
        connection.close()
