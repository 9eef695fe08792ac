"""A connection to PostgreSQL that is given up when the server does not answer in time.

Time-outs of TCP do not help where somebody in between still acknowledges every byte, nor where the server
itself hangs: then psycopg waits for ever, and with it whoever waits for the writer.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from math import inf
from typing import Any

import psycopg


class Impatient(psycopg.Connection[Any]):
    """`within_s`: how long one answer may take; the connection is closed after that, since nobody knows what
    the server will yet do with what it was sent."""

    within_s: float = inf

    def wait[R](self, gen: Generator[Any, Any, R], *arguments: Any, **options: Any) -> R:
        if self.within_s == inf:
            return super().wait(gen, *arguments, **options)
        return super().wait(self._timed(gen), *arguments, **options)

    def _timed[R](self, gen: Generator[Any, Any, R]) -> Generator[Any, Any, R]:
        """Passes everything on. psycopg looks in several times a second, whether or not anything came."""
        until_s = time.monotonic() + self.within_s
        try:
            state = next(gen)
            while True:
                ready = yield state
                if not ready and time.monotonic() > until_s:
                    self.close()
                    raise psycopg.OperationalError(f"the database did not answer for {self.within_s:.0f} s")
                state = gen.send(ready)
        except StopIteration as done:
            result: R = done.value
            return result
