"""Routes: a dear model becomes a cheaper one, and one that is not allowed is turned away with a reason."""

from __future__ import annotations

from collections.abc import Iterator

from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.line import Line, claim, shown
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd


def routing(stage: Stage, parts: Parts) -> Iterator[Line]:
    """The ledger says what moved and what it saved; the provider never heard of the dear model."""
    moved = [row for row in rows(stage) if row.route_rule == "small-claude" and row.model_served]
    asked = [served.model or "" for served in stage.providers.log]
    if not moved:
        yield claim(False, "alice's request for Opus was moved")
        return
    row = moved[0]
    cost, instead = row.cost_nusd or 0, row.cost_as_requested_nusd or 0
    yield claim(
        row.model_served.startswith("claude-haiku") and not any("opus" in model for model in asked),
        f"alice asked for {row.model_requested} and was served by {row.model_served}",
    )
    saved = f"${to_usd(cost):.5f} in place of ${to_usd(instead):.5f}, ${to_usd(instead - cost):.5f} saved"
    yield claim(
        0 < cost < instead and parts["alice"].first("Claude Opus").got,
        f"it cost {saved}",
    )
    denied = parts["bob"].first("GPT, a dear model")
    yield claim(
        "no-pro" in denied.said and not any("-pro" in model for model in asked),
        "bob asked for gpt-5-pro; nothing left, and his client showed why:",
    )
    yield shown(denied.said)
