"""The WebSocket on /v1/responses that Codex prefers: a `response.create` in, the events of its answer out.

Kept small: one answer at a time, and of the faults only those that refuse the upgrade.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
from aiohttp import WSMsgType, web

from sluiceway.demo.exchange import Asked, Reply
from sluiceway.demo.record import Record, served


def wanted(asked: Asked) -> bool:
    """Whether the request asks for the socket."""
    upgrade = asked.headers.get("upgrade", "").lower() == "websocket"
    return upgrade and asked.method == "GET" and asked.path.endswith("/responses")


async def converse(
    request: web.BaseRequest, asked: Asked, answer: Callable[[Asked], Reply], record: Record
) -> web.WebSocketResponse:
    """Answer turns until the client leaves; each is billed by itself."""
    connection = web.WebSocketResponse(max_msg_size=32 * 2**20)
    await connection.prepare(request)
    async for message in connection:
        if message.type is WSMsgType.TEXT:
            turn = _turn(asked, message.data)
            await _take(connection, turn, answer(turn), record)
    return connection


async def _take(connection: web.WebSocketResponse, turn: Asked, reply: Reply, record: Record) -> None:
    frames = [_error(reply)] if reply.events is None else [_data(event) for event in reply.events]
    entry, sent = served(turn, reply, ()), 0
    place = record.begin(entry)
    try:
        for frame in frames:
            await connection.send_frame(frame, WSMsgType.TEXT)
            sent += 1
    finally:
        record.end(place, entry, events_sent=sent, complete=sent == len(frames))


def _turn(asked: Asked, text: str) -> Asked:
    """A frame as the POST it stands for: the fields of `response.create` are those of a request's body."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        return replace(asked, method="POST", raw=text.encode())  # answered as the malformed body it is
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "type"} | {"stream": True}
    return replace(asked, method="POST", raw=orjson.dumps(body))


def _data(event: bytes) -> bytes:
    return event.partition(b"data: ")[2].rstrip()


def _error(reply: Reply) -> bytes:
    return orjson.dumps({"type": "error", "status": reply.status} | orjson.loads(reply.body))
