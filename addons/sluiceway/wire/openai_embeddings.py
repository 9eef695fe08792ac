"""The OpenAI Embeddings API, also spoken by Voyage, Mistral and many servers. It bills input only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, Usage, UsageSource
from sluiceway.wire import deployment, notice, openai_error
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import first_count, items, label, mapping
from sluiceway.wire.own_cost import own_cost
from sluiceway.wire.parts import IDENTIFIER, USER, Path, Segment
from sluiceway.wire.rewrite import replaced, with_model
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, segments

_PARTS: Parts = {"model": IDENTIFIER, "input": USER}
BYTES_PER_TOKEN = 3  # what the estimate divides by; an input may also come as token ids


class OpenAIEmbeddings:
    """The dialect of /v1/embeddings. `output_tokens` is known to be 0: the API returns no tokens."""

    name = "openai_embeddings"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document, target), sound, document, target)

    def _call(self, document: Mapping[str, Any], target: Target) -> Call:
        given = document.get("input")
        if not isinstance(given, str | list):
            raise WireError("input: a string or a list is required")
        extent = Extent()
        extent.add(given)
        return Call(
            dialect=self.name,
            operation="embeddings",
            model=deployment.model_of(document, target),
            max_output_tokens=0,
            input_bytes=extent.input_bytes + BYTES_PER_TOKEN * token_ids(given),
            dense_bytes=extent.dense_bytes,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """There is no output to limit."""
        return reading

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, reading.target))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        return JsonTap(openai_error.parse_error if status >= 400 else _parse, generates=False)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)


def token_ids(given: object) -> int:
    """How many token ids the input holds, in one list or in several."""
    return sum(
        1 if isinstance(item, int) else token_ids(item) for item in items(given) if not isinstance(item, str)
    )


def _parse(document: object) -> Answer:
    """Voyage reports `total_tokens` alone, which are all input (Voyage API reference, Embeddings)."""
    answer = mapping(document)
    if answer.get("error") and "data" not in answer:  # with status 200
        free = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
        return replace(openai_error.parse_error(answer), usage=free)
    told = mapping(answer.get("usage"))
    prompt = first_count(told.get("prompt_tokens"), told.get("input_tokens"), told.get("total_tokens"))
    usage = Usage(input_tokens=prompt, output_tokens=0, source=UsageSource.REPORTED)
    return Answer(
        usage=Usage() if prompt is None else usage,
        model=label(answer.get("model")),
        complete="data" in answer,
        cost_usd=own_cost(told),
    )
