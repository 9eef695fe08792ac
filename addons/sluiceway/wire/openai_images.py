"""The OpenAI Images API: /v1/images/generations, /edits and /variations, in JSON, as a form, streamed.

GPT Image models bill tokens and tell them; DALL-E models bill by the image, by quality and size. (OpenAI API
reference, Images; "Image generation: cost and latency")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire.answer_parts import ALL, AnswerParts, Piece
from sluiceway.wire.dialect import Tap
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, items, label, mapping, need_model
from sluiceway.wire.media import Asked, Media
from sluiceway.wire.media_stream import stream
from sluiceway.wire.own_cost import own_cost
from sluiceway.wire.parts import IDENTIFIER, USER
from sluiceway.wire.skim import SkimTap
from sluiceway.wire.tap import is_stream
from sluiceway.wire.walk import Parts

MOST_IMAGES = 10
# Output tokens of a square of 1,024 pixels: 272, 1,056 and 4,160, others in proportion to their area (OpenAI,
# "Image generation: cost and latency"). What the two new qualities take is not documented: twice, four times.
_PER_SQUARE = {"low": 272, "standard": 1056, "medium": 1056, "high": 4160, "xhigh": 8320, "max": 16640}
_SQUARE = 1024 * 1024
_AUTO_PIXELS = 1536 * 1024
_PARTIAL_TOKENS = 100  # each partial image of a stream (the same page)
# An image that is edited with high fidelity comes to 6,144 tokens and some; three bytes stand for a token.
_INPUT_IMAGE_BYTES = 20_000
_BY_PIECE = ("dall-e", "grok")  # xAI's answers tell what they cost. (xAI API reference, Images)
_PARTS: Parts = {
    **dict.fromkeys(("model", "user", "safety_identifier"), IDENTIFIER),
    **dict.fromkeys(("prompt", "images"), USER),
}


def _call(asked: Asked) -> Call:
    model = need_model(asked.document) if asked.document.get("model") is not None else None
    many = asked.number("n", MOST_IMAGES) or 1
    extent = Extent()
    extent.add(_prompt(asked))
    pictures = len(asked.files) + len(items(asked.document.get("images")))
    by_piece = model is not None and model.startswith(_BY_PIECE)
    return Call(
        dialect=NAME,
        operation="images",
        model=model,
        stream=asked.says("stream"),
        max_output_tokens=0 if by_piece else _most_tokens(asked),
        choices=many,
        input_bytes=extent.input_bytes + _INPUT_IMAGE_BYTES * pictures,
        dense_bytes=extent.dense_bytes,
        units={_unit(asked): many} if by_piece else {},
        fixed_output=True,
    )


def _prompt(asked: Asked) -> str:
    """A variation has none."""
    return "" if asked.path.rstrip("/").endswith("/variations") else asked.text("prompt")


def _word(asked: Asked, name: str, default: str) -> str:
    value = asked.document.get(name)
    if value is not None and label(value, 32) is None:
        raise WireError(f"{name}: must be a short word")
    return default if value in (None, "auto") else str(value)


def _pixels(size: str) -> int:
    """Of `1024x1536`; what is no size is taken for the largest of the usual ones."""
    width, _, height = size.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        return _AUTO_PIXELS
    return min(int(width[:6]) * int(height[:6]), 64 * _SQUARE)


def _most_tokens(asked: Asked) -> int:
    """The tokens of one image, at most; where the model chooses, of the best it may choose."""
    each = _PER_SQUARE.get(_word(asked, "quality", "high"), _PER_SQUARE["max"])
    pixels = _pixels(_word(asked, "size", ""))
    frames = asked.number("frame_count", 100) or 1
    partial = asked.number("partial_images", 3, least=0) or 0
    return ceil(each * max(pixels / _SQUARE, 0.25)) * frames + _PARTIAL_TOKENS * partial


def _unit(asked: Asked) -> str:
    """What the price list calls one image, such as `image_hd_1024x1792`."""
    if str(asked.document.get("model")).startswith("grok"):
        return "images"
    return f"image_{_word(asked, 'quality', 'standard')}_{_word(asked, 'size', '1024x1024')}"


def _tap(call: Call, content_type: str) -> Tap:
    if is_stream(call, content_type):
        return stream((b".completed",), usage_of)
    return SkimTap(lambda document: _parse(call, document))


def _parse(call: Call, document: object) -> Answer:
    answer = mapping(document)
    images = len(items(answer.get("data")))
    usage = usage_of(answer)
    if usage.source is UsageSource.NONE and images and call.units:
        usage = Usage(tool_units=dict.fromkeys(call.units, images), source=UsageSource.REPORTED)
    return Answer(
        usage=usage,
        model=label(answer.get("model")),
        complete="data" in answer,
        cost_usd=own_cost(mapping(answer.get("usage"))),
    )


def usage_of(document: Mapping[str, Any]) -> Usage:
    """OpenAI's counts in our sense. All output is an image unless it says which part is text. What writing an
    SVG took comes on top, at the price of the model that wrote it."""
    usage = mapping(document.get("usage"))
    given, output = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    if given is None and output is None:
        return Usage()
    drawn = count(mapping(usage.get("output_tokens_details")).get("image_tokens"))
    return Usage(
        input_tokens=given,
        output_tokens=output,
        image_tokens=output if drawn is None else drawn,
        image_input_tokens=count(mapping(usage.get("input_tokens_details")).get("image_tokens")) or 0,
        tool_units=dict(_svg(mapping(document.get("svg_usage")))),
        source=UsageSource.PARTIAL if None in (given, output) else UsageSource.REPORTED,
    )


def _svg(usage: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name in ("input_tokens", "output_tokens"):
        if tokens := count(usage.get(name)):
            yield f"svg_{name}", tokens


def _said(document: object) -> AnswerParts:
    """What the model made of the prompt."""
    texts = [mapping(image).get("revised_prompt") for image in items(mapping(document).get("data"))]
    pieces = (
        Piece(("data", n, "revised_prompt"), text, (n,), "whole")
        for n, text in enumerate(texts)
        if isinstance(text, str)
    )
    return AnswerParts(tuple(pieces), ALL)


NAME = "openai_images"
OPENAI_IMAGES = Media(NAME, _PARTS, _call, _tap, _said)
"""The dialect of /v1/images/."""
