"""What one run of a client left behind: ledger rows, and the provider's own record of the same requests."""

from __future__ import annotations

import threading

from sluiceway.demo.exchange import Served
from tests.clients.cli import Cli
from tests.e2e.running import Running
from tests.e2e.since import Row, billed_tokens, tokens_of


class Seen:
    """Rows and provider records that came after this was made."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._rows_before, self._served_before = len(running.rows()), len(running.providers.log)

    def rows(self) -> list[Row]:
        """All new rows, once none of them is open any more."""
        for _ in range(500):
            rows = self._running.rows()[self._rows_before :]
            if all(row["outcome"] != "open" for row in rows):
                return rows
            threading.Event().wait(0.02)
        raise AssertionError("a row stays open")

    @property
    def served(self) -> list[Served]:
        return self._running.providers.log[self._served_before :]

    @property
    def billed(self) -> list[Served]:
        return [served for served in self.served if served.usage is not None]

    def answers(self, cli: Cli, count: int) -> list[Row]:
        """The rows of `count` answers, after a look that they are exactly what the provider billed."""
        rows = [row for row in self.rows() if row["metered"] and row["outcome"] == "ok"]
        assert len(rows) == len(self.billed) == count
        for row, served in zip(rows, self.billed, strict=True):
            assert tokens_of(row) == billed_tokens(served)
            assert (row["stream"], row["usage_source"]) == (served.stream, "reported")
            assert (row["model_served"], row["host"]) == (served.model, cli.host)
            assert (row["client_name"], row["client_version"]) == (cli.name, cli.version)
            assert (row["agent"], row["principal"]) == (cli.agent, "alice")
        return rows

    def refused(self) -> list[Row]:
        """The rows of refused prompts: without the socket Codex asks for first, and Claude Code's extras."""
        rows = [row for row in self.rows() if row["outcome"] == "refused"]
        return [row for row in rows if row["operation"] not in ("websocket", "pass")]

    def sockets(self) -> list[Row]:
        return [row for row in self.rows() if row["operation"] == "websocket"]
