"""The portal through a running proxy: by curl, by hand-made bytes, by the proxy's own port."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluiceway.app.init import init
from sluiceway.app.serve import Service
from tests.e2e.running import Loop, Running
from tests.e2e.test_front import authorization, curl, raw
from tests.e2e.test_mitmdump import Deployed
from tests.heavy.processes import Billing

pytestmark = pytest.mark.e2e

PORTAL = "http://sluiceway.internal"


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


def ask(target: str, *headers: str, method: str = "GET", body: bytes = b"", end: bool = True) -> bytes:
    """The bytes of one request. `end`: and the connection may be closed after it."""
    fields = [*headers, *["Connection: close"][: int(end)]]
    if body:
        fields.append(f"Content-Length: {len(body)}")
    return "\r\n".join([f"{method} {target} HTTP/1.1", *fields, "", ""]).encode() + body


def statuses(answers: bytes) -> list[str]:
    """The status of each answer in these bytes."""
    return [status.decode() for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def test_curl_gets_its_own_page_with_what_it_used(running: Running, alice: str) -> None:
    got = curl(running, f"{PORTAL}/api/me", proxy=alice)
    me = json.loads(got.stdout)
    assert (me["name"], me["team"], me["audit"]["state"]) == ("alice", "core", "off")
    assert [token["this"] for token in me["tokens"]] == [True]
    page = curl(running, "-H", "Accept: text/html", f"{PORTAL}/", proxy=alice).stdout
    assert "What Sluiceway knows about you" in page
    assert alice.rpartition(":")[0] not in page and "swy_" not in page


@pytest.mark.parametrize("path", ["/ca.pem", "/ca.der", "/bundle.pem", "/proxy.pac", "/help"])
def test_public_files_need_no_credentials(running: Running, path: str) -> None:
    through = raw(running, ask(PORTAL + path, "Host: sluiceway.internal"))
    direct = raw(running, ask(path, f"Host: 127.0.0.1:{running.port}"))
    assert statuses(through) == statuses(direct) == ["200"]
    assert through.partition(b"\r\n\r\n")[2] == direct.partition(b"\r\n\r\n")[2]


def test_the_certificate_that_is_served_is_the_one_to_trust(running: Running) -> None:
    served = raw(running, ask("/ca.pem", "Host: proxy")).partition(b"\r\n\r\n")[2]
    assert served == Path(running.anchor).read_bytes()


@pytest.mark.parametrize("path", ["/", "/api/me", "/audit/notice/" + "0" * 32, "/nowhere"])
def test_personal_pages_ask_for_credentials(running: Running, path: str) -> None:
    answer = raw(running, ask(PORTAL + path, "Host: sluiceway.internal"))
    assert statuses(answer) == ["407"]
    assert b"proxy-authenticate: basic" in answer.lower()


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://sluiceway.internal/api/me", "sluiceway.internal", "200"),
        ("http://SLUICEWAY.Internal/api/me", "SLUICEWAY.Internal", "200"),
        ("http://sluiceway.internal./api/me", "sluiceway.internal.", "200"),
        ("http://sluiceway.internal:80/api/me", "sluiceway.internal:80", "200"),
        ("http://sluiceway.internal/api/me", "example.com", "421"),
        ("http://sluiceway.internal/api/me", "sluiceway.internal:8080", "421"),
        ("http://sluiceway.internal/api/me", "sluiceway.internal\r\nHost: example.com", "421"),
        ("http://sluiceway.internal:8080/api/me", "sluiceway.internal:8080", "404"),
        ("http://x.sluiceway.internal/api/me", "x.sluiceway.internal", "404"),
        ("https://sluiceway.internal/api/me", "sluiceway.internal", "404"),
        ("http://sluiceway.internal/nowhere", "sluiceway.internal", "404"),
        ("/api/me", "sluiceway.internal", "404"),
        ("/api/me", "example.com", "404"),
        ("*", "sluiceway.internal", "404"),
    ],
)
def test_the_name_is_known_however_it_is_written_and_nothing_else_is(
    running: Running, alice: str, target: str, host: str, status: str
) -> None:
    answer = raw(running, ask(target, f"Host: {host}", authorization(alice)))
    assert statuses(answer) == [status]


@pytest.mark.parametrize("port", [443, 80, 8080])
def test_connect_to_the_portal_is_told_to_use_http(running: Running, alice: str, port: int) -> None:
    target = f"Sluiceway.internal.:{port}"
    answer = raw(running, ask(target, f"Host: {target}", authorization(alice), method="CONNECT"))
    assert statuses(answer) == ["403"]
    assert b"http://sluiceway.internal/ (http, not https)" in answer


def test_head_has_the_length_and_no_body(running: Running, alice: str) -> None:
    target = f"{PORTAL}/help"
    answer = raw(running, ask(target, "Host: sluiceway.internal", method="HEAD"))
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert (statuses(head), body) == (["200"], b"")
    assert length == len(raw(running, ask(target, "Host: sluiceway.internal")).partition(b"\r\n\r\n")[2])


def test_a_person_who_was_disabled_is_told_so(running: Running) -> None:
    carol = running.add("carol")
    running.operate("person.disable", name="carol")
    got = curl(running, "-i", f"{PORTAL}/", proxy=carol)
    assert " 403 " in got.stdout.splitlines()[0]
    assert "the account 'carol' is disabled. Ask #ai-platform." in got.stdout


def test_a_body_never_becomes_a_request(running: Running, alice: str) -> None:
    """On one kept connection: a form whose body is a request, then a real one. Two answers, not three."""
    inner = ask(f"{PORTAL}/api/me", "Host: sluiceway.internal", authorization(alice))
    form = ask(
        f"{PORTAL}/audit/notice/{'0' * 32}",
        "Host: sluiceway.internal",
        authorization(alice),
        method="POST",
        body=inner,
        end=False,
    )
    last = ask(f"{PORTAL}/help", "Host: sluiceway.internal")
    assert statuses(raw(running, form + last)) == ["404", "200"]
    with_get = ask(f"{PORTAL}/help", "Host: sluiceway.internal", body=inner, end=False)
    assert statuses(raw(running, with_get + last)) == ["200", "200"]


@pytest.mark.parametrize("path", ["/", "/nowhere"])
def test_after_a_refusal_nothing_more_is_read(running: Running, alice: str, path: str) -> None:
    inner = ask(f"{PORTAL}/api/me", "Host: sluiceway.internal", authorization(alice))
    refused = ask(PORTAL + path, "Host: sluiceway.internal", method="POST", body=inner, end=False)
    assert statuses(raw(running, refused + inner)) == ["407"]


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (("Content-Length: 65537",), "413"),
        (("Content-Length: 9999999999",), "413"),
        (("Content-Length: 9999999999", "Expect: 100-continue"), "413"),
        (("Transfer-Encoding: chunked",), "411"),
        (("Transfer-Encoding: chunked", "Content-Length: 5"), "400"),
        (("Content-Length: 5", "Content-Length: 6"), "400"),
        (("Content-Length: -1",), "400"),
        (("Content-Length: +5",), "400"),
        (("Transfer-Encoding: xchunked",), "400"),
    ],
)
def test_a_body_that_is_too_large_or_unclear_is_refused_before_it_is_read(
    running: Running, alice: str, framing: tuple[str, ...], status: str
) -> None:
    """Not one byte of the body is sent; the answer and the end of the connection come all the same."""
    head = ask(
        f"{PORTAL}/", "Host: sluiceway.internal", authorization(alice), *framing, method="POST", end=False
    )
    assert statuses(raw(running, head)) == [status]


def test_an_upload_without_credentials_is_answered_at_once_to_any_host(running: Running) -> None:
    head = ask(
        "http://example.com/", "Host: example.com", "Content-Length: 9999999999", method="POST", end=False
    )
    assert statuses(raw(running, head)) == ["407"]


def test_a_client_that_keeps_sending_to_a_refusal_is_cut_off(running: Running) -> None:
    head = ask(
        "http://example.com/", "Host: example.com", "Content-Length: 9999999999", method="POST", end=False
    )
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(head)
        with pytest.raises(ConnectionError):
            _send_without_end(connection)


def _send_without_end(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65536)


def test_through_a_tls_listener_all_is_the_same(fresh: type[Running]) -> None:
    running = fresh(listener="{address: 127.0.0.1:0, tls: auto}")
    proxy = running.add("alice").replace("http://", "https://")
    more = ("--proxy-cacert", running.anchor)
    assert json.loads(curl(running, *more, f"{PORTAL}/api/me", proxy=proxy).stdout)["name"] == "alice"
    direct = curl(running, f"https://127.0.0.1:{running.port}/proxy.pac")
    assert "FindProxyForURL" in direct.stdout, direct.stderr
    large = curl(running, *more, "-i", "-d", "x" * 70_000, f"{PORTAL}/", proxy=proxy)
    assert " 413 " in large.stdout.splitlines()[0], large.stderr


@pytest.fixture
def watched_parent(tmp_path: Path) -> Iterator[tuple[Running, socket.socket]]:
    """A deployment that sends everything it cannot answer to a parent proxy, where nobody answers."""
    parent = socket.create_server(("127.0.0.1", 0))
    parent.settimeout(0.2)
    text = (
        "listeners: [{address: 127.0.0.1:0}]\n"
        f"upstream: {{proxy: 'http://127.0.0.1:{parent.getsockname()[1]}'}}\n"
    )
    deployment = init(tmp_path / "deployment", "Test", text).deployment
    on, service = Loop(), Service(deployment)
    on.run(service.start())
    running = Running.__new__(Running)
    running.deployment, running.service, running.on = deployment, service, on
    running.port = service.addresses[0][1]
    yield running, parent
    on.run(service.stop())
    on.close()
    parent.close()


def test_the_portals_name_never_leaves(watched_parent: tuple[Running, socket.socket]) -> None:
    """The parent would be asked for any name that is not the portal's, and is asked for another one."""
    running, parent = watched_parent
    alice = authorization(running.add("alice"))
    for target in (
        f"{PORTAL}/",
        f"{PORTAL}./",
        f"{PORTAL}:8080/",
        "http://a.sluiceway.internal/",
        "/x",
        f"{PORTAL}/x",
    ):
        host = target.split("/")[2] if "//" in target else "sluiceway.internal"
        assert statuses(raw(running, ask(target, f"Host: {host}", alice)))[0] in ("200", "404")
    connect = ask("sluiceway.internal:443", "Host: sluiceway.internal:443", alice, method="CONNECT")
    assert statuses(raw(running, connect)) == ["403"]
    with pytest.raises(TimeoutError):
        parent.accept()
    with socket.create_connection(("127.0.0.1", running.port)) as other:
        other.sendall(ask("http://elsewhere.example/", "Host: elsewhere.example", alice))
        parent.settimeout(5)
        parent.accept()[0].close()
        other.settimeout(10)
        assert statuses(b"".join(iter(lambda: other.recv(65536), b""))) == ["502"]


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Billing]:
    started = Billing.start(tmp_path_factory.mktemp("billing"), (0, 0), (0, 0))
    yield started
    started.child.stop()


def test_under_mitmdump_it_is_the_same(billing: Billing, tmp_path: Path) -> None:
    deployed = Deployed(tmp_path, billing)
    with deployed.under_mitmdump() as child:
        running = Running.__new__(Running)
        running.port, running.deployment = deployed.port, deployed.deployment
        got = curl(running, f"{PORTAL}/api/me", proxy=deployed.urls[0])
        assert json.loads(got.stdout)["name"] == "alice"
        assert statuses(raw(running, ask("/proxy.pac", "Host: proxy"))) == ["200"]
        upload = ask(
            f"{PORTAL}/", "Host: sluiceway.internal", "Content-Length: 99999", method="POST", end=False
        )
        assert statuses(raw(running, upload)) == ["413"]
    assert "Traceback" not in child.said()
