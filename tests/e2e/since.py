"""What a test added to the ledger and to the providers' log, and whether the two agree."""

from __future__ import annotations

import threading
from typing import Any

from sluiceway.demo.exchange import Served
from tests.e2e.running import Running

type Row = dict[str, Any]


class Since:
    """Rows and provider records that came after this was made."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._rows_before = len(running.rows())
        self._served_before = len(running.providers.log)

    def rows(self, count: int = 1) -> list[Row]:
        """The new rows, once `count` of them have ended; an AssertionError if they do not end."""
        for _ in range(400):
            rows = self._running.rows()[self._rows_before :]
            if sum(row["outcome"] != "open" for row in rows) >= count:
                break
            threading.Event().wait(0.02)
        assert [row["outcome"] == "open" for row in rows] == [False] * count
        return rows

    def settled(self, least: int) -> list[Row]:
        """The new rows, `least` of them or more, once none is open; an AssertionError if they do not end."""
        rows: list[Row] = []
        for _ in range(400):
            rows = self._running.rows()[self._rows_before :]
            if len(rows) >= least and all(row["outcome"] != "open" for row in rows):
                break
            threading.Event().wait(0.02)
        assert len(rows) >= least and all(row["outcome"] != "open" for row in rows)
        return rows

    def row(self) -> Row:
        """The one new row."""
        return self.rows(1)[0]

    @property
    def served(self) -> list[Served]:
        return self._running.providers.log[self._served_before :]

    @property
    def header_names(self) -> list[str]:
        """The names of the header fields the provider got with the one request, in lower case."""
        (served,) = self.served
        return [name.lower() for name in served.header_names]

    def matching(self) -> Row:
        """The one new row, after a look that its tokens are exactly those the provider billed."""
        row = self.row()
        (served,) = self.served
        assert tokens_of(row) == billed_tokens(served)
        assert (row["usage_source"], row["outcome"]) == ("reported", "ok")
        return row


def tokens_of(row: Row) -> dict[str, int]:
    """The row's counts; what is unknown counts as the zero that providers leave out."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    return {name: row[name] or 0 for name in names}


def billed_tokens(served: Served) -> dict[str, int]:
    """The provider's own count in the ledger's words."""
    usage = served.usage
    assert usage is not None
    if "inputTokens" in usage:
        cached, fresh = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
        return _tokens(usage["inputTokens"] + cached + fresh, usage["outputTokens"], cached, fresh, 0)
    if "cache_read_input_tokens" in usage:
        read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
        thinking = usage.get("output_tokens_details", {}).get("thinking_tokens", 0)
        return _tokens(
            usage["input_tokens"] + read + written, usage["output_tokens"], read, written, thinking
        )
    if "promptTokenCount" in usage:
        thoughts = usage.get("thoughtsTokenCount", 0)
        output = usage.get("candidatesTokenCount", 0) + thoughts
        return _tokens(
            usage["promptTokenCount"], output, usage.get("cachedContentTokenCount", 0), 0, thoughts
        )
    if "billed_units" in usage:
        billed = usage["billed_units"]
        return _tokens(int(billed["input_tokens"]), int(billed["output_tokens"]), 0, 0, 0)
    if "input_tokens" in usage:
        cached = usage["input_tokens_details"]["cached_tokens"]
        reasoning = usage["output_tokens_details"]["reasoning_tokens"]
        return _tokens(usage["input_tokens"], usage["output_tokens"], cached, 0, reasoning)
    details = usage.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return _tokens(usage["prompt_tokens"], usage.get("completion_tokens", 0), cached, 0, details)


def _tokens(inputs: int, outputs: int, read: int, written: int, reasoning: int) -> dict[str, int]:
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "reasoning_tokens": reasoning,
    }
