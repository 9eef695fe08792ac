"""Token counts as Bedrock says them, in our sense: input includes what the cache gave and took.

Facts from AWS's API reference (TokenUsage, CacheDetail), its user guide ("Prompt caching": the total input is
inputTokens and both cache counts together) and "Invocation metrics" of streamed answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Usage, UsageSource
from sluiceway.wire.fields import count, first_count, items, mapping, total

INVOCATION_METRICS = "amazon-bedrock-invocationMetrics"
_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokens",
    "x-amzn-bedrock-output-token-count": "outputTokens",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokens",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokens",
}


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """A TokenUsage. Nova's own answers call the cache's counts `...TokenCount`."""
    plain, output = count(usage.get("inputTokens")), count(usage.get("outputTokens"))
    if plain is None and output is None:
        return Usage()
    read = first_count(usage.get("cacheReadInputTokens"), usage.get("cacheReadInputTokenCount"))
    written = first_count(usage.get("cacheWriteInputTokens"), usage.get("cacheWriteInputTokenCount"))
    details = [mapping(entry) for entry in items(usage.get("cacheDetails"))]
    long = total(*(count(entry.get("inputTokens")) for entry in details if entry.get("ttl") == "1h"))
    return Usage(
        input_tokens=total(plain, read, written),
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=None if long is None else min(long, written or 0),
        source=UsageSource.PARTIAL if None in (plain, output) else UsageSource.REPORTED,
    )


def metrics_of(metrics: Mapping[str, Any]) -> Usage:
    """The invocation metrics in the last chunk of a stream."""
    return usage_of({name.removesuffix("TokenCount") + "Tokens": value for name, value in metrics.items()})


def headers_of(headers: Mapping[str, str]) -> Usage:
    """The counts in the headers of an answer, whose names are in lower case here."""
    found = {
        name: int(text)
        for header, name in _HEADERS.items()
        if (text := headers.get(header, "")).isascii() and text.isdecimal() and len(text) < 16
    }
    return usage_of(found)
