"""A realistic month of a ledger, the same on every run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, create_engine, insert
from sqlalchemy.pool import StaticPool

from sluiceway.report import CapState, Period
from sluiceway.report.model import to_us
from sluiceway.store.tables import discovery, ledger, metadata, people, tunnels
from sluiceway.types import LedgerRow

FROM = datetime(2026, 10, 1, tzinfo=UTC)
MONTH = Period(FROM, datetime(2026, 10, 31, tzinfo=UTC))
MADE_AT = datetime(2026, 10, 31, 6, 30, tzinfo=UTC)

TEAMS = {"core": 9, "search": 6, "mobile": 5, "data": 4, "design": 2, "legal": 1}
NAMES = ["alice", "bob", "carol", "dave", *(f"staff-{number:02}" for number in range(5, 28))]

# provider, model, weight, USD per million tokens in and out (None: no price known), usual input tokens
MODELS: tuple[tuple[str, str, int, float | None, float | None, int], ...] = (
    ("anthropic", "claude-sonnet-4-5", 40, 3.0, 15.0, 24_000),
    ("anthropic", "claude-haiku-4-5", 14, 1.0, 5.0, 6_000),
    ("anthropic", "claude-opus-4-5", 7, 5.0, 25.0, 30_000),
    ("openai", "gpt-5.1", 18, 1.25, 10.0, 9_000),
    ("openai", "gpt-5-mini", 12, 0.25, 2.0, 3_000),
    ("google", "gemini-2.5-pro", 7, 1.25, 10.0, 12_000),
    ("google", "gemini-2.5-flash", 9, 0.3, 2.5, 4_000),
    ("openai", "ft:gpt-4.1-mini:support-bot:Bx81", 3, None, None, 2_000),
    ("openai", "text-embedding-3-small", 6, 0.02, 0.0, 1_500),
)
HOSTS = {
    "anthropic": "api.anthropic.com",
    "openai": "api.openai.com",
    "google": "generativelanguage.googleapis.com",
}


def row(started_at: datetime = FROM, **given: Any) -> LedgerRow:
    """A settled, priced, unremarkable request; tests change what they are about."""
    plain = LedgerRow(
        request_id=f"r-{random.getrandbits(64):x}",
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=2),
        principal="alice",
        principal_kind="employee",
        team="core",
        key_class="company",
        provider_requested="anthropic",
        provider="anthropic",
        host="api.anthropic.com",
        operation="messages",
        model_requested="claude-sonnet-4-5",
        model_served="claude-sonnet-4-5",
        usage_source="reported",
        cost_basis="list",
        price_version="2026-09-30",
        outcome="ok",
        status=200,
        upstream_status=200,
    )
    return replace(plain, **given)


def values(row: LedgerRow) -> dict[str, Any]:
    """The row as the store's columns hold it."""
    made = {name: getattr(row, name) for name in LedgerRow.__dataclass_fields__}
    made["started_at"] = to_us(row.started_at)
    made["ended_at"] = None if row.ended_at is None else to_us(row.ended_at)
    made["tool_units"] = json.dumps(dict(row.tool_units))
    made["guard_findings"] = json.dumps(dict(row.guard_findings))
    made["reserved_nusd"] = made["reserved_tokens"] = made["charged_tokens"] = made["requests"] = 0
    made["owner"] = None if row.outcome != "open" else "boot-1"
    return {name: str(value) if isinstance(value, str) else value for name, value in made.items()}


def fill(connection: Connection, rows: list[LedgerRow]) -> None:
    for start in range(0, len(rows), 1000):
        connection.execute(insert(ledger), [values(row) for row in rows[start : start + 1000]])


@contextmanager
def empty_store() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def employees() -> list[tuple[str, str]]:
    names = iter(NAMES)
    return [(next(names), team) for team, size in TEAMS.items() for _ in range(size)]


def month_rows(per_day: int = 420, seed: int = 7) -> Iterator[LedgerRow]:
    """What people asked for, some of it moved by rules, some of it carrying what the guard looks for."""
    rng = random.Random(seed + 1)
    for asked in _asked_rows(per_day, seed):
        yield _guarded(rng, _moved(rng, asked))


def _moved(rng: random.Random, base: LedgerRow) -> LedgerRow:
    """Opus goes to Haiku at a fifth of the price; mini to a dearer model; some had no price as asked."""
    answered = base.cost_basis == "list" and base.key_class == "company" and base.cost_nusd is not None
    if not answered or base.model_served is None:
        return base
    if base.model_served == "claude-haiku-4-5" and rng.random() < 0.5:
        asked = "claude-opus-4-5" if rng.random() < 0.9 else "claude-opus-next"
        return _as_asked(base, "cheap-chat", asked, 5 if asked == "claude-opus-4-5" else None)
    if base.model_served == "gpt-5.1" and rng.random() < 0.2:
        return _as_asked(base, "long-to-large", "gpt-5-mini", 0.2)
    if base.model_served == "gemini-2.5-flash" and rng.random() < 0.3:
        moved = _as_asked(base, "spread", "gemini-2.5-flash", 1)
        return replace(moved, provider="google-eu", model_routed="gemini-2.5-flash")
    return base


