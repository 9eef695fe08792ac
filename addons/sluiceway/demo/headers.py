"""The answer headers each simulated provider sends, as its own documents list them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

Headers = tuple[tuple[str, str], ...]


def answer_headers(provider: str, request_id: str, now: int) -> Headers:
    """Headers of an answer, errors included. Gemini names no request; its answers carry a responseId."""
    if provider == "gemini":
        return _GEMINI
    if provider == "bedrock":
        return (("x-amzn-requestid", request_id),)
    if provider == "anthropic":
        return (("request-id", request_id), *_anthropic(now // 10 * 10))
    return (("x-request-id", request_id), *(_OPENAI if provider == "openai" else _OTHERS))


@lru_cache(maxsize=4)
def _anthropic(now: int) -> Headers:
    reset = datetime.fromtimestamp(now + 30, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    limits = {"requests": 4000, "input-tokens": 2_000_000, "output-tokens": 400_000, "tokens": 2_400_000}
    rates = tuple(
        (f"anthropic-ratelimit-{kind}-{name}", value)
        for kind, limit in limits.items()
        for name, value in (("limit", str(limit)), ("remaining", str(limit - 1)), ("reset", reset))
    )
    return (
        *rates,
        ("anthropic-organization-id", "5d3c0f7e-0000-4000-8000-000000000001"),
        ("server", "cloudflare"),
        ("cf-cache-status", "DYNAMIC"),
        ("x-robots-tag", "none"),
    )


_OPENAI: Headers = (
    ("openai-organization", "demo-organization"),
    ("openai-processing-ms", "42"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "1999000"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-reset-tokens", "30ms"),
    ("server", "cloudflare"),
    ("cf-cache-status", "DYNAMIC"),
)
_OTHERS: Headers = (("server", "cloudflare"), ("cf-cache-status", "DYNAMIC"))
_GEMINI: Headers = (
    ("vary", "Origin, X-Origin, Referer"),
    ("server", "scaffolding on HTTPServer2"),
    ("server-timing", "gfet4t7; dur=42"),
    ("x-content-type-options", "nosniff"),
)
