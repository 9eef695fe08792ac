"""A WebSocket through the proxy, for tests: the `websockets` library, with the tunnel it makes itself."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.e2e.running import Running
from tests.e2e.tunnel import HEADERS

RESPONSES = "wss://api.openai.com/v1/responses"
REALTIME = "wss://api.openai.com/v1/realtime?model=gpt-realtime"
LIVE = (
    "wss://generativelanguage.googleapis.com/ws/"
    "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
)
ENDS = ("response.completed", "response.incomplete", "response.failed", "response.done", "error")


class SocketClient:
    """One open socket; frames are JSON both ways."""

    def __init__(
        self,
        running: Running,
        proxy: str,
        url: str = RESPONSES,
        *,
        compression: str | None = "deflate",
        subprotocols: Sequence[Subprotocol] | None = None,
        **headers: str,
    ) -> None:
        host = url.split("/")[2]
        fields = HEADERS.get(host, {}) | {name.replace("_", "-"): value for name, value in headers.items()}
        self._connecting = connect(
            url,
            proxy=proxy,
            ssl=ssl.create_default_context(cafile=running.anchor),
            additional_headers=fields,
            compression=compression,
            subprotocols=subprotocols,
            open_timeout=30,
            close_timeout=5,
            max_size=2**26,
        )

    def send(self, frame: Any) -> None:
        self.open.send(frame if isinstance(frame, str | bytes) else orjson.dumps(frame).decode())

    def next(self) -> Any:
        return orjson.loads(self.open.recv(timeout=15))

    def ended(self) -> tuple[int, str]:
        """The code and the reason with which the socket ends, whatever comes before."""
        end = None
        while end is None:
            try:
                self.open.recv(timeout=15)
            except ConnectionClosed as closed:
                end = closed.rcvd
                assert end is not None, "it broke off"
        return end.code, end.reason

    def turn(self, **fields: Any) -> list[Any]:
        """A `response.create` and the events of its answer."""
        self.send({"type": "response.create", **fields})
        return self.answer()

    def answer(self) -> list[Any]:
        """Frames up to the one that ends an answer."""
        events = [self.next()]
        while events[-1]["type"] not in ENDS:
            events.append(self.next())
        return events

    def __enter__(self) -> Self:
        self.open: ClientConnection = self._connecting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connecting.__exit__(kind, error, trace)


def ask(text: str = "hi", **more: Any) -> dict[str, Any]:
    """The fields of a question over the Responses socket."""
    return {"model": "gpt-4.1-mini", "input": text, **more}
