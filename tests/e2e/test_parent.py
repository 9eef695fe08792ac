"""Behind a parent proxy: all that leaves goes through it, with its credentials, never the employee's."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluiceway.app import operations
from sluiceway.app.init import init
from sluiceway.app.serve import Service
from sluiceway.audit.service_account import read
from sluiceway.demo import certificates
from sluiceway.demo.providers import Providers
from sluiceway.gateway.minting import Google, NotMinted
from tests.e2e.running import Loop
from tests.heavy.asking import Answered, Question, clients

pytestmark = pytest.mark.e2e

SETTINGS = """\
listeners: [{{address: 127.0.0.1:0}}]
public_url: http://127.0.0.1:8080
upstream:
  trusted_ca: {ca_file}
  proxy: {proxy}
"""
CREDENTIALS = "Proxy-Authorization: Basic c2x1aWNlOndheQ=="  # sluice:way
GREETING = b"220 ready\r\n"


class TinyParent:
    """A CONNECT proxy with two destinations: AI hosts lead to the providers, all others to an echo server
    that greets first. It keeps the heads of what it was asked."""

    def __init__(self, providers_port: int, context: ssl.SSLContext | None) -> None:
        self.asked: list[str] = []
        self.refuses_with: str | None = None
        self._providers_port = providers_port
        self._context = context

    async def start(self) -> int:
        self._echo = await asyncio.start_server(self._greet_and_echo, "127.0.0.1", 0)
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0, ssl=self._context)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self._server.close()
        self._echo.close()

    async def _greet_and_echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await _copy(reader, writer)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            if self.refuses_with:
                writer.write(f"HTTP/1.1 {self.refuses_with}\r\nContent-Length: 0\r\n\r\n".encode())
            elif head.startswith("CONNECT "):
                await self._tunnel(head.split()[1], reader, writer)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nby http\n")
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()

    async def _tunnel(self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_ai = target.startswith(("api.", "oauth2."))
        port = self._providers_port if is_ai else self._echo.sockets[0].getsockname()[1]
        there, back = await asyncio.open_connection("127.0.0.1", port)
        # What the destination says first may come in one packet with the answer to CONNECT.
        first = b"" if is_ai else await there.readexactly(len(GREETING))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + first)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


class Behind:
    """A Sluiceway whose only way out is the parent."""

    def __init__(self, folder: Path, scheme: str) -> None:
        self.on = Loop()
        self.providers = Providers()
        self.on.run(self.providers.start(folder / "providers"))
        context, _ = certificates.server_context(folder / "providers", ("localhost",))
        self.parent = TinyParent(self.providers.port, context if scheme == "https" else None)
        proxy = f"{scheme}://sluice:way@localhost:{self.on.run(self.parent.start())}"
        text = SETTINGS.format(ca_file=self.providers.ca_file, proxy=proxy)
        self.deployment = init(folder / "deployment", "Test", text).deployment
        self.service = Service(self.deployment)
        self.on.run(self.service.start())
        self.port = self.service.addresses[0][1]
        assert self.service.store
        person = {"name": "alice", "kind": "employee", "team": "core", "actor": "test"}
        self.token = operations.run(self.service.store, "person.add", person)["token"]

    def ask(self, question: Question) -> Answered:
        async def asked() -> Answered:
            async with clients(str(self.deployment.settings.certs / "ca.pem")) as asking:
                return await asking.ask(f"http://alice:{self.token}@127.0.0.1:{self.port}", question)

        return asyncio.run(asked())

    def send(self, request: str) -> socket.socket:
        """A connection on which a request with alice's credentials was sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        credentials = base64.b64encode(f"alice:{self.token}".encode()).decode()
        connection.sendall(f"{request}Proxy-Authorization: Basic {credentials}\r\n\r\n".encode())
        return connection

    def stop(self) -> None:
        self.on.run(self.service.stop())
        self.on.run(self.parent.stop())
        self.on.run(self.providers.stop())
        self.on.close()


@pytest.fixture(scope="module", params=["http", "https"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    started = Behind(tmp_path_factory.mktemp("behind"), request.param)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def forgetful(behind: Behind) -> None:
    behind.parent.asked.clear()
    behind.parent.refuses_with = None


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "json"])
def test_an_ai_request_goes_through_the_parent(behind: Behind, stream: bool) -> None:
    assert behind.ask(Question(stream=stream)).whole
    if behind.parent.asked:  # else the connection of the request before was used again
        assert behind.parent.asked[0].startswith("CONNECT api.anthropic.com:443 HTTP/1.1")
        assert CREDENTIALS in behind.parent.asked[0]


def test_a_tunnel_goes_through_the_parent_and_whoever_greets_first_is_heard(behind: Behind) -> None:
    with behind.send("CONNECT Git.Example.COM:443 HTTP/1.1\r\nHost: x\r\n") as tunnel:
        lines = tunnel.makefile("rb")
        assert lines.readline().startswith(b"HTTP/1.1 200")
        assert lines.readline() == b"\r\n"
        assert lines.readline() == GREETING
        tunnel.sendall(b"hello\n")
        assert lines.readline() == b"hello\n"
    assert behind.parent.asked == [
        f"CONNECT git.example.com:443 HTTP/1.1\r\nHost: git.example.com:443\r\n{CREDENTIALS}\r\n\r\n"
    ]


def test_plain_http_is_asked_of_the_parent_by_its_whole_address(behind: Behind) -> None:
    with behind.send(
        "GET http://example.com/a?b=c HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n"
    ) as plain:
        answer = read_all(plain)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"by http\n")
    [asked] = behind.parent.asked
    assert asked.startswith("GET http://example.com/a?b=c HTTP/1.1\r\n")
    assert [line for line in asked.splitlines() if line.lower().startswith("proxy-auth")] == [
        CREDENTIALS.replace("Proxy-Authorization", "proxy-authorization")
    ]


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
def test_what_the_parent_refuses_is_said_instead_of_a_tunnel_that_closes(behind: Behind, status: str) -> None:
    behind.parent.refuses_with = status
    with behind.send("CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n") as tunnel:
        answer = read_all(tunnel)
    assert answer.startswith(b"HTTP/1.1 502")
    assert f"the parent proxy answered {status[:3]}".encode() in answer
    assert b"proxy-authenticate" not in answer.lower()


def test_an_access_token_is_asked_for_through_the_parent(behind: Behind) -> None:
    account = read(behind.providers.accounts.key_file("main@acme-1.iam.gserviceaccount.com"))
    google = Google(behind.service.gateway.parts.upstream)
    behind.parent.refuses_with = "403 Forbidden"
    with pytest.raises(NotMinted, match="parent_proxy"):
        behind.on.run(google.mint(account))
    behind.parent.refuses_with = None
    assert behind.on.run(google.mint(account)).token in behind.providers.accounts.tokens
    assert {asked.split(" HTTP")[0] for asked in behind.parent.asked} == {"CONNECT oauth2.googleapis.com:443"}


def test_an_ai_request_that_the_parent_refuses_is_answered_in_the_providers_form(behind: Behind) -> None:
    behind.parent.refuses_with = "403 Forbidden"
    answer = behind.ask(Question("openai"))
    assert (answer.status, answer.refused) == (502, "parent_proxy")
    assert b"(403)" in answer.body
    assert b'"error"' in answer.body
