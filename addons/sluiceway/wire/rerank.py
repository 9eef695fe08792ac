"""Ranking of documents, as Cohere defined it and Voyage, Together and others took it over.

Cohere bills searches (`meta.billed_units.search_units`), the others the tokens of query and documents
(`usage.total_tokens`). (Cohere API reference, Rerank v2; Voyage API reference, Rerankers)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import NO_UNITS, Answer, Call, Usage, UsageSource
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, label, mapping, need_list, need_model
from sluiceway.wire.inputs import InputOnly
from sluiceway.wire.parts import IDENTIFIER, RESULT, USER

SEARCHES = "search_units"
# A search unit is a query with up to 100 documents, and of a document each 500 tokens (Cohere, Pricing).
_DOCUMENTS = 100
_PIECE_BYTES = 500 * 3


def _call(document: Mapping[str, Any]) -> Call:
    query, documents = document.get("query"), need_list(document, "documents")
    if not isinstance(query, str):
        raise WireError("query: a string is required")
    extent, asked = Extent(), Extent()
    extent.add(documents)
    asked.add(query)
    pieces = max(len(documents), extent.input_bytes // _PIECE_BYTES)
    return Call(
        dialect="rerank",
        operation="rerank",
        model=need_model(document),
        max_output_tokens=0,
        # The query is read once with each document.
        input_bytes=extent.input_bytes + asked.input_bytes * len(documents),
        dense_bytes=extent.dense_bytes + asked.dense_bytes * len(documents),
        units={SEARCHES: max(1, -(-pieces // _DOCUMENTS))},
        fixed_output=True,
    )


def _parse(document: object) -> Answer:
    answer = mapping(document)
    return Answer(
        usage=_usage(answer),
        model=label(answer.get("model")),
        response_id=label(answer.get("id")),
        complete="results" in answer or "data" in answer,
    )


def _usage(answer: Mapping[str, Any]) -> Usage:
    """Where searches are billed no tokens are: their number, which nobody tells, is zero on the bill."""
    billed, told = mapping(mapping(answer.get("meta")).get("billed_units")), mapping(answer.get("usage"))
    searches = count(billed.get("search_units"))
    tokens = count(told.get("total_tokens"))
    if searches is None and tokens is None:
        return Usage()
    return Usage(
        input_tokens=0 if searches is not None else tokens,
        output_tokens=0,
        tool_units={SEARCHES: searches} if searches else NO_UNITS,
        source=UsageSource.REPORTED,
    )


RERANK = InputOnly("rerank", {"model": IDENTIFIER, "query": USER, "documents": RESULT}, _call, _parse)
"""The dialect of /v2/rerank and /v1/rerank."""