def _as_asked(base: LedgerRow, rule: str, model: str, factor: float | None) -> LedgerRow:
    assert base.cost_nusd is not None
    return replace(
        base,
        route_rule=rule,
        model_requested=model,
        model_routed=base.model_served,
        cost_as_requested_nusd=None if factor is None else int(base.cost_nusd * factor),
    )


def _guarded(rng: random.Random, base: LedgerRow) -> LedgerRow:
    if not base.metered or base.attempt > 1 or rng.random() > 0.04:
        return base
    counts = rng.choice(
        [{"EMAIL_ADDRESS": 2}, {"SECRET": 1}, {"EMAIL_ADDRESS": 1, "PHONE_NUMBER": 1}, {"PROJECT_CODE": 3},
         {"IBAN_CODE": 1}, {"SECRET": 1, "EMAIL_ADDRESS": 1}]
    )  # fmt: skip
    chance = rng.random()
    if base.outcome == "refused" or chance > 0.25:
        return replace(base, guard_findings=counts)
    failed = chance < 0.02
    return replace(
        base,
        outcome="refused",
        refusal_code="guard_failed" if failed else "guard_blocked",
        refusal_rule="no-secrets",
        guard_findings={} if failed else counts,
        status=400,
        upstream_status=None,
        usage_source="none",
        cost_nusd=0,
        charged_nusd=0,
        cost_as_requested_nusd=None,
        model_served=None,
    )


def _asked_rows(per_day: int, seed: int) -> Iterator[LedgerRow]:
    """Two months, so that there is a period before; workdays busy, one day of refusals, one bad hour."""
    rng = random.Random(seed)
    persons = employees()
    eager = {name: rng.paretovariate(1.3) for name, _ in persons}
    for day in range(-30, 30):
        midnight = FROM + timedelta(days=day)
        growth = 1 + (day + 30) / 90
        busy = per_day * growth * (0.16 if midnight.weekday() >= 5 else rng.uniform(0.85, 1.15))
        for _ in range(int(busy)):
            at = midnight + timedelta(seconds=rng.triangular(6 * 3600, 20 * 3600, 13 * 3600))
            name, team = rng.choices(persons, [eager[name] for name, _ in persons])[0]
            yield from _request(rng, at, name, team, day)


def _request(rng: random.Random, at: datetime, name: str, team: str, day: int) -> Iterator[LedgerRow]:
    provider, model, _, rate_in, rate_out, usual = rng.choices(MODELS, [entry[2] for entry in MODELS])[0]
    base = row(
        at,
        request_id=f"r-{rng.getrandbits(64):016x}",
        principal=name,
        team=team,
        provider_requested=provider,
        provider=provider,
        host=HOSTS[provider],
        model_requested=model,
        model_served=model,
        operation="messages" if provider == "anthropic" else "responses",
        policy_version="7c1e09",
        price_version="2026-09-30" if day < 12 else "2026-10-12",
    )
    if rng.random() < 0.03:
        base = replace(base, principal="ci-review", principal_kind="service", team="core")
    chance = rng.random()
    if chance < (0.22 if day == 20 else 0.012):
        yield _refused(rng, base)
        return
    if chance > 0.96:
        yield replace(
            base,
            metered=False,
            model_requested=None,
            model_served=None,
            operation="telemetry",
            usage_source="none",
            cost_basis="unknown",
            cost_nusd=None,
            price_version=None,
        )
        return
    waited = rng.lognormvariate(6.3, 0.5) * (1.6 if "opus" in model or "pro" in model else 1)
    base = replace(base, ttft_ms=waited, duration_ms=waited * 6, overhead_ms=rng.lognormvariate(0.6, 0.4))
    if rng.random() < 0.015:
        failed = replace(
            base,
            outcome="upstream_error",
            upstream_status=529,
            error_type="overloaded_error",
            usage_source="none",
            cost_nusd=0,
            ttft_ms=None,
        )
        yield failed
        base = replace(base, attempt=2)
    yield _answered(rng, base, rate_in, rate_out, usual)


