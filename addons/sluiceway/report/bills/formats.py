"""The exports that can be read, told apart by their fields.

OpenAI API reference, "Usage" and "Costs" (pages of buckets; amounts in USD), and the dashboard's CSV files,
whose columns are the same; Anthropic Admin API, "Usage report" and "Cost report" (amounts in cents), and the
Console's CSV files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluiceway.errors import ConfigError
from sluiceway.report.bills.line import Line, Row, canonical, tier_of

FEES = "(other fees)"


@dataclass(frozen=True, slots=True)
class Format:
    """`needs`: the fields it is known by. `family` is the ledger's provider."""

    name: str
    family: str
    needs: frozenset[str]
    read: Callable[[Row], Line]


def _openai_usage(row: Row) -> Line:
    model = row.needs("model", "export it grouped by model (API: group_by=model)")
    batch = (row.text("batch") or "").lower() in ("true", "1")
    figures = {
        "requests": row.count("num_model_requests"),
        "input_tokens": row.count("input_tokens"),
        "output_tokens": row.count("output_tokens"),
        "cache_read_tokens": row.count("input_cached_tokens"),
    }
    tier = "batch" if batch else tier_of(row.text("service_tier"))
    return Line(row.day("start_time"), canonical(model), figures, tier, row.text("api_key_id"))


def _openai_costs(row: Row) -> Line:
    """A line item is a model and a kind of token, `gpt-5.1-2025-11-13, cached input`, or another fee."""
    item = row.needs("line_item", "export it grouped by line item (API: group_by=line_item)")
    _dollars(row, "amount_currency")
    nusd, unit = row.nusd("amount_value")
    model, comma, _ = item.partition(",")
    name = canonical(model) if comma and " " not in model.strip() else FEES
    return Line(row.day("start_time"), name, {"cost_nusd": nusd}, None, row.text("api_key_id"), unit)


def _anthropic_usage(row: Row) -> Line:
    """Here input is without what the cache read or wrote; in the ledger it is all of it."""
    model = row.needs("model", "export it grouped by model (API: group_by[]=model)")
    short, hour = (
        row.count("cache_creation.ephemeral_5m_input_tokens"),
        "cache_creation.ephemeral_1h_input_tokens",
    )
    figures = _with_caches(
        row.count("uncached_input_tokens"),
        row.count("cache_read_input_tokens"),
        short + row.count(hour),
        row.count("output_tokens"),
    )
    key = row.text("api_key_id") or row.text("workspace_id")
    return Line(row.day("starting_at"), canonical(model), figures, tier_of(row.text("service_tier")), key)


def _anthropic_usage_csv(row: Row) -> Line:
    model = row.needs("model_version", "export the usage of all models, not a chart of one")
    written = sum(row.count(f"usage_input_tokens_cache_write{which}") for which in ("", "_5m", "_1h"))
    figures = _with_caches(
        row.count("usage_input_tokens_no_cache"),
        row.count("usage_input_tokens_cache_read"),
        written,
        row.count("usage_output_tokens"),
    )
    key = row.text("api_key") or row.text("workspace")
    return Line(row.day("usage_date_utc"), canonical(model), figures, tier_of(row.text("usage_type")), key)


def _anthropic_cost(row: Row) -> Line:
    _dollars(row, "currency")
    nusd, unit = row.nusd("amount", per_usd=100)
    model = row.text("model")
    if model is None and (row.text("cost_type") or "tokens") == "tokens":
        row.needs("model", "export it grouped by description (API: group_by[]=description)")
    tier = tier_of(row.text("service_tier"))
    name = canonical(model) if model else FEES
    return Line(row.day("starting_at"), name, {"cost_nusd": nusd}, tier, row.text("workspace_id"), unit)


def _anthropic_cost_csv(row: Row) -> Line:
    nusd, unit = row.nusd("cost_usd")
    name = canonical(row.text("model") or "")
    key = row.text("api_key") or row.text("workspace")
    fee = name in ("", "none") or (row.text("cost_type") or "token") not in ("token", "tokens")
    return Line(row.day("usage_date_utc"), FEES if fee else name, {"cost_nusd": nusd}, None, key, unit)


def _with_caches(plain: int, read: int, written: int, output: int) -> dict[str, int]:
    return {
        "input_tokens": plain + read + written,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_tokens": output,
    }


def _dollars(row: Row, name: str) -> None:
    currency = row.text(name) or "usd"
    if currency.lower() != "usd":
        raise ConfigError(f"amounts are in {currency[:8]!r}; only USD can be compared with the ledger")


FORMATS: tuple[Format, ...] = (
    Format(
        "OpenAI usage",
        "openai",
        frozenset({"start_time", "num_model_requests", "input_tokens"}),
        _openai_usage,
    ),
    Format("OpenAI costs", "openai", frozenset({"start_time", "amount_value", "line_item"}), _openai_costs),
    Format(
        "Anthropic usage report",
        "anthropic",
        frozenset({"starting_at", "uncached_input_tokens", "output_tokens"}),
        _anthropic_usage,
    ),
    Format(
        "Anthropic cost report",
        "anthropic",
        frozenset({"starting_at", "amount", "currency"}),
        _anthropic_cost,
    ),
    Format(
        "Anthropic Console usage CSV",
        "anthropic",
        frozenset({"usage_date_utc", "model_version", "usage_input_tokens_no_cache", "usage_output_tokens"}),
        _anthropic_usage_csv,
    ),
    Format(
        "Anthropic Console cost CSV",
        "anthropic",
        frozenset({"usage_date_utc", "model", "cost_usd"}),
        _anthropic_cost_csv,
    ),
)


def detect(fields: Iterable[str], file: str, family: str | None) -> Format:
    """The format that has these fields. Raises ConfigError, saying what was tried and what is missing."""
    there = frozenset(fields)
    tried = [each for each in FORMATS if family in (None, each.family)]
    for each in tried:
        if each.needs <= there:
            return each
    missing = "".join(f"\n  {each.name}: no {', '.join(sorted(each.needs - there))}" for each in tried)
    raise ConfigError(
        f"{file}: this is no usage or cost export that can be read. Tried:{missing}\n"
        "Export usage or costs from the provider's console, or save the pages of its usage API."
    )
