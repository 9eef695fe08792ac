"""What the APIs share that take input and generate nothing: embeddings, ranking, reading of pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import cohere_error, notice, openai_error
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.rewrite import replaced, with_model
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, segments


@dataclass(frozen=True, slots=True)
class InputOnly:
    """A dialect without output: there is nothing to limit, to stream or to cut, and no assistant to speak.

    `call_of` reads a request's document, `parse` an answer's; `openai_errors`: a no is said in OpenAI's form,
    else in Cohere's.
    """

    name: str
    parts: Parts
    call_of: Callable[[Mapping[str, Any]], Call]
    parse: Callable[[object], Answer]
    openai_errors: bool = False

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self.call_of(document), sound, document, target)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        return reading

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, self.parts)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, self.parts, changes, self.call_of)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        return with_model(reading, model)

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        errors = openai_error.parse_error if self.openai_errors else cohere_error.parse_error
        return JsonTap(errors if status >= 400 else self.parse, generates=False)

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        if self.openai_errors:
            return openai_error.refuse(refusal, request_id, codex)
        return cohere_error.refuse(refusal, request_id)