def _answered(
    rng: random.Random, base: LedgerRow, rate_in: float | None, rate_out: float | None, usual: int
) -> LedgerRow:
    tokens_in = int(usual * rng.lognormvariate(0, 0.7))
    cached = int(tokens_in * rng.uniform(0.3, 0.9)) if usual > 5000 else 0
    tokens_out = int(rng.lognormvariate(5.8, 0.9))
    outcome = rng.choices(["ok", "client_cancelled", "truncated", "capped"], [96, 3, 0.5, 0.3])[0]
    used = replace(
        base,
        input_tokens=tokens_in,
        cache_read_tokens=cached,
        output_tokens=tokens_out,
        outcome=outcome,
        usage_source="reported" if outcome == "ok" else "partial",
    )
    if rate_in is None or rate_out is None:
        return replace(
            used,
            cost_nusd=None,
            cost_basis="unknown",
            price_version=None,
            charged_nusd=tokens_in * 10_000 + tokens_out * 40_000,
        )
    nusd = int(((tokens_in - cached) + cached * 0.1) * rate_in * 1000 + tokens_out * rate_out * 1000)
    chance = rng.random()
    if chance < 0.08:
        return replace(used, cost_nusd=nusd, cost_basis="notional", key_class="subscription")
    key_class = "personal" if chance < 0.1 else "unknown" if chance < 0.14 else "company"
    return replace(used, cost_nusd=nusd, charged_nusd=nusd, key_class=key_class)


def _refused(rng: random.Random, base: LedgerRow) -> LedgerRow:
    code, rule = rng.choices(
        [
            ("budget_spent", "per-head-day"),
            ("budget_spent", "design-month"),
            ("model_denied", "no-preview"),
            ("token_revoked", None),
            ("unlisted_path", None),
        ],
        [50, 22, 14, 8, 6],
    )[0]
    return replace(
        base,
        outcome="refused",
        refusal_code=code,
        refusal_rule=rule,
        status=402,
        upstream_status=None,
        usage_source="none",
        cost_basis="unknown",
        price_version=None,
        model_served=None,
    )


def caps() -> list[CapState]:
    month_end = datetime(2026, 11, 1, tzinfo=UTC)
    day_end = datetime(2026, 11, 1, tzinfo=UTC)
    dollars = 10**9
    return [
        CapState("company-month", (), "month", 2000 * dollars, 1210 * dollars, 2 * dollars, month_end, ""),
        CapState(
            "core-month",
            (("team", "core"),),
            "month",
            500 * dollars,
            431 * dollars,
            6 * dollars,
            month_end,
            "core",
        ),
        CapState(
            "search-month",
            (("team", "search"),),
            "month",
            400 * dollars,
            164 * dollars,
            0,
            month_end,
            "search",
        ),
        CapState(
            "design-month",
            (("team", "design"),),
            "month",
            60 * dollars,
            60_020_000_000,
            0,
            month_end,
            "design",
        ),
        CapState(
            "per-head-day",
            (("employee", "bob"),),
            "day",
            20 * dollars,
            18 * dollars,
            dollars,
            day_end,
            "core",
        ),
        CapState(
            "per-head-day",
            (("employee", "staff-10"),),
            "day",
            20 * dollars,
            4 * dollars,
            0,
            day_end,
            "search",
        ),
        CapState("pilot", (("project", "atlas"),), "lifetime", 1000 * dollars, 88 * dollars, 0, None, "data"),
        CapState("words", (("team", "core"),), "day", 2_000_000, 731_000, 12_400, day_end, "core", "tokens"),
        CapState("core-open", (("team", "core"),), "now", 40, 7, 0, None, "core", "concurrent"),
    ]


def fill_month(connection: Connection, per_day: int = 420) -> None:
    fill(connection, list(month_rows(per_day)))
    made = to_us(FROM - timedelta(days=90))
    connection.execute(
        insert(people),
        [{"name": name, "kind": "employee", "team": team, "created_at": made} for name, team in employees()],
    )
    seen = [
        ("chat.example-llm.com", "watched", "mobile", 46),
        ("chat.example-llm.com", "watched", "data", 15),
        ("api.openai.com", "tls_rejected", "core", 21),
        ("desktop.example-ai.app", "tls_rejected", "legal", 4),
    ]
    rng = random.Random(11)
    for day in range(2, 30, 3):
        date = (FROM + timedelta(days=day)).date().isoformat()
        for host, reason, team, most in seen:
            figures = {
                "connections": rng.randint(1, most),
                "bytes_up": most * rng.randint(9_000, 90_000),
                "bytes_down": most * rng.randint(90_000, 500_000),
            }
            key = {"day": date, "host": host, "reason": reason, "team": team}
            connection.execute(insert(discovery), key | figures)
        connection.execute(
            insert(tunnels),
            {
                "day": date,
                "connections": 18_400 + day,
                "bytes_up": 4_100_000_000,
                "bytes_down": 91_000_000_000,
            },
        )
