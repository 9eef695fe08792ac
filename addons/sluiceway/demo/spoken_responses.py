"""OpenAI's Responses over a WebSocket: a `response.create` in, the events of its answer out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson

from sluiceway.demo.exchange import Asked, Json, Reply
from sluiceway.demo.speaker import Said


class ResponsesSpeaker:
    """Each frame is answered as the POST it stands for; `stream_id` comes back with every event."""

    binary = False

    def __init__(self, asked: Asked, answer: Callable[[Asked], Reply]) -> None:
        self._asked, self._answer = asked, answer

    def greeting(self) -> list[bytes]:
        return []

    def heard(self, frame: bytes) -> list[Said]:
        turn, lane, known = _turn(self._asked, frame)
        if not known:
            return []
        reply = self._answer(turn)
        frames = [_error(reply)] if reply.events is None else [_data(event) for event in reply.events]
        if lane is not None:
            frames = [orjson.dumps(orjson.loads(each) | {"stream_id": lane}) for each in frames]
        return [Said(tuple(frames), reply)]

    def interrupted(self, said: Said, index: int) -> bytes | None:
        return None

    def over(self, said: Said) -> None:
        pass

    def spent(self, said: Said, sent: int) -> Json | None:
        return said.reply.usage if said.reply else None


def _turn(asked: Asked, frame: bytes) -> tuple[Asked, str | None, bool]:
    """A frame as the POST it stands for: the fields of `response.create` are those of a request's body."""
    try:
        body = orjson.loads(frame)
    except orjson.JSONDecodeError:
        return replace(asked, method="POST", raw=frame), None, True  # answered as the malformed body it is
    lane = None
    if isinstance(body, dict):
        if body.get("type") in ("response.processed", "response.cancel"):
            return asked, None, False
        lane = body.get("stream_id")
        body = {name: value for name, value in body.items() if name not in ("type", "stream_id")}
        # An open socket remembers its answers, also those that are not to be stored (docs, "WebSocket mode").
        body |= {"stream": True, "store": True}
    return replace(asked, method="POST", raw=orjson.dumps(body)), lane, True


def _data(event: bytes) -> bytes:
    return event.partition(b"data: ")[2].rstrip()


def _error(reply: Reply) -> bytes:
    return orjson.dumps({"type": "error", "status": reply.status} | orjson.loads(reply.body))
