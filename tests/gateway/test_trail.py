"""What the audit hears of an answer: the text, and never the company's key, however a provider echoes it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gateway_world import Ledger as Notes
from gateway_world import call, exchange, parts

from sluiceway.audit.recorder import Recorder
from sluiceway.audit.subject import Subject
from sluiceway.gateway.scrub import Scrubber
from sluiceway.gateway.trail import Trail
from sluiceway.wire import by_name

OURS = "sk-ant-api03-the/companys"
KEPT = "your key is [key]********************"


class Recording:
    """Takes notes of what it is handed."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def begin(self, _subject: Subject) -> None:
        return None

    def record(self, _subject: Subject, _end: Any, _request: Any, response: Any) -> None:
        self.heard.append(response.text)


def delta(text: str) -> bytes:
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return f"event: content_block_delta\ndata: {json.dumps(event)}\n\n".encode()


WHOLE = json.dumps({"type": "message", "content": [{"type": "text", "text": f"your key is {OURS}"}]}).encode()
ANSWERS = {
    "document": (False, "application/json", [WHOLE]),
    "stream": (True, "text/event-stream", [delta(f"your key is {OURS}")]),
    "in two events": (True, "text/event-stream", [delta("your key is sk-ant-"), delta(OURS[7:])]),
}


@pytest.mark.parametrize(("stream", "kind", "chunks"), ANSWERS.values(), ids=ANSWERS)
async def test_a_key_that_the_provider_echoes_is_not_kept(
    stream: bool, kind: str, chunks: list[bytes]
) -> None:
    recorder, asked = Recording(), call(stream=stream)
    subject = cast(Subject, SimpleNamespace(mode="redacted"))
    trail = Trail(cast(Recorder, recorder), subject, ())
    await trail.begin()
    dialect = by_name("anthropic_messages")
    tap = trail.hearing(dialect.tap(asked, 200, kind), dialect, asked, kind, Scrubber(OURS).header)
    for chunk in chunks:
        tap.feed(chunk)
    tap.finish()
    trail.ended(exchange(parts(Notes()), asked).row())
    assert recorder.heard == [KEPT]
