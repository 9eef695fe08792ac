"""The Cohere Embed API, version 2. It bills text and image tokens, at different prices.

(Cohere API reference, Embed v2: `meta.billed_units`; Cohere's pricing page.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import NO_UNITS, Answer, Call, Usage, UsageSource
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, label, mapping, maybe_list, need_model
from sluiceway.wire.inputs import InputOnly
from sluiceway.wire.parts import IDENTIFIER, USER

_INPUTS = ("texts", "images", "inputs")
# Named so that an unpriced one is bounded by the dearest input rate for each token.
IMAGE_TOKENS, IMAGES = "image_input_tokens", "images"


def _call(document: Mapping[str, Any]) -> Call:
    given = [maybe_list(document, name) for name in _INPUTS]
    if not any(given):
        raise WireError("texts: a list with something to embed is required")
    extent = Extent()
    extent.add(given)
    return Call(
        dialect="cohere_embeddings",
        operation="embeddings",
        model=need_model(document),
        max_output_tokens=0,
        input_bytes=extent.input_bytes,
        dense_bytes=extent.dense_bytes,
    )


def _parse(document: object) -> Answer:
    answer = mapping(document)
    return Answer(
        usage=_usage(mapping(mapping(answer.get("meta")).get("billed_units"))),
        model=label(answer.get("model")),
        response_id=label(answer.get("id")),
        complete="embeddings" in answer,
    )


def _usage(billed: Mapping[str, Any]) -> Usage:
    """Models before Embed 4 bill images by the piece, Embed 4 by their tokens."""
    text, drawn = count(billed.get("input_tokens")), count(billed.get("image_tokens"))
    pieces = count(billed.get("images"))
    if text is None and drawn is None and pieces is None:
        return Usage()
    apart = {IMAGE_TOKENS: drawn} if drawn else {IMAGES: pieces} if pieces else NO_UNITS
    return Usage(input_tokens=text or 0, output_tokens=0, tool_units=apart, source=UsageSource.REPORTED)


COHERE_EMBEDDINGS = InputOnly(
    "cohere_embeddings", {"model": IDENTIFIER, **dict.fromkeys(_INPUTS, USER)}, _call, _parse
)
"""The dialect of /v2/embed."""
