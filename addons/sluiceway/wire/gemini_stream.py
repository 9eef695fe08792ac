"""What a Gemini answer says about itself, as one document or in pieces, and how to end such a stream.

Every piece of a stream carries `usageMetadata`, cumulative: the last counts. Fields with the value zero are
left out (proto3 JSON). Output is candidates and thoughts, input is prompt (cached content included) and what
tools put into it (Gemini API reference, UsageMetadata).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import Answer, Call, Refusal, RefusalKind, Usage, UsageSource
from sluiceway.wire.arrays import ArraySplitter
from sluiceway.wire.extent import IMAGE_BYTES, text_bytes
from sluiceway.wire.fields import count, items, label, last_object, load, mapping, newer, total, word
from sluiceway.wire.refusal import STATUS
from sluiceway.wire.sse import data_of, render

_TEXT = re.compile(rb'"(?:text|code|output)":[ ]?"([^"\\]*+(?:\\.[^"\\]*+)*+)')
_FINISH = re.compile(rb'"(?:finishReason|blockReason)":[ ]?"')
_RARE = (b'"groundingMetadata"', b'"error"')
NOTHING_USED = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)
_TIERS = frozenset({"standard", "flex", "priority"})
_BILLED_BY_ANSWER = re.compile(r"(?:models/)?gemini-[12]\b")
_ENVELOPE_BYTES = 400  # of a piece around a function call: usage, model version, response id

_GRPC: dict[RefusalKind, str] = {
    RefusalKind.IDENTITY: "UNAUTHENTICATED",
    RefusalKind.BUDGET: "PERMISSION_DENIED",
    RefusalKind.BUSY: "RESOURCE_EXHAUSTED",
    RefusalKind.RATE: "RESOURCE_EXHAUSTED",
    RefusalKind.POLICY: "PERMISSION_DENIED",
    RefusalKind.UNREACHABLE: "UNAVAILABLE",
    RefusalKind.TIMEOUT: "DEADLINE_EXCEEDED",
    RefusalKind.INTERNAL: "UNAVAILABLE",
}


def error_object(refusal: Refusal, status: int, request_id: str) -> dict[str, object]:
    """Google's error (google.rpc.Status as JSON)."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": refusal.code.upper(),
        "domain": "sluiceway",
        "metadata": {"request_id": request_id},
    }
    grpc = _GRPC.get(refusal.kind, "INVALID_ARGUMENT")
    return {"code": status, "message": refusal.message, "status": grpc, "details": [info]}


def parse_generated(document: object) -> Answer:
    """The answer to a request that was not streamed."""
    whole = mapping(document)
    error = mapping(whole.get("error"))
    if error and not whole.get("usageMetadata"):  # with status 200
        return Answer(NOTHING_USED, complete=True, error_type=word(error.get("status")) or "error")
    candidates = [mapping(candidate) for candidate in items(whole.get("candidates"))]
    return Answer(
        usage=usage_of(mapping(whole.get("usageMetadata")), True, _searches(whole)),
        model=label(whole.get("modelVersion")),
        response_id=label(whole.get("responseId")),
        service_tier=_tier(whole),
        complete=bool(whole),
        output_bytes=sum(
            text_bytes(mapping(candidate.get("content")).get("parts")) for candidate in candidates
        ),
    )


