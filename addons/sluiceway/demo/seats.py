"""What a provider's answer to a login says of its subscription, beside everything else: windows, how full."""

from __future__ import annotations

from dataclasses import replace

from sluiceway.demo.exchange import Asked, Reply
from sluiceway.demo.headers import Headers

HOURS_5, DAYS_7 = 5 * 3600, 7 * 24 * 3600


def told(asked: Asked, reply: Reply) -> Reply:
    """The reply, with the headers that a subscription's answer has; another one as it is."""
    login = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if asked.provider == "anthropic" and login.startswith("sk-ant-oat"):
        return replace(reply, headers=(*reply.headers, *_unified(asked.now)))
    if "/backend-api/codex/" in asked.path:
        return replace(reply, headers=(*reply.headers, *_codex(asked.now)))
    return reply


def _unified(now: int) -> Headers:
    windows = {"5h": (0.42, HOURS_5), "7d": (0.91, DAYS_7)}
    each = [
        (f"anthropic-ratelimit-unified-{name}-{field}", value)
        for name, (used, length) in windows.items()
        for field, value in (
            ("utilization", str(used)),
            ("reset", str((now // length + 1) * length)),
            ("status", "allowed_warning" if used > 0.9 else "allowed"),
        )
    ]
    return (
        ("anthropic-ratelimit-unified-status", "allowed"),
        ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
        *each,
    )


def _codex(now: int) -> Headers:
    return (
        ("x-codex-primary-used-percent", "12.5"),
        ("x-codex-primary-window-minutes", "300"),
        ("x-codex-primary-reset-at", str((now // HOURS_5 + 1) * HOURS_5)),
        ("x-codex-secondary-used-percent", "100"),
        ("x-codex-secondary-window-minutes", "10080"),
        ("x-codex-secondary-reset-after-seconds", "86400"),
    )
