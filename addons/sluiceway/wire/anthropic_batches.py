"""Anthropic's Message Batches: /v1/messages/batches, its state and its results.

Facts from Anthropic's API reference (Message Batches: create, retrieve, results): requests stand inline, each
with a `custom_id` and the `params` of one message; results are JSON lines of the types succeeded, errored,
canceled and expired, of which only the first is billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import inlined, notice
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.anthropic_stream import parse_message
from sluiceway.wire.batch import combined
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import count, label, mapping, need_model
from sluiceway.wire.inlined import Place
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.tap import JsonTap

_ONE = AnthropicMessages()
_PLACE = Place(("requests",), "params")
_ONE_TARGET = Target("POST", "/v1/messages")


class AnthropicBatches:
    """The dialect in which a batch is begun. Each request is read as the message it stands for."""

    name = "anthropic_batches"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document), sound, document, target)

    def _call(self, document: Mapping[str, Any]) -> Call:
        return combined([reading.call for reading in _readings(document)], self.name)

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """A batch fits as it is or not at all."""
        return reading

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return inlined.all_segments(reading.document, _PLACE, _readings(reading.document), _ONE)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if not changes:
            return reading
        given = list(_readings(reading.document))
        document = inlined.changed(reading.document, _PLACE, given, _ONE, changes)
        return reading if document is reading.document else reading.rewritten(self._call(document), document)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        need_model({"model": model})
        if reading.call.model == model:
            return reading, reading.target.path
        moved = [_ONE.with_model(one, model)[0] for one in _readings(reading.document)]
        document = inlined.written(reading.document, _PLACE, moved)
        return reading.rewritten(self._call(document), document), reading.target.path

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return _ONE.tap(call, status, content_type)
        return JsonTap(_begun, generates=False)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return _ONE.refuse(refusal, request_id, codex)


def _readings(document: Mapping[str, Any]) -> Iterator[Reading]:
    return inlined.readings(document, _PLACE, _ONE_TARGET, _ONE.call_of)


def _begun(document: object) -> Answer:
    return Answer(response_id=label(mapping(document).get("id")))


def nothing_came(document: object) -> bool:
    """Whether a batch's state says that it is over without any request that is billed."""
    state = mapping(document)
    succeeded = count(mapping(state.get("request_counts")).get("succeeded"))
    return state.get("processing_status") == "ended" and succeeded == 0


def result(document: object) -> Answer | None:
    """What one line of the results came to; None for a request that was not billed."""
    found = mapping(mapping(document).get("result"))
    return parse_message(found.get("message")) if found.get("type") == "succeeded" else None
