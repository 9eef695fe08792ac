"""Ends an exchange in which nothing moves any more, whichever side stands still."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import web


class Closes(Protocol):
    """What stands still, and can be ended: whoever reads it wakes."""

    def close(self) -> None: ...


class Watch:
    """One timer, armed again only when it fires: noting a movement costs a look at the clock."""

    def __init__(self, idle_s: float, answer: Closes, request: web.BaseRequest) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle_s = idle_s
        self._answer = answer
        self._request = request
        self._writing = False
        self.expired = False
        self._moved_s = self._loop.time()
        self._timer = self._loop.call_later(idle_s, self._look)

    def reading(self) -> None:
        """From now on the provider is waited for."""
        self._writing = False
        self._moved_s = self._loop.time()

    def writing(self) -> None:
        """From now on the client is waited for."""
        self._writing = True
        self._moved_s = self._loop.time()

    def _look(self) -> None:
        left_s = self._moved_s + self._idle_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
            return
        self.expired = True
        if self._writing and self._request.transport is not None:
            self._request.transport.abort()  # a client that stopped reading; it has no use for an ending
        else:
            self._answer.close()  # wakes whoever reads it

    def stop(self) -> None:
        self._timer.cancel()
