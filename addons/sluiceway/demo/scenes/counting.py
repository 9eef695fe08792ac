"""The ledger beside what the providers counted themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage


def counting(stage: Stage, parts: Parts) -> Iterator[Line]:
    """They must be equal, answer by answer."""
    counted = Counter(tokens_billed(served.usage) for served in stage.providers.billed if served.usage)
    told = [row for row in rows(stage) if row.usage_source == "reported" and row.operation != "count_tokens"]
    recorded = Counter((row.input_tokens, row.output_tokens or 0) for row in told)
    yield shown(f"the providers: {_summed(counted)}")
    yield shown(f"the ledger:    {_summed(recorded)}")
    yield claim(counted and counted == recorded, "equal, answer by answer")
    with stage.deployment.store(writable=False) as store:
        yield claim(not store.verify(), "every budget counter equals its rows (`sluiceway ledger verify`)")


def _summed(count: Counter[Any]) -> str:
    put_in, out = (sum(tokens[n] * times for tokens, times in count.items()) for n in (0, 1))
    return f"{sum(count.values())} answers, {put_in:,} input tokens, {out:,} output tokens"


def tokens_billed(usage: Mapping[str, Any]) -> tuple[int, int]:
    """Input and output tokens of a provider's usage object, worked out apart from the wire room."""
    if "requests" in usage:  # a batch: one answer of the ledger's
        each = [tokens_billed(one) for one in usage["requests"] if one]
        return sum(put_in for put_in, _ in each), sum(out for _, out in each)
    if "promptTokenCount" in usage:
        put_in = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        return put_in, usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage.get("completion_tokens", 0)
    cached = usage.get("cache_creation_input_tokens", 0) + usage.get("cache_read_input_tokens", 0)
    return usage["input_tokens"] + cached, usage["output_tokens"]
