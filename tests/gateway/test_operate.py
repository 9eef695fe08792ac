"""Metrics, health and readiness, as an operator's tools read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import aiohttp
import pytest

from sluiceway.gateway.metrics import Metrics
from sluiceway.gateway.operate import Operate
from sluiceway.types import CostBasis, LedgerRow, Outcome

ROW = LedgerRow(
    "sw_1",
    datetime(2026, 11, 21, tzinfo=UTC),
    "alice",
    "employee",
    "core",
    provider="anthropic",
    operation="chat",
    model_requested="claude-canary",
    input_tokens=7,
    output_tokens=49,
    cost_nusd=756_000,
    cost_basis=CostBasis.LIST,
    ttft_ms=300.0,
    overhead_ms=1.5,
    outcome=Outcome.OK,
)


def text(*rows: LedgerRow, **now: float) -> str:
    metrics = Metrics(lambda: now)
    for row in rows:
        metrics.ended(row)
    return metrics.text().decode()


def test_an_answer_counts_its_tokens_cost_and_times() -> None:
    found = text(ROW, ROW)
    assert 'sluiceway_requests_total{operation="chat",outcome="ok",provider="anthropic"} 2.0' in found
    assert 'sluiceway_tokens_total{direction="input",provider="anthropic"} 14.0' in found
    assert 'sluiceway_tokens_total{direction="output",provider="anthropic"} 98.0' in found
    assert re.search(r'sluiceway_cost_usd_total\{basis="list",provider="anthropic"\} 0\.001512', found)
    assert 'sluiceway_first_byte_seconds_bucket{le="0.5",provider="anthropic"} 2.0' in found


def test_an_unknown_cost_is_counted_apart_and_never_as_zero() -> None:
    from dataclasses import replace

    found = text(replace(ROW, cost_nusd=None))
    assert 'sluiceway_unpriced_requests_total{provider="anthropic"} 1.0' in found
    assert "sluiceway_cost_usd_total{" not in found


def test_gauges_are_read_when_asked() -> None:
    assert "sluiceway_open_reservations 3.0" in text(open_reservations=3)


def test_no_person_model_or_path_is_a_label() -> None:
    found = text(ROW)
    assert "alice" not in found
    assert "canary" not in found
    assert "core" not in found


@pytest.mark.parametrize(
    ("path", "reason", "status", "says"),
    [
        ("/healthz", "draining", 200, "alive"),
        ("/readyz", None, 200, "ready"),
        ("/readyz", "draining", 503, "draining"),
        ("/metrics", None, 200, "sluiceway_"),
        ("/secret", None, 404, "/metrics"),
    ],
)
async def test_the_operators_port_answers(path: str, reason: str | None, status: int, says: str) -> None:
    operate = Operate(Metrics(lambda: {"in_flight": 0}), lambda: reason)
    host, port = await operate.start("127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as answer:
            assert answer.status == status
            assert says in await answer.text()
    finally:
        await operate.stop()
