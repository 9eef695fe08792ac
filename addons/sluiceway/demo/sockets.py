"""The WebSockets of the simulated providers: Responses as Codex prefers it, OpenAI Realtime, Gemini Live.

A speaker knows its API; this file carries its frames, bills each turn and plays the faults: those of
an upgrade refuse it, all others befall the next turn (`cut`, `reset`, `hang`, `hold`, `slow`, `stream-error`,
`no-usage` and `usage-null`, as in `faults.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from aiohttp import WSMsgType, web

from sluiceway.demo import faults
from sluiceway.demo.dialects.live import LiveSpeaker
from sluiceway.demo.dialects.realtime import RealtimeSpeaker
from sluiceway.demo.exchange import Asked, Reply
from sluiceway.demo.faults import Delivery, Fault
from sluiceway.demo.pace import Pace
from sluiceway.demo.record import Record, served
from sluiceway.demo.speaker import Closed, Said, Speaker
from sluiceway.demo.spoken_responses import ResponsesSpeaker

MOST_BYTES = 32 * 2**20
LIVE_PATH = "BidiGenerateContent"
type Faults = tuple[Fault, ...]


def wanted(asked: Asked) -> bool:
    """Whether the request asks for a socket that is played here."""
    upgrade = asked.headers.get("upgrade", "").lower() == "websocket"
    return upgrade and asked.method == "GET" and _speaks(asked.path)


def refuses(ordered: Faults) -> bool:
    """Whether these faults are an upgrade's: a status, or no answer at all."""
    return any(fault.name.isdecimal() or fault.name in ("refuse", "redirect") for fault in ordered)


def _speaks(path: str) -> bool:
    return path.endswith(("/responses", "/realtime")) or LIVE_PATH in path


def _speaker(asked: Asked, answer: Callable[[Asked], Reply]) -> Speaker:
    if LIVE_PATH in asked.path:
        return LiveSpeaker(asked)
    return RealtimeSpeaker(asked) if asked.path.endswith("/realtime") else ResponsesSpeaker(asked, answer)


class Carrier:
    """One socket. `answer` gives the reply to a POST; `ordered` takes the next turn's faults."""

    def __init__(
        self,
        asked: Asked,
        answer: Callable[[Asked], Reply],
        ordered: Callable[[], Faults],
        record: Record,
        pace: Pace,
    ) -> None:
        self._asked, self._ordered, self._record, self._pace = asked, ordered, record, pace
        self._speaker = _speaker(asked, answer)
        self._speaking: set[asyncio.Task[None]] = set()

    async def converse(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Frames both ways until the client leaves."""
        offered = request.headers.get("sec-websocket-protocol", "")
        protocols = ("realtime",) if "realtime" in offered else ()
        self._connection = web.WebSocketResponse(max_msg_size=MOST_BYTES, protocols=protocols)
        self._connection.headers["x-request-id"] = "req_socket"
        await self._connection.prepare(request)
        self._request = request
        try:
            for frame in self._speaker.greeting():
                await self._send(frame)
            async for message in self._connection:
                await self._hear(message.data)
        finally:
            for task in self._speaking:
                task.cancel()
        return self._connection

    async def _hear(self, data: str | bytes) -> None:
        try:
            said = self._speaker.heard(data.encode() if isinstance(data, str) else data)
        except Closed as closed:
            await self._connection.close(code=closed.code, message=closed.reason.encode())
            return
        for each in said:
            if each.reply is None:
                await self._send(each.frames[0])
            else:
                task = asyncio.get_running_loop().create_task(self._speak(each, each.reply))
                self._speaking.add(task)
                task.add_done_callback(self._speaking.discard)

    async def _speak(self, said: Said, reply: Reply) -> None:
        """One turn, frame by frame, until it is over, interrupted or broken off."""
        ordered = self._ordered()
        said = _altered(said, ordered, self._asked)
        delivery = faults.delivery(ordered, "")
        turn = replace(self._asked, method="POST")
        entry, sent = served(turn, reply, tuple(fault.name for fault in ordered)), 0
        place = self._record.begin(entry)
        try:
            with suppress(ConnectionError):
                sent = await self._frames(said, delivery)
        finally:
            usage = self._speaker.spent(said, sent)
            self._record.end(
                place, replace(entry, usage=usage), events_sent=sent, complete=sent == len(said.frames)
            )

    async def _frames(self, said: Said, delivery: Delivery) -> int:
        if delivery.hang:
            await asyncio.Event().wait()
        await self._pace.before_first(delivery.first_s)
        for index, frame in enumerate(said.frames):
            if index:
                await self._pace.before_next(delivery.between_s)
            if index and index == len(said.frames) - 1 and delivery.hold:
                await self._pace.until_released()
            if (last := self._speaker.interrupted(said, index)) is not None:
                await self._send(last)
                return index
            await self._send(frame)
            if index + 1 in (delivery.cut_after, delivery.reset_after):
                if self._request.transport is not None:
                    self._request.transport.abort()
                return index + 1
        self._speaker.over(said)
        return len(said.frames)

    async def _send(self, frame: bytes) -> None:
        binary = self._speaker.binary
        await self._connection.send_frame(frame, WSMsgType.BINARY if binary else WSMsgType.TEXT)


def _altered(said: Said, ordered: Faults, asked: Asked) -> Said:
    """The turn's frames after the faults that change what they say."""
    if not ordered:
        return said
    reply = faults.altered(Reply(200, "", (), events=said.frames), asked, ordered)
    frames = [event.partition(b"data: ")[2].rstrip() or event for event in reply.events or ()]
    return replace(said, frames=tuple(frames))
