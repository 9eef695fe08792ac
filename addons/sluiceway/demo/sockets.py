"""The WebSocket on /v1/responses that Codex prefers: a `response.create` in, the events of its answer out.

Kept small: one answer at a time, no faults but those that refuse the upgrade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
from aiohttp import WSMsgType, web

from sluiceway.demo import rejections
from sluiceway.demo.exchange import Asked, Json, Rejected, Reply

Turn = Callable[[Asked], tuple[Reply, Callable[[int, bool], None]]]


def wanted(asked: Asked) -> bool:
    """Whether the request asks for the socket."""
    upgrade = asked.headers.get("upgrade", "").lower() == "websocket"
    return upgrade and asked.method == "GET" and asked.path.endswith("/responses")


async def converse(request: web.BaseRequest, asked: Asked, turn: Turn) -> web.WebSocketResponse:
    """Answer turns until the client leaves. `turn` answers one and says where to note how it went."""
    socket = web.WebSocketResponse(max_msg_size=32 * 2**20)
    await socket.prepare(request)
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        reply, ended = turn(_turn(asked, message.data))
        sent = 0
        try:
            for event in reply.events or [reply.body]:
                await socket.send_bytes_as_text(event) if False else await socket.send_str(_data(event))
                sent += 1
        finally:
            ended(sent, sent == len(reply.events or [reply.body]))
    return socket
