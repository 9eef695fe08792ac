"""Mistral's reading of documents (OCR), which is billed by the page, with annotations at another price.

(Mistral API reference, OCR: `usage_info.pages_processed`; Mistral's pricing page.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, Usage, UsageSource
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, items, label, mapping, need_model
from sluiceway.wire.inputs import InputOnly
from sluiceway.wire.parts import DEFINITION, IDENTIFIER, USER

PAGES, ANNOTATED_PAGES = "pages", "annotated_pages"


def _call(document: Mapping[str, Any]) -> Call:
    given = document.get("document")
    if not isinstance(given, dict):
        raise WireError("document: an object is required")
    extent = Extent()
    extent.add(given)
    return Call(
        dialect="mistral_ocr",
        operation="ocr",
        model=need_model(document),
        max_output_tokens=0,
        input_bytes=extent.input_bytes,
        dense_bytes=extent.dense_bytes,
    )


def _parse(document: object) -> Answer:
    answer = mapping(document)
    pages = count(mapping(answer.get("usage_info")).get("pages_processed"))
    unit = ANNOTATED_PAGES if _is_annotated(answer) else PAGES
    # No token is billed beside the pages.
    usage = Usage(input_tokens=0, output_tokens=0, tool_units={unit: pages or 0}, source=UsageSource.REPORTED)
    return Answer(
        usage=Usage() if pages is None else usage,
        model=label(answer.get("model")),
        complete="pages" in answer,
    )


def _is_annotated(answer: Mapping[str, Any]) -> bool:
    """Whether annotations were made, of the document or of the images in it."""
    images = (mapping(i) for page in items(answer.get("pages")) for i in items(mapping(page).get("images")))
    return bool(answer.get("document_annotation")) or any(image.get("image_annotation") for image in images)


MISTRAL_OCR = InputOnly(
    "mistral_ocr",
    {"model": IDENTIFIER, "document": USER, "document_annotation_format": DEFINITION},
    _call,
    _parse,
    openai_errors=True,
)
"""The dialect of /v1/ocr."""
