"""The load generator: prebuilt request bytes over blocking sockets, so that it costs little beside a proxy.

Concurrency needs no threads: requests are sent on many connections and their answers read in turn, while
what comes early waits in the socket's buffer.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HOST = "api.anthropic.com"
TIMEOUT_S = 60.0
_RECEIVE_BYTES = 64 * 1024
# What an official SDK sends besides the body, so that header work is the usual one.
_HEADERS = (
    f"Host: {HOST}",
    "Accept: application/json",
    "Accept-Encoding: identity",
    "Connection: keep-alive",
    "User-Agent: Anthropic/Python 0.75.0",
    "X-Stainless-Lang: python",
    "X-Stainless-Package-Version: 0.75.0",
    "X-Stainless-OS: Linux",
    "X-Stainless-Arch: x64",
    "X-Stainless-Runtime: CPython",
    "X-Stainless-Runtime-Version: 3.13.0",
    "X-Stainless-Retry-Count: 0",
    "X-Stainless-Timeout: 600",
    "X-Api-Key: sk-ant-api03-benchmark",
    "Anthropic-Version: 2023-06-01",
    "Content-Type: application/json",
)


class BadAnswerError(Exception):
    """An answer that is not the one the measurement is about; the text says which."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the provider: where to connect, whose CA to trust, and a proxy's credentials if it is one."""

    address: tuple[str, int]
    context: ssl.SSLContext
    credentials: str | None = None

    def opening(self) -> bytes:
        """The CONNECT request, empty for the direct way."""
        if self.credentials is None:
            return b""
        secret = b64encode(self.credentials.encode()).decode()
        lines = (
            f"CONNECT {HOST}:443 HTTP/1.1",
            f"Host: {HOST}:443",
            f"Proxy-Authorization: Basic {secret}",
        )
        return "\r\n".join((*lines, "", "")).encode()


def context_for(ca_file: str) -> ssl.SSLContext:
    """Verifies as SDKs do, trusts `ca_file` alone."""
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def message(text: str, *, stream: bool = False, demo: Sequence[str] = ()) -> bytes:
    """A Messages request. `demo` are header lines for the simulated provider."""
    body: dict[str, object] = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": text}],
    }
    if stream:
        body["stream"] = True
    content = json.dumps(body).encode()
    head = ("POST /v1/messages HTTP/1.1", *_HEADERS, f"Content-Length: {len(content)}", *demo, "", "")
    return "\r\n".join(head).encode() + content


class Connection:
    """A keep-alive connection to the provider by one way. Any answer but a whole 200 is a BadAnswerError."""

    def __init__(self, way: Way) -> None:
        plain = socket.create_connection(way.address, timeout=TIMEOUT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = way.opening()
        if opening:
            plain.sendall(opening)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += _some(plain)
            _must_be_200(answer)
        self._tls = way.context.wrap_socket(plain, server_hostname=HOST)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tls.close()

    def send(self, request: bytes) -> None:
        self._tls.sendall(request)

    def answer(self, already: bytes = b"") -> bytes:
        """The whole answer, head and body; `already` is what `first_event` returned of it."""
        received = already
        while b"\r\n\r\n" not in received:
            received += _some(self._tls)
        _must_be_200(received)
        head = received[: received.index(b"\r\n\r\n") + 4]
        _, found, rest = head.lower().partition(b"content-length:")
        pieces, size = [received], len(received)
        if found:
            wanted = len(head) + int(rest.split(b"\r\n", 1)[0])
            while size < wanted:
                pieces.append(_some(self._tls))
                size += len(pieces[-1])
            return b"".join(pieces)
        while not pieces[-1].endswith(b"0\r\n\r\n"):
            pieces.append(_some(self._tls))
            if len(pieces[-1]) < 5:
                pieces = [b"".join(pieces)]  # the last chunk came in two parts
        return b"".join(pieces)

    def first_event(self) -> bytes:
        """What has come once the first event of a stream is there."""
        received = b""
        while b"\ndata:" not in received:
            received += _some(self._tls)
        _must_be_200(received)
        return received

    def ask(self, request: bytes) -> bytes:
        self.send(request)
        return self.answer()


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(_RECEIVE_BYTES)
    if not received:
        raise BadAnswerError("the connection was closed in the middle of an answer")
    return received


def _must_be_200(answer: bytes) -> None:
    line = answer.split(b"\r\n", 1)[0]
    if not line.startswith(b"HTTP/1.1 200"):
        raise BadAnswerError(f"expected 200, got {line.decode('latin-1')!r}")


def rolling(connections: Sequence[Connection], request: bytes, count: int) -> None:
    """`count` requests, as many at a time as there are connections; each is followed by the next at once."""
    open_count = min(len(connections), count)
    for connection in connections[:open_count]:
        connection.send(request)
    for index in range(count):
        connection = connections[index % open_count]
        connection.answer()
        if index + open_count < count:
            connection.send(request)


def timed_ms(connection: Connection, request: bytes) -> float:
    """Milliseconds from the request's first byte to the answer's last."""
    start = time.perf_counter()
    connection.ask(request)
    return (time.perf_counter() - start) * 1000


def first_event_ms(connection: Connection, request: bytes) -> float:
    """Milliseconds from the request's first byte to the first event; reads the rest of the stream after."""
    start = time.perf_counter()
    connection.send(request)
    received = connection.first_event()
    waited = (time.perf_counter() - start) * 1000
    connection.answer(received)
    return waited
