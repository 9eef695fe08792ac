"""Dave, support: long answers, until the budget is used up."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic

from sluiceway.demo.people.asking import WORD, Step

# What the simulated providers take as the wished length of an answer.
LONG = {"x-demo-output-tokens": "700"}
TICKETS = 10


def work() -> Iterator[Step]:
    """The same again and again, refused or not."""
    client = anthropic.Anthropic(api_key=WORD)
    for number in range(TICKETS):
        yield "Claude, long", lambda number=number: _answer(client, number)


def _answer(client: anthropic.Anthropic, number: int) -> None:
    client.messages.create(
        model="claude-sonnet-4-6",
        max_tokens=1000,
        extra_headers=LONG,
        messages=[{"role": "user", "content": f"Answer ticket {number} at length."}],
    )
