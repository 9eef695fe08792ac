"""One request of our own through the proxy, step by step, so that each step's failure has its own name.

TCP to the proxy, TLS where it is a TLS listener, CONNECT with the credentials, TLS with what it shows for the
AI host, and a request for a path that no provider has: Sluiceway refuses it itself, and nothing is forwarded.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from cryptography import x509

from sluiceway.machine.proxy import ProxyUrl

PATH = "/sluiceway-doctor"
TIMEOUT_S = 8.0
MOST_BYTES = 65_536
ID, REFUSED = "x-sluiceway-request-id", "x-sluiceway-refused"


class Unreachable(Exception):
    """No connection to the proxy; the text says why."""


class NotAProxy(Exception):
    """Something answers there, but not as our proxy does; the text says what."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer's head. `refused` is Sluiceway's code, `through` whether Sluiceway answered."""

    status: int
    headers: dict[str, str]

    @property
    def through(self) -> bool:
        return ID in self.headers

    @property
    def refused(self) -> str | None:
        return self.headers.get(REFUSED)

    @property
    def accepted(self) -> bool:
        """Sluiceway answered, and knows who asked."""
        return self.through and not (self.refused or "").startswith("credentials_")

    @property
    def date(self) -> datetime | None:
        with contextlib.suppress(ValueError, TypeError):
            return parsedate_to_datetime(self.headers["date"]) if "date" in self.headers else None
        return None


class Wire:
    """A blocking connection that TLS can be put on more than once (TLS inside a TLS listener)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._layers: list[tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]] = []

    def wrap(self, context: ssl.SSLContext, host: str) -> ssl.SSLObject:
        """Raises ssl.SSLError; the object that is returned has the certificate."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=host)
        below = len(self._layers)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._send(outgoing.read(), below)
                incoming.write(self._receive(below) or self._gone())
        self._send(outgoing.read(), below)
        self._layers.append((tls, incoming, outgoing))
        return tls

    def _gone(self) -> bytes:
        raise ConnectionResetError("closed in the handshake")

    def send(self, data: bytes) -> None:
        self._send(data, len(self._layers))

    def receive(self) -> bytes:
        """Empty at the end."""
        return self._receive(len(self._layers))

    def _send(self, data: bytes, depth: int) -> None:
        if depth == 0:
            self._sock.sendall(data)
        elif data:
            tls, _, outgoing = self._layers[depth - 1]
            tls.write(data)
            self._send(outgoing.read(), depth - 1)

    def _receive(self, depth: int) -> bytes:
        if depth == 0:
            return self._sock.recv(MOST_BYTES)
        tls, incoming, _ = self._layers[depth - 1]
        while True:
            try:
                return tls.read(MOST_BYTES)
            except ssl.SSLWantReadError:
                data = self._receive(depth - 1)
                if not data:
                    return b""
                incoming.write(data)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""


@contextlib.contextmanager
def connected(proxy: ProxyUrl, trust: ssl.SSLContext) -> Iterator[Wire]:
    """A connection to the proxy itself. `trust` is for a TLS listener. Raises Unreachable or NotAProxy."""
    with _dialled(proxy) as sock:
        wire = Wire(sock)
        if proxy.scheme == "https":
            try:
                wire.wrap(trust, proxy.host)
            except ssl.SSLCertVerificationError:
                raise
            except (ssl.SSLError, OSError):
                raise NotAProxy("it does not speak TLS: write http:// in the proxy URL") from None
        yield wire


def _dialled(proxy: ProxyUrl) -> socket.socket:
    try:
        return socket.create_connection((proxy.host, proxy.port), TIMEOUT_S)
    except socket.gaierror:
        raise Unreachable(f"the name {proxy.host} is not known to this machine") from None
    except ConnectionRefusedError:
        raise Unreachable(f"nothing listens at {proxy.place}") from None
    except TimeoutError:
        raise Unreachable(f"{proxy.place} does not answer") from None
    except OSError as error:
        raise Unreachable(f"{proxy.place}: {error.strerror or type(error).__name__}") from None


def connect(wire: Wire, proxy: ProxyUrl, host: str) -> Answer:
    """CONNECT to an AI host with the credentials of the URL."""
    who = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    wire.send(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n{who}\r\n".encode())
    return _head(wire)


def ask(wire: Wire, host: str) -> Answer:
    """The harmless request, inside the tunnel and its TLS."""
    head = f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sluiceway-doctor\r\nConnection: close\r\n\r\n"
    wire.send(head.encode())
    return _head(wire)


def shown_certificate(proxy: ProxyUrl, host: str, trust: ssl.SSLContext) -> x509.Certificate | None:
    """What the proxy shows for an AI host, whoever signed it."""
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE  # only looked at: nothing is sent after it
    with connected(proxy, trust) as wire:
        if connect(wire, proxy, host).status != 200:
            return None
        der = wire.wrap(blind, host).getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(der) if der else None


def _head(wire: Wire) -> Answer:
    data = b""
    try:
        while b"\r\n\r\n" not in data and len(data) < MOST_BYTES:
            more = wire.receive()
            if not more:
                break
            data += more
    except TimeoutError:
        raise NotAProxy("it takes the connection and then says nothing") from None
    except ConnectionError:
        pass
    return _parsed(data)


def _parsed(data: bytes) -> Answer:
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    status = re.match(r"HTTP/1\.[01] (\d{3})", first)
    if status is None:
        raise NotAProxy(
            "what answers there is not an HTTP proxy; a TLS listener wants https:// in the proxy URL"
        )
    pairs = (line.partition(":") for line in lines)
    return Answer(int(status[1]), {name.strip().lower(): value.strip() for name, _, value in pairs})
