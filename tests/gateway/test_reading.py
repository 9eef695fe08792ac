"""How the answer to a mirror's copy ended, read to its end with nobody to pass it on to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast
from unittest.mock import Mock

import aiohttp
import orjson
import pytest
from aiohttp.base_protocol import BaseProtocol
from gateway_world import Ledger, call, exchange, parts

from sluiceway.gateway.allowance import Allowance
from sluiceway.gateway.reading import read_out
from sluiceway.gateway.reservation import Estimate
from sluiceway.store.records import Granted, Reservation
from sluiceway.types import Outcome

GUESS = Estimate(input_tokens=26, expected_tokens=9, most_tokens=32_000, input_nusd=260, token_nusd=100.0)
NOTHING_LEFT = Granted(Reservation(1, 261, ()), False, 0, None)


@dataclass
class Answer:
    """A provider's, as far as it is read here."""

    content: aiohttp.StreamReader
    status: int = 200
    content_type: str = "text/event-stream"


def event(**data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (data["type"].encode(), orjson.dumps(data))


WORDS = event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "word " * 400})
ENDING = event(type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 400}) + event(
    type="message_stop"
)


@pytest.mark.parametrize(
    ("pieces", "outcome"),
    [
        pytest.param((WORDS, ENDING), Outcome.CAPPED, id="more was to come"),
        pytest.param((WORDS + ENDING,), Outcome.OK, id="its ending came with the last of it"),
        pytest.param((WORDS + ENDING, b"\n"), Outcome.OK, id="and something after that"),
    ],
)
async def test_only_what_was_not_whole_is_capped(pieces: tuple[bytes, ...], outcome: Outcome) -> None:
    of, ledger = parts(Ledger()), Ledger()
    asked = call(stream=True)
    loop = asyncio.get_running_loop()
    content = aiohttp.StreamReader(Mock(spec=BaseProtocol, _reading_paused=False), 2**20, loop=loop)
    answer = cast(aiohttp.ClientResponse, Answer(content))
    reading = asyncio.create_task(
        read_out(exchange(of, asked), answer, Allowance(parts(ledger), NOTHING_LEFT, GUESS, asked), 5)
    )
    for piece in pieces:
        await asyncio.sleep(0)
        content.feed_data(piece)
        await asyncio.sleep(0)
    content.feed_eof()
    ended, seen = await reading
    assert ended is outcome
    assert seen.complete is (outcome is Outcome.OK)
