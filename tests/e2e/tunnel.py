"""One decrypted connection through the proxy, for tests that want to send exactly these bytes."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, Self

import orjson

from tests.e2e.running import Running

# Stands in keys and bodies; no log record of the server may hold it (conftest.py).
CANARY = "canary-3f9c2e"
HEADERS = {
    "api.anthropic.com": {"x-api-key": f"sk-ant-api03-{CANARY}", "anthropic-version": "2023-06-01"},
    "api.openai.com": {"authorization": f"Bearer sk-{CANARY}"},
    "generativelanguage.googleapis.com": {"x-goog-api-key": f"AIza-{CANARY}"},
    "api.x.ai": {"authorization": f"Bearer xai-{CANARY}"},
}


@dataclass(frozen=True)
class Answer:
    """One whole answer; `headers` as they came, in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name), None)

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def authorization(proxy: str) -> str:
    """The header that goes with a proxy URL."""
    user, token = re.match(r"\w+://(.+):(.+)@", proxy).groups()  # type: ignore[union-attr]  # a URL of ours
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


class Tunnel:
    """CONNECT, TLS, and then whatever the test likes. Use it as a context manager.

    `receive_bytes` bounds what the kernel takes off the proxy's hands for a reader that does not read.
    """

    def __init__(
        self,
        running: Running,
        proxy: str,
        host: str = "api.anthropic.com",
        receive_bytes: int | None = None,
    ) -> None:
        self.host = host
        plain = socket.socket()
        plain.settimeout(60)
        if receive_bytes is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            plain.connect(("127.0.0.1", running.port))
            plain.sendall(
                f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n{authorization(proxy)}\r\n\r\n".encode()
            )
            answer = plain.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            context = ssl.create_default_context(cafile=running.anchor)
            self.secure = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def send(self, data: bytes) -> None:
        self.secure.sendall(data)

    def answer(self, method: str = "POST") -> Answer:
        """The next answer, whole."""
        response = HTTPResponse(self.secure, method=method)
        response.begin()
        body = response.read()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return Answer(response.status, headers, body)

    def ask(self, path: str, body: Any = None, *, method: str | None = None, **headers: str) -> Answer:
        """One request with the host's usual headers (underscores in names become dashes) and its answer."""
        method = method or ("GET" if body is None else "POST")
        self.send(self.request(path, body, method=method, **headers))
        return self.answer(method)

    def request(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> bytes:
        """The bytes of a request; `body` is bytes, or becomes JSON."""
        data = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        fields = {"host": self.host} | HEADERS.get(self.host, {})
        if body is not None:
            fields |= {"content-type": "application/json", "content-length": str(len(data))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + data

    def ended(self) -> bool:
        """Whether the proxy has closed the connection; waits for it or for more bytes."""
        try:
            return self.secure.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def rest(self) -> bytes:
        """Every byte until the proxy ends the connection."""
        pieces = []
        while piece := self.secure.recv(65536):
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self.secure.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def claude(text: str = f"hi, {CANARY}", **more: Any) -> dict[str, Any]:
    """A question to Anthropic."""
    message = {"role": "user", "content": text}
    return {"model": "claude-sonnet-4-5", "max_tokens": 200, "messages": [message], **more}


def gpt(text: str = f"hi, {CANARY}", **more: Any) -> dict[str, Any]:
    """A question to OpenAI's Chat Completions."""
    return {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": text}], **more}


def gemini(text: str = f"hi, {CANARY}", **more: Any) -> dict[str, Any]:
    """A question to Gemini."""
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
