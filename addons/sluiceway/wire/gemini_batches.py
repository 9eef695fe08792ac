"""Gemini's batches: models.batchGenerateContent, the file of requests it may name, its state, its results.

Facts from Google's Gemini API reference and guide ("Batch API", "Files"): requests stand inline or in a file
of JSON lines, each with the `request` of one generateContent; the state is an operation, whose output has the
answers inline or names a file of them; what failed is not billed. Numbers of 64 bits come as strings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal
from sluiceway.wire import inlined, notice
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.batch import MAX_REQUESTS, combined
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.fields import count, items, label, mapping
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.gemini_model import model_and_method, path_for
from sluiceway.wire.gemini_stream import parse_generated
from sluiceway.wire.inlined import Place
from sluiceway.wire.parts import Path, Segment
from sluiceway.wire.tap import JsonTap

METHODS = {"batchGenerateContent": "batch"}
_ONE = Gemini()
_LINES = Place(("requests",), "request")
_NO_LINES: Mapping[str, Any] = {"requests": []}
_OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})


class _Both:
    """What the two dialects have in common: there is nothing to limit or to say in them."""

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """A batch fits as it is or not at all."""
        return reading

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        return _ONE.tap(call, status, content_type) if status >= 400 else JsonTap(_begun, generates=False)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return _ONE.refuse(refusal, request_id, codex)


class GeminiBatches(_Both):
    """The dialect in which a batch is begun. The model stands in the path."""

    name = "gemini_batches"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document, target), sound, document, target)

    def _call(self, document: Mapping[str, Any], target: Target) -> Call:
        model, _ = model_and_method(target.path, METHODS)
        source = _source(document)
        file_id = label(source.get("fileName") or source.get("file_name"))
        if file_id is None:
            return combined([one.call for one in _inline(document, model)], self.name)
        if source.get("requests") is not None:
            raise WireError("batch.inputConfig: has requests and a file of them, too")
        bare = Call(dialect=self.name, operation="batch", model=model)
        return replace(combined([bare], self.name), file_id=_bare(file_id))

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        if reading.call.file_id is not None:
            return ()
        document, model = reading.document, reading.call.model or ""
        return inlined.all_segments(document, _place(document), _inline(document, model), _ONE)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if not changes:
            return reading
        given = [] if reading.call.file_id else list(_inline(reading.document, reading.call.model or ""))
        place = _place(reading.document)
        document = inlined.changed(reading.document, place, given, _ONE, changes)
        if document is reading.document:
            return reading
        return reading.rewritten(self._call(document, reading.target), document)

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        if model == reading.call.model:
            return reading, reading.target.path
        path = path_for(reading.target.path, model, METHODS)
        target, document = replace(reading.target, path=path), reading.document
        if reading.call.file_id is not None:
            return replace(reading, call=replace(reading.call, model=model), target=target), path
        given = list(_inline(document, reading.call.model or ""))
        moved = [_ONE.with_model(one, model)[0] for one in given]
        call = combined([one.call for one in moved], self.name)
        if all(new.document is old.document for new, old in zip(moved, given, strict=True)):
            return replace(reading, call=call, target=target), path
        document = inlined.written(document, _place(document), moved)
        return replace(reading, target=target).rewritten(call, document), path


class GeminiFiles(_Both):
    """The dialect in which a file is sent whole: free, and of one of requests all that is known of its batch.
    Of other files nothing is read: their call has no choices."""

    name = "gemini_files"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        free = Call(dialect=self.name, operation="batch_file", model=None, choices=0)
        try:
            document = {"requests": list(_lines(body))}
            model, readings = _named(document), list(_requests(document))
            call = combined([one.call for one in readings], self.name)
        except WireError:
            return Reading(free, body, _NO_LINES, target)
        call = replace(call, operation="batch_file", background=False, model=model)
        return Reading(call, body, document, target)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        """All of them fixed: a file that is checked is not written anew."""
        given = _requests(reading.document)
        found = inlined.all_segments(reading.document, _LINES, given, _ONE)
        return tuple(segment._replace(fixed=True) for segment in found)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if changes:
            raise WireError("a file of requests cannot be written anew")
        return reading

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        raise WireError("a file is for no model")


def holds_requests(begun: bytes) -> bool:
    """Whether a file that begins so may be one of requests."""
    return begun.lstrip()[:1] == b"{" and b'"request"' in begun


def _source(document: Mapping[str, Any]) -> Mapping[str, Any]:
    batch = mapping(document.get("batch"))
    return mapping(batch.get(_spelled(batch)))


def _spelled(batch: Mapping[str, Any]) -> str:
    return "input_config" if "input_config" in batch else "inputConfig"


def _place(document: Mapping[str, Any]) -> Place:
    return Place(("batch", _spelled(mapping(document.get("batch"))), "requests", "requests"), "request")


def _inline(document: Mapping[str, Any], model: str) -> Iterator[Reading]:
    target = Target("POST", f"/v1beta/models/{model}:generateContent")
    return inlined.readings(
        document, _place(document), target, lambda asked: _ONE.call(asked, model, "generate_content", False)
    )


def _requests(document: Mapping[str, Any]) -> Iterator[Reading]:
    model = _named(document) or ""
    target = Target("POST", "/v1beta/models/x:generateContent")
    return inlined.readings(
        document, _LINES, target, lambda asked: _ONE.call(asked, model, "generate_content", False)
    )


def _named(document: Mapping[str, Any]) -> str | None:
    """The model that a file of requests names; most leave it to the batch."""
    lines = [mapping(mapping(line).get("request")) for line in items(document.get("requests"))]
    named = next((label(line.get("model")) for line in lines if line.get("model") is not None), None)
    return None if named is None else named.removeprefix("models/")


def _lines(text: bytes) -> Iterator[Mapping[str, Any]]:
    lines = [line for line in text.split(b"\n") if line.strip()]
    if not 0 < len(lines) <= MAX_REQUESTS:
        raise WireError(f"between 1 and {MAX_REQUESTS} lines are needed")
    for line in lines:
        yield read_object(line)[0]


def _begun(document: object) -> Answer:
    found = mapping(document)
    name = label(found.get("name")) or label(mapping(found.get("file")).get("name"))
    return Answer(response_id=None if name is None else _bare(name))


def _bare(name: str) -> str:
    return name.removeprefix("batches/").removeprefix("files/")


def outcome(document: object) -> tuple[Answer, ...] | str | None:
    """What a batch's requests came to, or the file in which that stands; None: it is not over, or does not
    say. Requests that failed are not billed."""
    operation = mapping(document)
    batch = mapping(operation.get("metadata"))
    state = str(batch.get("state")).rpartition("_STATE_")[2]
    if operation.get("done") is not True and state not in _OVER:
        return None
    output = mapping(operation.get("response")) or mapping(batch.get("output"))
    if (answers := output.get("inlinedResponses")) is not None:
        told = [mapping(each) for each in items(mapping(answers).get("inlinedResponses"))]
        if not all(each.get("response") or each.get("error") for each in told):
            return None
        return tuple(answer for each in told if (answer := result(each)) is not None)
    if (file := label(output.get("responsesFile"))) is not None:
        return _bare(file)
    stats = mapping(batch.get("batchStats"))  # a count of zero is left out
    return (
        ()
        if _number(stats.get("requestCount")) and not _number(stats.get("successfulRequestCount"))
        else None
    )


def result(document: object) -> Answer | None:
    """What one request came to; None for one that was not billed."""
    found = mapping(mapping(document).get("response"))
    return parse_generated(found) if found else None


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else count(value)
