"""A batch: held while it runs, charged once, by what its results say, however often they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sluiceway.demo.people.dave import LOOKS, NIGHTLY
from sluiceway.demo.play import Parts, rows
from sluiceway.demo.scenes.billing import listed_usd
from sluiceway.demo.scenes.line import Line, claim
from sluiceway.demo.stage import Stage
from sluiceway.types import to_usd

HALF = 2  # what Anthropic and OpenAI charge of the list price for batches: one half


def batching(stage: Stage, parts: Parts) -> Iterator[Line]:
    """dave's tickets of the night."""
    begun, read = parts["dave"].first("a batch"), parts["dave"].first("the batch, read")
    found = [row for row in rows(stage) if row.operation == "batch"]
    used = json.loads(read.got or "[0, 0]")
    yield claim(
        begun.got == "in_progress" and [(row.outcome, row.principal) for row in found] == [("ok", "dave")],
        f"dave handed in {NIGHTLY} tickets as a batch; its money was held until the results were there",
    )
    (row,) = found
    price = listed_usd("claude-haiku-4-5-20251001", *used) / HALF
    yield claim(
        (row.input_tokens, row.output_tokens) == tuple(used) and to_usd(row.cost_nusd) == price,
        f"he read them {LOOKS} times and was charged once: {used[0]} + {used[1]} tokens at half the list "
        f"price, ${price:.5f}",
    )
