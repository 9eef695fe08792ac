"""What the simulated providers billed: a list for the same process, a file for any other."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from sluiceway.demo.exchange import Asked, Reply, Served


class Record:
    """Served requests in order of arrival. Each is written when its answer begins and again when it ends;
    in the file the later line of a request_id counts, and every line is with the system before the client
    sees a byte, so a reader may kill either side at any moment."""

    def __init__(self, path: Path | None, *, keep: bool) -> None:
        self.log: list[Served] = []
        self._keep = keep
        self._file: BinaryIO | None = None if path is None else path.open("ab", buffering=0)

    def begin(self, served: Served) -> int:
        """Put on record; returns the place that `end` needs."""
        if self._keep:
            self.log.append(served)
        self._write(served)
        return len(self.log) - 1

    def end(self, place: int, served: Served, *, events_sent: int, complete: bool) -> None:
        """Say how much of the answer went out."""
        if not self._keep and self._file is None:
            return
        ended = replace(served, events_sent=events_sent, complete=complete)
        if self._keep:
            self.log[place] = ended
        self._write(ended)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, served: Served) -> None:
        if self._file is not None:
            self._file.write(served.line())


def served(asked: Asked, reply: Reply, faults: tuple[str, ...]) -> Served:
    """The record of an answer that is about to begin. Unanswered requests are not billed."""
    unanswered = "refuse" in faults or "hang" in faults
    return Served(
        request_id=reply.request_id,
        at=time.time(),
        provider=asked.provider,
        host=asked.headers.get("host", ""),
        method=asked.method,
        path=asked.path,
        model=reply.model,
        status=None if unanswered else reply.status,
        stream=reply.events is not None,
        usage=None if unanswered else reply.usage,
        usage_sent=reply.usage_sent and reply.usage is not None and not unanswered,
        complete=False,
        events=1 if reply.events is None else len(reply.events),
        events_sent=0,
        faults=faults,
        credentials=asked.credentials,
        header_names=tuple(asked.headers),
    )
