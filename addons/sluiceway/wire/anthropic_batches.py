"""Anthropic's Message Batches: /v1/messages/batches, its state and its results.

Facts from Anthropic's API reference (Message Batches: create, retrieve, results): requests stand inline, each
with a `custom_id` and the `params` of one message; results are JSON lines of the types succeeded, errored,
canceled and expired, of which only the first is billed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import notice
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.anthropic_stream import parse_message
from sluiceway.wire.batch import combined
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import count, label, mapping, need_list, need_model
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, rewritten, segments

_ONE = AnthropicMessages()
_AROUND: Parts = {}
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
        """Those around the requests, then each request's own."""
        around = segments(_shell(reading.document), _AROUND)
        within = (
            segment._replace(path=("requests", index, "params", *segment.path))
            for index, one in enumerate(_readings(reading.document))
            for segment in _ONE.segments(one)
        )
        return (*around, *within)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if not changes:
            return reading
        around: dict[Path, str] = {}
        within: dict[int, dict[Path, str]] = {}
        for path, text in changes.items():
            if path[:1] == ("requests",) and path[2:3] == ("params",) and isinstance(path[1], int):
                within.setdefault(path[1], {})[path[3:]] = text
            else:
                around[path] = text
        given = list(_readings(reading.document))
        if within.keys() - set(range(len(given))):
            raise WireError("a text to be replaced is not in the request")
        readings = [_ONE.replaced(one, within.get(index, {})) for index, one in enumerate(given)]
        shell = _shell(reading.document)
        changed = rewritten(shell, _AROUND, around)
        if changed is shell and all(new is old for new, old in zip(readings, given, strict=True)):
            return reading
        return self._written(reading, changed, readings)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        need_model({"model": model})
        if reading.call.model == model:
            return reading, reading.target.path
        readings = [_ONE.with_model(one, model)[0] for one in _readings(reading.document)]
        return self._written(reading, reading.document, readings), reading.target.path

    def _written(self, reading: Reading, around: Mapping[str, Any], readings: list[Reading]) -> Reading:
        pairs = zip(need_list(around, "requests"), readings, strict=True)
        requests = [{**mapping(request), "params": one.document} for request, one in pairs]
        document = {**around, "requests": requests}
        return reading.rewritten(self._call(document), document)

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
    for index, request in enumerate(need_list(document, "requests")):
        params = mapping(mapping(request).get("params"))
        try:
            call = _ONE.call_of(params)
        except WireError as error:
            raise WireError(f"requests.{index}.params.{error}") from None
        yield Reading(call, b"", params, _ONE_TARGET)


def _shell(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """All but what the requests ask."""
    requests = map(mapping, need_list(document, "requests"))
    bare = [{name: value for name, value in each.items() if name != "params"} for each in requests]
    return {**document, "requests": bare}


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
