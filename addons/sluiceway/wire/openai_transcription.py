"""The OpenAI Transcription API: /v1/audio/transcriptions and /translations, an upload in and its text out.

Usage is of type `tokens` or `duration`, whose seconds are billed; text, SRT and VTT tell none.
(OpenAI API reference, Audio: Create transcription, Create translation)
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, isfinite
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire import audio_length
from sluiceway.wire.answer_parts import ALL, AnswerParts, Block, Form, Piece
from sluiceway.wire.dialect import Tap
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import MAX_COUNT, count, items, mapping, need_model
from sluiceway.wire.media import Asked, Media
from sluiceway.wire.media_stream import stream
from sluiceway.wire.parts import IDENTIFIER, USER, Path
from sluiceway.wire.skim import SkimTap
from sluiceway.wire.tap import is_stream
from sluiceway.wire.walk import Parts

NAME = "openai_transcription"
# 0.006 USD a minute at 6 USD for a million audio tokens come to less than 17 tokens a second.
_INPUT_BYTES_PER_S = 3 * 17
_OUTPUT_TOKENS_PER_S = 6  # four words, in whatever language
_UNSEEN_S = 3600
_PARTS: Parts = {"model": IDENTIFIER, "language": IDENTIFIER, "prompt": USER}


def _call(asked: Asked) -> Call:
    model = need_model(asked.document)
    seconds = _length(asked)
    by_tokens = model.startswith("gpt-4o")
    extent = Extent()
    extent.add(asked.document.get("prompt"))
    return Call(
        dialect=NAME,
        operation="transcription",
        model=model,
        stream=asked.says("stream") and by_tokens,  # others ignore it
        max_output_tokens=_OUTPUT_TOKENS_PER_S * seconds + 64 if by_tokens else 0,
        input_bytes=extent.input_bytes + (_INPUT_BYTES_PER_S * seconds if by_tokens else 0),
        dense_bytes=extent.dense_bytes,
        units={} if by_tokens else {"audio_seconds": seconds},
        fixed_output=True,
    )


def _length(asked: Asked) -> int:
    """Seconds of the recording. One that is named by its address (Groq's `url`) may be an hour long."""
    if len(asked.files) > 1:
        raise WireError("file: only one upload is expected")
    found = (audio_length.seconds(asked.body, part.start, part.end) for part in asked.files)
    return next(found, _UNSEEN_S)


def _tap(call: Call, content_type: str) -> Tap:
    if is_stream(call, content_type):
        return stream((b"transcript.text.done",), usage_of)
    return SkimTap(_parse)


def _parse(document: object) -> Answer:
    answer = mapping(document)
    return Answer(usage=usage_of(answer), complete="text" in answer)


def usage_of(document: Mapping[str, Any]) -> Usage:
    """The tokens or the seconds that are billed; the verbose form of older answers has the length alone."""
    usage = mapping(document.get("usage"))
    seconds = _seconds(usage.get("seconds"))
    if seconds is None:  # Mistral's Voxtral; its price is for the sound alone
        seconds = _seconds(usage.get("prompt_audio_seconds"))
    if seconds is None and not usage:
        seconds = _seconds(document.get("duration"))
    if seconds is not None:
        return Usage(tool_units={"audio_seconds": seconds}, source=UsageSource.REPORTED)
    given, written = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if given is None and written is None:
        return Usage()
    details = mapping(usage.get("input_token_details") or usage.get("input_tokens_details"))
    return Usage(
        input_tokens=given,
        output_tokens=written,
        audio_input_tokens=count(details.get("audio_tokens")),
        source=UsageSource.PARTIAL if None in (given, written) else UsageSource.REPORTED,
    )


def _seconds(value: object) -> int | None:
    """Whole seconds, as they are billed; rounded up."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return ceil(value) if 0 <= value < MAX_COUNT else None


def _said(document: object) -> AnswerParts:
    """The text, whole or in pieces, and that of its segments once more."""
    answer = mapping(document)
    kind = answer.get("type")
    if kind == "transcript.text.delta":
        return AnswerParts(tuple(_piece(answer, ("delta",), "delta")))
    form: Form = "whole" if kind is None else "repeat"
    pieces = _piece(answer, ("text",), form)
    for number, segment in enumerate(items(answer.get("segments"))):
        pieces += _piece(mapping(segment), ("segments", number, "text"), "whole", ("segment", number))
    return AnswerParts(tuple(pieces), ALL)


def _piece(holder: Mapping[str, Any], path: Path, form: Form, block: Block = ("text",)) -> list[Piece]:
    text = holder.get(str(path[-1]))
    return [Piece(path, text, block, form)] if isinstance(text, str) else []


OPENAI_TRANSCRIPTION = Media(NAME, _PARTS, _call, _tap, _said)
"""The dialect of /v1/audio/transcriptions and /v1/audio/translations."""
