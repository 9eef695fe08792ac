"""A chat stream that tells the prompt's count first and then is cut is whole at none of its bytes: neither as
it is metered nor as a client of any API sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluiceway.types import Call, UsageSource
from sluiceway.wire import by_name
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation import by_dialect
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.passage import translated
from sluiceway.wire.translation.translator import Aim, Asked

CHAT, STREAM = "openai_chat", "text/event-stream"
CASE = Path(__file__).parent / "cases" / CHAT / "prompt_counted_first_in_a_chunk_of_its_own_then_cut"
WHOLE = (CASE / "response.sse").read_bytes()
SAID: list[Any] = [{"role": "user", "content": "hi"}]
CLIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic_messages": ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": SAID, "stream": True}),
    "openai_responses": ("/v1/responses", {"model": "m", "input": "hi", "stream": True}),
    "gemini": ("/v1beta/models/m:streamGenerateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
}


@pytest.mark.parametrize("added", [False, True], ids=["as it is", "usage hidden"])
@pytest.mark.parametrize("step", [1, 7, len(WHOLE)], ids="in pieces of {}".format)
def test_the_tap_takes_no_part_of_it_for_a_whole_answer(added: bool, step: int) -> None:
    dialect, call = by_name(CHAT), Call(CHAT, "chat", "m", stream=True, usage_added=added)
    for end in range(0, len(WHOLE) + 1, 1 if step > 1 else 9):
        tap = dialect.tap(call, 200, STREAM)
        for at in range(0, end, step):
            tap.feed(WHOLE[at : min(at + step, end)])
        for _ in ("broken off", "ended"):
            seen = tap.answer()
            assert not seen.complete and seen.usage.source is not UsageSource.REPORTED, end
            tap.finish()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_of_another_api_sees_an_error_wherever_it_is_cut(client: str) -> None:
    path, document = CLIENTS[client]
    source, target = by_dialect(client), by_dialect(CHAT)
    assert source and target
    asked, aim, at = (
        Asked(datetime.now(UTC), "r", "m"),
        Aim("m", stream=True),
        Target("POST", path, "alt=sse"),
    )
    for end in range(len(WHOLE) + 1):
        passage = translated(source, target, document, at, aim, asked, Losses()).passage()
        out = passage.feed(WHOLE[:end]) + passage.finish()
        heard = by_name(client).tap(Call(client, "chat", "m", stream=True), 200, STREAM)
        heard.feed(out)
        heard.finish()
        assert heard.answer().error_type is not None, end
