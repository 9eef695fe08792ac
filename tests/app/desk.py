"""A deployment of a test's own, its ledger filled by hand, and its command line in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sluiceway.app.deployment import Deployment
from sluiceway.types import LedgerRow

DAY = datetime(2026, 11, 10, 12, tzinfo=UTC)


PLAIN = LedgerRow(
    request_id="r",
    started_at=DAY,
    ended_at=DAY,
    principal="alice",
    principal_kind="employee",
    team="core",
    key_class="company",
    provider_requested="openai",
    provider="openai",
    host="api.openai.com",
    operation="chat",
    dialect="openai_chat",
    upstream_dialect="openai_chat",
    model_requested="gpt-5.1",
    model_routed="gpt-5.1",
    model_served="gpt-5.1-2025-11-13",
    input_tokens=1000,
    output_tokens=100,
    usage_source="reported",
    cost_nusd=2_250_000,  # 1000*1.25 + 100*10 millionths
    charged_nusd=2_250_000,
    cost_basis="list",
    price_version="genai-prices 0.0.1",
    status=200,
    upstream_status=200,
    outcome="ok",
)


def row(request_id: str, **given: Any) -> LedgerRow:
    """A settled, priced request; tests change what they are about."""
    return replace(PLAIN, request_id=request_id, **given)


async def fill(folder: Path, rows: Sequence[LedgerRow]) -> None:
    """Writes rows as a serve would have left them."""
    with Deployment.load(folder / "sluiceway.yaml").store(writable=True) as store:
        for each in rows:
            await store.ledger.record(each)
