"""Frames as nobody should write them: a client's raises WireError or is read, a provider's never raises."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties import examples

from sluiceway.errors import WireError
from sluiceway.types import Refusal, RefusalKind
from sluiceway.wire import SOCKETS, SocketDialect, Target
from sluiceway.wire.socket import REASON_BYTES, Session, reason

NO = Refusal(RefusalKind.BUDGET, "budget_spent", "Sluiceway: the budget is used up.")
# What the sessions look for, so that arbitrary documents reach into them.
NAMES = (
    *("type", "response", "session", "item", "stream_id", "event_id", "response_id", "id", "model", "usage"),
    *("audio", "input", "output", "delta", "error", "status", "status_details", "generate", "format"),
    *("input_tokens", "output_tokens", "input_token_details", "cached_tokens", "cached_tokens_details"),
    *("setup", "clientContent", "realtimeInput", "toolResponse", "serverContent", "toolCall", "turnComplete"),
    *("usageMetadata", "promptTokenCount", "modelTurn", "parts", "inlineData", "data", "mimeType", "turns"),
    *("transcription", "seconds", "tools", "instructions", "max_output_tokens", "mediaChunks"),
)
KINDS = (
    *("response.create", "response.created", "response.completed", "response.done", "response.failed"),
    *("response.output_text.delta", "response.output_audio.delta", "response.output_item.done", "error"),
    *("session.created", "session.update", "conversation.item.create", "input_audio_buffer.append"),
    *("conversation.item.input_audio_transcription.completed", "duration", "tokens", "x"),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**62), st.floats(), st.text(max_size=8), st.sampled_from(KINDS)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
TYPED = st.builds(lambda kind, more: {**more, "type": kind}, st.sampled_from(KINDS), DOCUMENTS)
FRAMES = st.one_of(
    st.binary(max_size=40),
    st.builds(_bytes := lambda value: orjson.dumps(value), TYPED | DOCUMENTS | VALUES),
    st.builds(lambda value, cut: _bytes(value)[:cut], TYPED, st.integers(0, 60)),
)
TALK = st.lists(st.tuples(st.booleans(), FRAMES), max_size=12)


class Talk:
    """Plays frames as the gateway does, and steps in wherever it could."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.running: list[str] = []

    def client(self, data: bytes) -> None:
        with suppress(WireError):
            frame = self.session.read(data)
            self.session.refuse(frame, NO, "sw_1")
            name, out = self.session.take(frame, frame.reading)
            assert orjson.loads(out) is not None
            if name is not None:
                self.running.append(name)

    def provider(self, data: bytes) -> None:
        heard = self.session.hear(data)
        if heard.begun is not None and heard.turn is not None:
            self.running.append(heard.turn)
            self.session.deny(heard.turn, NO, "sw_1")
        if heard.turn is not None:
            assert heard.turn in self.running
            answer = self.session.meter(heard.turn).answer()
            assert answer.output_bytes >= 0
        if heard.ended and heard.turn is not None:
            self.running.remove(heard.turn)
            self.session.forget(heard.turn)

    def end(self) -> None:
        for name in self.running:
            frames = [
                *self.session.cut(name, "over").to_client,
                *self.session.fail(name, NO, "sw_1").to_client,
            ]
            assert all(isinstance(orjson.loads(each), dict) for each in frames)


@pytest.mark.parametrize("dialect", SOCKETS, ids=lambda dialect: dialect.name)
@settings(max_examples=examples(120), deadline=None)
@given(talk=TALK)
def test_no_frame_of_either_side_raises(dialect: SocketDialect, talk: list[tuple[bool, bytes]]) -> None:
    played = Talk(dialect.session(Target("GET", "/", ""), None))
    for is_client, data in talk:
        (played.client if is_client else played.provider)(data)
    played.end()


def begun(dialect: SocketDialect) -> list[bytes]:
    """Frames after which a turn runs."""
    if dialect.name == "gemini_live":
        setup = {"setup": {"model": "models/m"}}
        return [orjson.dumps(setup), b'{"clientContent":{"turnComplete":true}}']
    ask: dict[str, Any] = {"type": "response.create"}
    return [orjson.dumps(ask | ({"model": "m"} if dialect.name == "openai_responses_socket" else {}))]


@pytest.mark.parametrize("dialect", SOCKETS, ids=lambda dialect: dialect.name)
@settings(max_examples=examples(80), deadline=None)
@given(frames=st.lists(FRAMES, max_size=8))
def test_no_frame_of_the_provider_raises_while_a_turn_runs(
    dialect: SocketDialect, frames: list[bytes]
) -> None:
    played = Talk(dialect.session(Target("GET", "/", ""), None))
    for data in begun(dialect):
        played.client(data)
    assert played.running
    for data in frames:
        played.provider(data)
    played.end()


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"response.create","model":"a","model":"b"}',
        '{"type":"x","type":"response.create","model":"b"}',
    ],
    ids=["the model twice", "the type twice"],
)
def test_a_field_given_twice_goes_on_as_it_was_judged(frame: str) -> None:
    session = SOCKETS[0].session(Target("GET", "/"), None)
    read = session.read(frame.encode())
    assert (read.does, read.reading.call.model) == ("ask", "b")
    assert session.take(read, read.reading)[1] == b'{"type":"response.create","model":"b"}'


@given(st.text(max_size=300))
def test_a_reason_fits_into_a_close_frame(text: str) -> None:
    with suppress(UnicodeEncodeError):
        assert len(reason(text).encode()) <= REASON_BYTES


def test_texts_of_every_frame_can_be_looked_at_and_replaced() -> None:
    frames = {
        "openai_responses_socket": {"type": "response.create", "model": "m", "input": "my card"},
        "openai_realtime": {
            "type": "conversation.item.create",
            "item": {
                "role": "user",
                "type": "message",
                "content": [{"type": "input_text", "text": "my card"}],
            },
        },
        "gemini_live": {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "my card"}]}]}},
    }
    for dialect in SOCKETS:
        session = dialect.session(Target("GET", "/"), None)
        if dialect.name == "gemini_live":
            setup = session.read(b'{"setup":{"model":"models/m"}}')
            session.take(setup, setup.reading)
        frame = session.read(orjson.dumps(frames[dialect.name]))
        (segment,) = [each for each in dialect.segments(frame.reading) if each.text == "my card"]
        assert (segment.role, segment.kind) == ("user", "text")
        _, out = session.take(frame, dialect.replaced(frame.reading, {segment.path: "<CARD_1>"}))
        assert out == orjson.dumps(frames[dialect.name]).replace(b"my card", b"<CARD_1>")
