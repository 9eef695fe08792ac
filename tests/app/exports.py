"""Writes ledger rows as a provider would export them: for tests, each format from its public description."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sluiceway.types import LedgerRow

type Sums = dict[tuple[date, str, str], dict[str, int]]
type Write = Callable[[Sequence[LedgerRow]], bytes]


def _sums(rows: Iterable[LedgerRow]) -> Sums:
    found: Sums = defaultdict(lambda: defaultdict(int))
    for row in rows:
        group = row.started_at.astimezone(UTC).date(), row.model_served or "?", row.service_tier or "standard"
        sums = found[group]
        sums["requests"] += 1
        sums["plain"] += (
            (row.input_tokens or 0) - (row.cache_read_tokens or 0) - (row.cache_write_tokens or 0)
        )
        sums["input"] += row.input_tokens or 0
        sums["output"] += row.output_tokens or 0
        sums["read"] += row.cache_read_tokens or 0
        sums["5m"] += (row.cache_write_tokens or 0) - (row.cache_write_1h_tokens or 0)
        sums["1h"] += row.cache_write_1h_tokens or 0
        sums["nusd"] += row.cost_nusd or 0
    return found


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _unix(day: date) -> int:
    return int(_midnight(day).timestamp())


def _paged(
    sums: Sums, times: Callable[[date], dict[str, Any]], result: Callable[..., dict[str, Any]]
) -> bytes:
    """Two pages one after the other, as somebody saves them who follows `next_page`."""
    days = sorted({day for day, _, _ in sums})
    buckets = [
        {
            **times(day),
            "results": [
                result(day, model, tier, each) for (on, model, tier), each in sums.items() if on == day
            ],
        }
        for day in days
    ]
    half = len(buckets) // 2
    pages = [
        {"object": "page", "data": buckets[:half], "has_more": True, "next_page": "page_x"},
        {"data": buckets[half:], "has_more": False, "next_page": None},
    ]
    return "\n".join(json.dumps(page, indent=1) for page in pages).encode()


def _bucket(day: date) -> dict[str, Any]:
    return {"object": "bucket", "start_time": _unix(day), "end_time": _unix(day + timedelta(days=1))}


def _span(day: date) -> dict[str, Any]:
    return {
        "starting_at": _midnight(day).isoformat().replace("+00:00", "Z"),
        "ending_at": _midnight(day + timedelta(days=1)).isoformat(),
    }


def openai_usage(rows: Sequence[LedgerRow]) -> bytes:
    def result(day: date, model: str, tier: str, sums: dict[str, int]) -> dict[str, Any]:
        return {
            "object": "organization.usage.completions.result",
            "input_tokens": sums["input"],
            "output_tokens": sums["output"],
            "input_cached_tokens": sums["read"],
            "input_audio_tokens": 0,
            "output_audio_tokens": 0,
            "num_model_requests": sums["requests"],
            "project_id": None,
            "user_id": None,
            "api_key_id": "key_1",
            "model": model,
            "batch": False,
            "service_tier": "default" if tier == "standard" else tier,
        }

    return _paged(_sums(rows), _bucket, result)


def openai_costs(rows: Sequence[LedgerRow]) -> bytes:
    def result(day: date, model: str, tier: str, sums: dict[str, int]) -> dict[str, Any]:
        return {
            "object": "organization.costs.result",
            "amount": {"value": sums["nusd"] / 1e9, "currency": "usd"},
            "line_item": f"{model}, input",
            "project_id": None,
        }

    return _paged(_sums(rows), _bucket, result)


def anthropic_usage(rows: Sequence[LedgerRow]) -> bytes:
    def result(day: date, model: str, tier: str, sums: dict[str, int]) -> dict[str, Any]:
        return {
            "uncached_input_tokens": sums["plain"],
            "cache_creation": {
                "ephemeral_1h_input_tokens": sums["1h"],
                "ephemeral_5m_input_tokens": sums["5m"],
            },
            "cache_read_input_tokens": sums["read"],
            "output_tokens": sums["output"],
            "server_tool_use": {"web_search_requests": 0},
            "api_key_id": "apikey_1",
            "workspace_id": None,
            "model": model,
            "service_tier": tier,
            "context_window": "0-200k",
        }

    return _paged(_sums(rows), _span, result)


def anthropic_cost(rows: Sequence[LedgerRow]) -> bytes:
    def result(day: date, model: str, tier: str, sums: dict[str, int]) -> dict[str, Any]:
        return {
            "currency": "USD",
            "amount": f"{Decimal(sums['nusd']).scaleb(-7):f}",  # cents
            "workspace_id": None,
            "description": "Usage",
            "cost_type": "tokens",
            "context_window": "0-200k",
            "model": model,
            "service_tier": tier,
            "token_type": "uncached_input_tokens",
        }

    return _paged(_sums(rows), _span, result)


def _csv(table: Sequence[dict[str, Any]], separator: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(table[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue().encode()


def openai_usage_csv(rows: Sequence[LedgerRow]) -> bytes:
    return _csv(
        [
            {
                "start_time": _unix(day),
                "end_time": _unix(day) + 86400,
                "start_time_iso": _midnight(day).isoformat(),
                "project_id": "proj_1",
                "num_model_requests": sums["requests"],
                "api_key_id": "key_1",
                "model": model,
                "batch": "False",
                "service_tier": "" if tier == "standard" else tier,
                "input_tokens": sums["input"],
                "output_tokens": sums["output"],
                "input_cached_tokens": sums["read"],
            }
            for (day, model, tier), sums in _sums(rows).items()
        ]
    )


def openai_costs_csv(rows: Sequence[LedgerRow]) -> bytes:
    return _csv(
        [
            {
                "start_time": _unix(day),
                "start_time_iso": _midnight(day).isoformat(),
                "amount_value": f"{Decimal(sums['nusd']).scaleb(-9):f}",
                "amount_currency": "usd",
                "line_item": f"{model}, output",
                "project_id": "proj_1",
                "organization_id": "org-1",
            }
            for (day, model, _), sums in _sums(rows).items()
        ]
    )


def anthropic_usage_csv(rows: Sequence[LedgerRow]) -> bytes:
    return _csv(
        [
            {
                "usage_date_utc": day.isoformat(),
                "model_version": model,
                "api_key": "build",
                "workspace": "Default",
                "usage_type": tier,
                "context_window": "≤ 200k",
                "usage_input_tokens_no_cache": sums["plain"],
                "usage_input_tokens_cache_write_5m": sums["5m"],
                "usage_input_tokens_cache_write_1h": sums["1h"],
                "usage_input_tokens_cache_read": sums["read"],
                "usage_output_tokens": sums["output"],
                "web_search_count": 0,
            }
            for (day, model, tier), sums in _sums(rows).items()
        ]
    )


def anthropic_cost_csv(rows: Sequence[LedgerRow]) -> bytes:
    """The Console names models for people and rounds to cents."""
    names = {
        "claude-sonnet-4-5-20250929": "Claude Sonnet 4.5",
        "claude-haiku-4-5-20251001": "Claude Haiku 4.5",
    }
    return _csv(
        [
            {
                "usage_date_utc": day.isoformat(),
                "model": names.get(model, model),
                "workspace": "Default",
                "api_key": "build",
                "usage_type": "message",
                "context_window": "≤ 200k",
                "token_type": "input_no_cache",
                "cost_usd": f"{Decimal(sums['nusd']).scaleb(-9):.2f}",
                "list_price_usd": "",
                "cost_type": "token",
            }
            for (day, model, _), sums in _sums(rows).items()
        ]
    )


OPENAI: dict[str, Write] = {
    "OpenAI usage": openai_usage,
    "OpenAI usage, CSV": openai_usage_csv,
    "OpenAI costs": openai_costs,
    "OpenAI costs, CSV": openai_costs_csv,
}
ANTHROPIC: dict[str, Write] = {
    "Anthropic usage report": anthropic_usage,
    "Anthropic Console usage CSV": anthropic_usage_csv,
    "Anthropic cost report": anthropic_cost,
    "Anthropic Console cost CSV": anthropic_cost_csv,
}
