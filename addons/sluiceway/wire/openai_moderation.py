"""The OpenAI Moderation API: /v1/moderations. It is free of charge. (OpenAI docs, "Moderation")"""

from __future__ import annotations

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire.dialect import Tap
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import label, mapping, need_model
from sluiceway.wire.media import Asked, Media
from sluiceway.wire.parts import IDENTIFIER, USER
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts

NAME = "openai_moderation"
_PARTS: Parts = {"model": IDENTIFIER, "input": USER}


def _call(asked: Asked) -> Call:
    given = asked.document.get("input")
    if not isinstance(given, str | list):
        raise WireError("input: a string or a list is required")
    extent = Extent()
    extent.add(given)
    return Call(
        dialect=NAME,
        operation="moderation",
        model=need_model(asked.document) if asked.document.get("model") is not None else None,
        max_output_tokens=0,
        input_bytes=extent.input_bytes,
        dense_bytes=extent.dense_bytes,
    )


def _tap(call: Call, content_type: str) -> Tap:
    return JsonTap(_parse, generates=False)


def _parse(document: object) -> Answer:
    answer = mapping(document)
    free = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
    return Answer(usage=free, model=label(answer.get("model")), complete="results" in answer)


OPENAI_MODERATION = Media(NAME, _PARTS, _call, _tap)
"""The dialect of /v1/moderations."""
