"""Translation: a client of one vendor's API is answered by another vendor's model, and sees its own API."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sluiceway.demo.people.alice import DEAR
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.billing import listed_usd
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd


def translating(stage: Stage, parts: Parts) -> Iterator[Line]:
    """alice's SDK streams Anthropic's events and a tool call; OpenAI's model wrote them."""
    told = json.loads(parts["alice"].first("Claude Opus, tools").got or "{}")
    row = next(row for row in rows(stage) if row.route_rule == "tools-on-gpt")
    yield claim(
        told["begins"] == "message_start" and told["ends"] == "tool_use" and len(told["calls"]) == 1,
        f"alice's Anthropic SDK asked {DEAR}, with a tool; a rule sent it to {told['route']}, and the SDK "
        f"got a stream of Anthropic's events, with the call {told['calls'][0]}",
    )
    price = listed_usd(row.model_served, row.input_tokens, row.output_tokens)
    yield claim(
        (row.dialect, row.upstream_dialect) == ("anthropic_messages", "openai_chat")
        and to_usd(row.cost_nusd) == price,
        f"metered where it was served: {row.input_tokens} + {row.output_tokens} tokens at OpenAI's price, "
        f"${price:.5f} (as asked: ${to_usd(row.cost_as_requested_nusd):.5f})",
    )
