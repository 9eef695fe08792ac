"""OpenAI's batches: the file of requests at /v1/files, and /v1/batches that runs it.

Facts from OpenAI's API reference (Files: create; Batch: create, the batch object, the request input object):
a file holds JSON lines of `custom_id`, `method`, `url` and `body`, all for one model; a batch that is over
has the `usage` of all its requests (since September 2025).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sluiceway.errors import WireError
from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, UsageSource
from sluiceway.wire import multipart, notice, openai_error
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.batch import MAX_REQUESTS, TIER, combined
from sluiceway.wire.body import read_object, write
from sluiceway.wire.dialect import Dialect, Reading, Tap, Target
from sluiceway.wire.fields import count, label, mapping, need_model
from sluiceway.wire.multipart import Part
from sluiceway.wire.openai_chat import OpenAIChat
from sluiceway.wire.openai_embeddings import OpenAIEmbeddings
from sluiceway.wire.openai_responses import OpenAIResponses
from sluiceway.wire.openai_responses_stream import usage_of
from sluiceway.wire.parts import IDENTIFIER, Path, Segment
from sluiceway.wire.rewrite import replaced
from sluiceway.wire.tap import JsonTap
from sluiceway.wire.walk import Parts, segments

_OVER = frozenset({"completed", "failed", "expired", "cancelled"})
PURPOSE = "batch"
NO_LINES: Mapping[str, Any] = {"requests": [], "form": {}}
_PARTS: Parts = {"input_file_id": IDENTIFIER}
_AT: Mapping[str, Dialect] = {
    "/v1/chat/completions": OpenAIChat(),
    "/v1/responses": OpenAIResponses(),
    "/v1/embeddings": OpenAIEmbeddings(),
}


class _Both:
    """What the two dialects have in common: there is nothing to limit or to say in them."""

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """A batch fits as it is or not at all."""
        return reading

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        need_model({"model": model})
        raise WireError(f"the model stands in the file of requests; name {model} there")

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        return JsonTap(openai_error.parse_error if status >= 400 else _begun, generates=False)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return openai_error.refuse(refusal, request_id, codex)


class OpenAIFiles(_Both):
    """The dialect in which files are sent: free, and of one of requests all that is known of its batch. Of
    other files nothing is read: their call has no choices."""

    name = "openai_files"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        form = _form(headers.get("content-type", ""), body)
        purpose = form.get("purpose")
        if purpose is None or multipart.text(body, purpose) != PURPOSE:
            other = Call(dialect=self.name, operation="batch_file", model=None, choices=0)
            return Reading(other, body, NO_LINES, target)
        file = form.get("file")
        if file is None:
            raise WireError("file: is required")
        rest = {name: multipart.text(body, part) for name, part in form.items() if part is not file}
        names = {"file_name": file.file_name or ""}
        document = {"requests": list(_lines(body[file.start : file.end])), "form": rest | names}
        call = combined([reading.call for reading in _readings(document)], self.name)
        return Reading(replace(call, operation="batch_file", background=False), body, document, target)

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        """All of them fixed: a file that is checked is not written anew."""
        lines = [{**line, "body": None} for line in reading.document["requests"]]
        around = segments({**reading.document, "requests": lines}, {})
        within = (
            segment._replace(path=("requests", index, "body", *segment.path))
            for index, one in enumerate(_readings(reading.document))
            for segment in _AT[one.target.path].segments(one)
        )
        return tuple(segment._replace(fixed=True) for segment in (*around, *within))

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        if changes:
            raise WireError("a file of requests cannot be written anew")
        return reading


class OpenAIBatches(_Both):
    """The dialect in which a batch is begun. Its requests stand in a file, so `Call.file_id` says which."""

    name = "openai_batches"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        document, sound = read_object(body)
        return Reading(self._call(document), sound, document, target)

    def _call(self, document: Mapping[str, Any]) -> Call:
        file_id = label(document.get("input_file_id"))
        if file_id is None:
            raise WireError("input_file_id: the id of a file is required")
        return Call(
            dialect=self.name,
            operation="batch",
            model=None,
            service_tier=TIER,
            background=True,
            file_id=file_id,
        )

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        return replaced(reading, _PARTS, changes, self._call)


def _form(content_type: str, body: bytes) -> Mapping[str, Part]:
    parts = multipart.read(body, content_type)
    form = {part.name: part for part in parts}
    if len(form) < len(parts):
        raise WireError("a field of the form is given twice")
    return form


def _lines(text: bytes) -> Iterator[Mapping[str, Any]]:
    lines = [line for line in text.split(b"\n") if line.strip()]
    if not 0 < len(lines) <= MAX_REQUESTS:
        raise WireError(f"file: between 1 and {MAX_REQUESTS} lines are needed, each a request")
    for number, line in enumerate(lines, start=1):
        try:
            document, _ = read_object(line)
        except WireError as error:
            raise WireError(f"file, line {number}: {error}") from None
        yield document


def _readings(document: Mapping[str, Any]) -> Iterator[Reading]:
    for number, line in enumerate(document["requests"], start=1):
        dialect = _AT.get(str(line.get("url")))
        if dialect is None:
            known = ", ".join(_AT)
            raise WireError(f"file, line {number}: url: only {known} can be metered in batches")
        try:
            one = write(mapping(line.get("body")))
            yield dialect.read(Target("POST", str(line["url"])), {}, one, add_usage=False)
        except WireError as error:
            raise WireError(f"file, line {number}: body.{error}") from None


def _begun(document: object) -> Answer:
    return Answer(response_id=label(mapping(document).get("id")))


def outcome(document: object) -> tuple[Answer, int] | None:
    """The sum of what a batch's requests used, and how many were answered; None: it is not over, or does not
    say. Requests that failed are not billed."""
    batch = mapping(document)
    if batch.get("status") not in _OVER:
        return None
    answered = count(mapping(batch.get("request_counts")).get("completed")) or 0
    usage = usage_of(batch)
    told = usage.source is UsageSource.REPORTED and bool(usage.input_tokens or usage.output_tokens)
    if answered and not told:
        return None
    return Answer(usage=usage, model=label(batch.get("model")), complete=True), answered if told else 0
