"""What a Realtime answer says about itself: its deltas while it is spoken, and the usage at its end.

Facts from OpenAI's API reference (Realtime, server events) and its guide to managing Realtime's costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.types import Answer, Usage, UsageSource
from sluiceway.wire.extent import text_bytes
from sluiceway.wire.fields import count, items, mapping, word

# One token is 100 ms of what a person says and 50 ms of what the model says (guide, "Managing costs"); PCM
# has 48,000 bytes a second and G.711 has 8,000, both as base64. Estimates count three bytes a token.
PCM_BYTES_PER_S, G711_BYTES_PER_S = 64_000, 10_666
HEARD_TOKENS_PER_S, SAID_TOKENS_PER_S = 10, 20
BYTES_PER_TOKEN = 3
_AUDIO = frozenset({"response.output_audio.delta", "response.audio.delta"})
_FINAL = frozenset({"completed", "cancelled", "incomplete", "failed"})


def audio_bytes(base64_bytes: int, narrow: bool, tokens_per_s: int) -> int:
    """Audio as the bytes of a text of as many tokens. `narrow`: as telephones have it (G.711)."""
    second = G711_BYTES_PER_S if narrow else PCM_BYTES_PER_S
    return -(-base64_bytes * tokens_per_s * BYTES_PER_TOKEN // second)


class RealtimeMeter:
    """Meters one answer."""

    def __init__(self, narrow: bool) -> None:
        self._narrow = narrow
        self._output_bytes = 0
        self._answer = Answer()
        self._id: str | None = None
        self._model: str | None = None

    def begins(self, response_id: str | None, model: str | None) -> None:
        self._id, self._model = response_id, model

    def event(self, kind: str, document: Mapping[str, Any]) -> None:
        """An event of this answer other than its first and its last."""
        delta = document.get("delta")
        if not isinstance(delta, str) or not kind.endswith(".delta"):
            return
        if kind in _AUDIO:
            self._output_bytes += audio_bytes(len(delta), self._narrow, SAID_TOKENS_PER_S)
        elif not kind.endswith("audio_transcript.delta"):  # its audio was counted
            self._output_bytes += len(delta.encode(errors="replace"))

    def done(self, response: Mapping[str, Any]) -> None:
        usage = usage_of(mapping(response.get("usage")))
        details = mapping(response.get("status_details"))
        said = [mapping(item).get("arguments") for item in items(response.get("output"))]
        self._output_bytes = max(self._output_bytes, text_bytes(said))
        self._answer = Answer(
            usage=usage,
            complete=response.get("status") in _FINAL,
            error_type=_fault(mapping(details.get("error"))) if response.get("status") == "failed" else None,
        )

    def transcribed(self, usage: Mapping[str, Any]) -> None:
        self._answer = Answer(usage=_transcription(usage), complete=True)

    def answer(self) -> Answer:
        known = self._answer
        return Answer(
            usage=known.usage,
            model=self._model,
            response_id=self._id,
            complete=known.complete,
            output_bytes=self._output_bytes,
            error_type=known.error_type,
        )


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """The usage of an answer. All input is billed, earlier turns' too; cached parts of it for less."""
    read, said = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if read is None and said is None:
        return Usage()
    inputs = mapping(usage.get("input_token_details"))
    outputs = mapping(usage.get("output_token_details"))
    cached = mapping(inputs.get("cached_tokens_details"))
    return Usage(
        input_tokens=read,
        output_tokens=said,
        cache_read_tokens=count(inputs.get("cached_tokens")),
        reasoning_tokens=count(outputs.get("reasoning_tokens")),
        audio_input_tokens=count(inputs.get("audio_tokens")),
        audio_output_tokens=count(outputs.get("audio_tokens")),
        audio_cache_read_tokens=count(cached.get("audio_tokens")),
        image_tokens=count(inputs.get("image_tokens")),
        source=UsageSource.PARTIAL if None in (read, said) else UsageSource.REPORTED,
    )


def _transcription(usage: Mapping[str, Any]) -> Usage:
    """A transcription is billed by tokens or by seconds of audio, as its model is."""
    if usage.get("type") == "duration":
        told = usage.get("seconds")
        seconds = -int(-told // 1) if isinstance(told, int | float) and 0 <= told < 1e9 else 0
        units = {"audio_seconds": seconds} if seconds else {}
        return Usage(input_tokens=0, output_tokens=0, tool_units=units, source=UsageSource.REPORTED)
    return usage_of(usage)


def _fault(error: Mapping[str, Any]) -> str:
    return word(error.get("code")) or word(error.get("type")) or "error"
