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
# Guesses on the high side before the answer: how large a page is at least, and how many a document has that
# the request only names; none has more than a thousand (Mistral docs, OCR).
_PAGE_BYTES = 16_000
_UNSEEN_PAGES = 100
_MOST_PAGES = 1000


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
        units={_unit(document): _pages(document, given)},
    )


def _unit(document: Mapping[str, Any]) -> str:
    annotated = ("document_annotation_format", "bbox_annotation_format")
    return ANNOTATED_PAGES if any(document.get(name) for name in annotated) else PAGES


def _pages(document: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """How many pages may be read: those asked for, one picture, or by the size of what was sent along."""
    if isinstance(wanted := document.get("pages"), list) and wanted:
        return min(len(wanted), _MOST_PAGES)
    if given.get("type") == "image_url":
        return 1
    address = given.get("document_url")
    if isinstance(address, str) and address.startswith("data:"):
        return min(1 + len(address) // _PAGE_BYTES, _MOST_PAGES)
    return _UNSEEN_PAGES


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
