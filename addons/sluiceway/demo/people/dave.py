"""Dave, support: a batch over night, then forty clients at once on his team's budget."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import anthropic

from sluiceway.demo.people.asking import WORD, Step

CLAUDE = "claude-sonnet-4-6"
SMALL = "claude-haiku-4-5"
# What the simulated providers take as the wished length of an answer.
LENGTH = "x-demo-output-tokens"
LONG = {LENGTH: "200"}
CLIENTS = 40
NIGHTLY = 5
LOOKS = 3  # at the same results
NIGHT_S = 20.0


def work() -> Iterator[Step]:
    """A batch that is begun, waited for and read more than once; then everybody at once, refused or not."""
    client = anthropic.Anthropic(api_key=WORD)
    begun: list[str] = []
    yield "a batch", lambda: _begin(client, begun)
    yield "the batch, read", lambda: _read(client, begun[0])
    yield "forty clients", lambda: asyncio.run(_crowd())


def _begin(client: anthropic.Anthropic, begun: list[str]) -> str:
    requests: Any = [
        {
            "custom_id": f"ticket-{number}",
            "params": {
                "model": SMALL,
                "max_tokens": 120,
                "messages": [{"role": "user", "content": f"Sort ticket {number} by urgency."}],
            },
        }
        for number in range(NIGHTLY)
    ]
    batch = client.messages.batches.create(requests=requests)
    begun.append(batch.id)
    return batch.processing_status


def _read(client: anthropic.Anthropic, batch_id: str) -> str:
    """What the results say was used, however often they are read."""
    until = time.monotonic() + NIGHT_S
    while (
        client.messages.batches.retrieve(batch_id).processing_status != "ended" and time.monotonic() < until
    ):
        time.sleep(0.25)
    for _ in range(LOOKS):
        results: list[Any] = [line.result for line in client.messages.batches.results(batch_id)]
    used = [result.message.usage for result in results]
    return json.dumps([sum(each.input_tokens for each in used), sum(each.output_tokens for each in used)])


async def _crowd() -> str:
    """Each a connection of its own. What they got, by who answered, and the words of the first no."""
    async with anthropic.AsyncAnthropic(api_key=WORD, max_retries=0) as client:
        answers = await asyncio.gather(*(_ask(client, number) for number in range(CLIENTS)))
    counted = Counter(model for model, _ in answers if model)
    refused = [said for _, said in answers if said]
    return json.dumps({"answered": counted, "refused": len(refused), "said": refused[0] if refused else ""})


async def _ask(client: anthropic.AsyncAnthropic, number: int) -> tuple[str, str]:
    asked: Any = [{"role": "user", "content": f"Answer ticket {number} at length."}]
    try:
        answer = await client.messages.create(
            model=CLAUDE, max_tokens=220, extra_headers=LONG, messages=asked
        )
    except anthropic.APIStatusError as error:
        return "", str(error.body["error"]["message"]) if isinstance(error.body, dict) else str(error)
    return answer.model, ""