def usage_of(metadata: Mapping[str, Any], final: bool, searches: int = 0) -> Usage:
    """Gemini's counts in our sense. An absent output count is zero once the answer has ended, and unknown
    before."""
    prompt = count(metadata.get("promptTokenCount"))
    thoughts = count(metadata.get("thoughtsTokenCount"))
    output = total(count(metadata.get("candidatesTokenCount")), thoughts)
    everything, by_tools = (
        count(metadata.get("totalTokenCount")),
        count(metadata.get("toolUsePromptTokenCount")),
    )
    if everything is not None and prompt is not None:  # thoughts that are not told apart
        unexplained = everything - prompt - (by_tools or 0)
        output = max(output or 0, unexplained) if output is not None or unexplained > 0 else None
    if prompt is None and output is None and everything is None:
        return Usage()
    drawn = told_of_kind(metadata.get("candidatesTokensDetails"), "IMAGE")
    known = prompt is not None or everything is not None
    if output is None and final and known:
        output = 0
    return Usage(
        input_tokens=total(prompt, by_tools),
        output_tokens=output,
        cache_read_tokens=count(metadata.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
        audio_input_tokens=_of_kind(metadata.get("promptTokensDetails"), "AUDIO"),
        audio_output_tokens=_of_kind(metadata.get("candidatesTokensDetails"), "AUDIO"),
        audio_cache_read_tokens=told_of_kind(metadata.get("cacheTokensDetails"), "AUDIO"),
        image_tokens=drawn,
        image_input_tokens=None
        if drawn is None
        else told_of_kind(metadata.get("promptTokensDetails"), "IMAGE"),
        tool_units={"web_search": searches} if searches else {},
        source=UsageSource.REPORTED if final and prompt is not None else UsageSource.PARTIAL,
    )


def _of_kind(details: object, kind: str) -> int | None:
    parts = [mapping(part) for part in items(details)]
    return total(*(count(part.get("tokenCount")) for part in parts if part.get("modality") == kind))


def told_of_kind(details: object, kind: str) -> int | None:
    """As `_of_kind`, but where other kinds are told, one that is left out is zero."""
    return (_of_kind(details, kind) or 0) if items(details) else None


def _tier(document: Mapping[str, Any]) -> str | None:
    """Vertex AI says it as a kind of traffic: ON_DEMAND is the standard, and what was bought in advance
    (PROVISIONED_THROUGHPUT) has no price by the token (Vertex AI reference, UsageMetadata.TrafficType)."""
    usage = mapping(document.get("usageMetadata"))
    traffic = label(usage.get("trafficType"), 64)
    if traffic is None or traffic in ("ON_DEMAND", "TRAFFIC_TYPE_UNSPECIFIED"):
        return tier_word(usage.get("serviceTier"))
    return traffic.removeprefix("ON_DEMAND_").lower()


def _searches(document: Mapping[str, Any]) -> int:
    """The searches Google made for the answer, from the grounding of its candidates. Up to Gemini 2.5 an
    answer is billed once, however often it searched (Gemini API, Pricing, Grounding with Google Search)."""
    grounds = [mapping(mapping(one).get("groundingMetadata")) for one in items(document.get("candidates"))]
    made = sum(len([query for query in items(g.get("webSearchQueries")) if query]) for g in grounds)
    return searches_billed(document.get("modelVersion"), made)


def searches_billed(model: object, made: int) -> int:
    return min(made, 1) if _BILLED_BY_ANSWER.match(str(model)) else made


class GeminiMeter:
    """Meters a stream of pieces. `output_bytes` are the JSON-escaped bytes of text and code; a function
    call counts its piece without the 400 bytes around it, an image 4,500."""

    def __init__(self, call: Call, array: ArraySplitter | None = None) -> None:
        self._call = call
        self._array = array
        self._last = b""
        self._with_input = b""  # the last piece that told it, and so on
        self._with_output = b""
        self._finished = False
        self._output_bytes = 0
        self._searches = 0
        self._error_type: str | None = None

    @property
    def ended(self) -> bool:
        """Gemini has no last event of its own; after an error nothing follows."""
        return self._error_type is not None

    def event(self, event: bytes) -> None:
        for text in _TEXT.finditer(event):
            self._output_bytes += text.end(1) - text.start(1)
        if b'"functionCall"' in event:
            self._output_bytes += max(1, len(event.strip()) - _ENVELOPE_BYTES)
        self._output_bytes += IMAGE_BYTES * event.count(b'"inlineData"')
        if b'"usageMetadata"' in event:
            self._last = event
            if b'"promptTokenCount"' in event:
                self._with_input = event
            if b'"candidatesTokenCount"' in event:
                self._with_output = event
        if _FINISH.search(event):
            self._finished = True
        if any(name in event for name in _RARE):
            self._rare(self._document(event))

    def _rare(self, document: Mapping[str, Any]) -> None:
        self._searches = max(self._searches, _searches(document))
        error = mapping(document.get("error"))
        if error:
            self._error_type = word(error.get("status")) or "error"

    def _document(self, event: bytes) -> Mapping[str, Any]:
        return mapping(load(event if self._array is not None else data_of(event)))

    def _metadata(self, last: Mapping[str, Any]) -> Mapping[str, Any]:
        """The last value of each field: the last piece of some streams leaves out what did not change."""
        told: Mapping[str, Any] = {}
        for piece in (self._with_input, self._with_output):
            if piece is not self._last:
                told = newer(told, mapping(self._piece_of(piece).get("usageMetadata")))
        return newer(told, mapping(last.get("usageMetadata")))

    def _piece_of(self, event: bytes) -> Mapping[str, Any]:
        return self._document(event) or {"usageMetadata": last_object(event, "usageMetadata")}

    def answer(self) -> Answer:
        last = self._piece_of(self._last)
        return Answer(
            usage=usage_of(self._metadata(last), self._finished, self._searches),
            model=label(last.get("modelVersion")),
            response_id=label(last.get("responseId")),
            service_tier=_tier(last),
            complete=self._finished and self._error_type is None,
            output_bytes=self._output_bytes,
            error_type=self._error_type,
        )

    def cut(self, message: str) -> bytes:
        """A last piece with the message for each candidate, and the last usage that was seen."""
        if self._finished:
            return b"]" if self._array is not None else b""
        text = f"\n\n{message}" if self._output_bytes else message
        last = self._document(self._last)
        piece: dict[str, object] = {
            "candidates": [_candidate(index, text) for index in range(self._call.choices)],
            "usageMetadata": mapping(last.get("usageMetadata")),
            "modelVersion": last.get("modelVersion") or self._call.model,
        }
        if last.get("responseId"):
            piece["responseId"] = last["responseId"]
        return self._piece(piece)

    def fail(self, refusal: Refusal, request_id: str) -> bytes:
        return self._piece({"error": error_object(refusal, STATUS[refusal.kind], request_id)})

    def _piece(self, document: dict[str, object]) -> bytes:
        event = render(document, line_end=b"\r\n")
        if self._array is None:
            return event
        return self._array.separator + data_of(event) + b"]"


def tier_word(value: object) -> str | None:
    """A service tier by its word, as which or as a name of the enumeration it may be written."""
    tier = label(value, 64)
    return None if tier is None else tier.lower().removeprefix("service_tier_")


def tiered(answer: Answer, told: str) -> Answer:
    """The service tier by `x-gemini-service-tier`: where priority was asked for and there was no room, the
    standard one answered and is billed (Gemini API, "Priority inference")."""
    tier = told.lower()
    return replace(answer, service_tier=tier) if tier in _TIERS else answer


def _candidate(index: int, text: str) -> dict[str, object]:
    content = {"parts": [{"text": text}], "role": "model"}
    return {"content": content, "finishReason": "MAX_TOKENS", "index": index}
