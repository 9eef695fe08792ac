"""The OpenAI Speech API: /v1/audio/speech, text in and a recording out, whole or as events.

GPT models bill text in and audio tokens out, and tell them only in a stream of events; all others bill the
characters of the text, which no answer tells but the request holds. (OpenAI API reference, Audio: Create
speech; "Pricing: transcription and speech generation")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Answer, Call, Refusal, Usage, UsageSource
from sluiceway.wire.dialect import Tap
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, mapping, need_model
from sluiceway.wire.media import Asked, Media
from sluiceway.wire.media_stream import stream
from sluiceway.wire.parts import IDENTIFIER, SYSTEM, USER
from sluiceway.wire.walk import Parts

NAME = "openai_speech"
# 0.015 USD a minute at 12 USD for a million tokens are 1,250 a minute (OpenAI, "Pricing"), in which some 900
# characters are read: 1.4 for each, 2 where it is read slowly.
TOKENS_PER_CHARACTER = 2
TOKENS_PER_S = 21
PCM_BYTES_PER_S = 48_000  # 24,000 samples of 16 bits ("Text to speech: supported output formats")
_EVENTS = "text/event-stream"
_PARTS: Parts = {"model": IDENTIFIER, "voice": IDENTIFIER, "input": USER, "instructions": SYSTEM}


def _call(asked: Asked) -> Call:
    model, text = need_model(asked.document), asked.text("input")
    extent = Extent()
    extent.add([text, asked.document.get("instructions")])
    by_tokens = model.startswith("gpt-")
    return Call(
        dialect=NAME,
        operation="speech",
        model=model,
        stream=asked.document.get("stream_format") == "sse",
        max_output_tokens=TOKENS_PER_CHARACTER * len(text) + 64 if by_tokens else 0,
        input_bytes=extent.input_bytes,
        dense_bytes=extent.dense_bytes,
        units={} if by_tokens else {"characters": len(text)},
        fixed_output=True,
    )


def _tap(call: Call, content_type: str) -> Tap:
    if _EVENTS in content_type.lower():
        return stream((b"speech.audio.done",), usage_of)
    return RecordingTap(call, content_type)


def usage_of(document: Mapping[str, Any]) -> Usage:
    """The counts of the last event. All output is audio."""
    usage = mapping(document.get("usage"))
    given, spoken = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if given is None and spoken is None:
        return Usage()
    source = UsageSource.PARTIAL if None in (given, spoken) else UsageSource.REPORTED
    return Usage(input_tokens=given, output_tokens=spoken, audio_output_tokens=spoken, source=source)


class RecordingTap:
    """A tap for an answer that is a recording. Of one without compression the length tells the tokens."""

    between_events = True

    def __init__(self, call: Call, content_type: str) -> None:
        self._call = call
        self._is_plain = content_type.lower().partition(";")[0] in ("audio/wav", "audio/x-wav", "audio/pcm")
        self._bytes = 0
        self._finished = False

    def feed(self, chunk: bytes) -> bytes:
        self._bytes += len(chunk)
        return chunk

    def finish(self) -> bytes:
        self._finished = True
        return b""

    def answer(self) -> Answer:
        return Answer(usage=self._usage(), complete=self._finished and self._bytes > 0)

    def _usage(self) -> Usage:
        if self._call.units and self._bytes:
            return Usage(tool_units=self._call.units, source=UsageSource.REPORTED)
        if not self._is_plain or not self._finished:
            return Usage()
        spoken = -(-self._bytes * TOKENS_PER_S // PCM_BYTES_PER_S)
        return Usage(output_tokens=spoken, audio_output_tokens=spoken, source=UsageSource.ESTIMATED)

    def cut(self, message: str) -> bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return b""


OPENAI_SPEECH = Media(NAME, _PARTS, _call, _tap)
"""The dialect of /v1/audio/speech."""
