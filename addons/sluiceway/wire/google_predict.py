"""Google's older way to ask a model, `:predict` with instances: embeddings on Vertex AI, and Imagen.

Embeddings tell their tokens with each prediction, Imagen bills the images it returns. (Vertex AI reference,
"Text embeddings API" and "Generate images"; Gemini API reference, models.predict)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluiceway.types import Answer, Call, ErrorAnswer, Refusal, Usage, UsageSource
from sluiceway.wire import notice
from sluiceway.wire.answer_parts import NOTHING, AnswerParts
from sluiceway.wire.body import read_object
from sluiceway.wire.dialect import Reading, Tap, Target
from sluiceway.wire.extent import Extent
from sluiceway.wire.fields import count, items, mapping, maybe_object, need_list, total, whole
from sluiceway.wire.gemini import Gemini
from sluiceway.wire.gemini_model import PREDICT, model_and_method, path_for
from sluiceway.wire.parts import USER, Path, Segment
from sluiceway.wire.rewrite import replaced
from sluiceway.wire.skim import SkimTap
from sluiceway.wire.walk import Parts, segments

_PARTS: Parts = {"instances": USER, "parameters": USER}
_GEMINI = Gemini()
MOST_IMAGES = 4  # what is drawn where the request does not say
_DRAWS = ("imagen", "imagegeneration")


class GooglePredict:
    """The dialect of `models/{model}:predict`. An image counts as one of the units `images`."""

    name = "google_predict"

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        model, _ = model_and_method(target.path, PREDICT)
        document, sound = read_object(body)
        return Reading(self._call(document, model), sound, document, target)

    def _call(self, document: Mapping[str, Any], model: str) -> Call:
        extent = Extent()
        extent.add(need_list(document, "instances"))
        draws = model.startswith(_DRAWS)
        wanted = whole(maybe_object(document, "parameters"), "sampleCount", "parameters.") or MOST_IMAGES
        return Call(
            dialect=self.name,
            operation="images" if draws else "embeddings",
            model=model,
            max_output_tokens=0,
            input_bytes=extent.input_bytes,
            dense_bytes=extent.dense_bytes,
            units={"images": wanted * len(items(document.get("instances")))} if draws else {},
            fixed_output=draws,
        )

    def limit_output(self, reading: Reading, max_output_tokens: int) -> Reading:
        """Nothing in the request limits it."""
        return reading

    def segments(self, reading: Reading) -> tuple[Segment, ...]:
        return segments(reading.document, _PARTS)

    def replaced(self, reading: Reading, changes: Mapping[Path, str]) -> Reading:
        model = reading.call.model or ""
        return replaced(reading, _PARTS, changes, lambda document: self._call(document, model))

    def with_model(self, reading: Reading, model: str) -> tuple[Reading, str]:
        path = path_for(reading.target.path, model, PREDICT)
        call = self._call(reading.document, model)
        return replace(reading, call=call, target=replace(reading.target, path=path)), path

    def answer_parts(self, document: object) -> AnswerParts:
        return NOTHING

    def notice(self, reading: Reading, text: str, request_id: str) -> ErrorAnswer:
        return self.refuse(notice.refusal(text), request_id)

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        if status >= 400:
            return _GEMINI.tap(call, status, content_type)
        return SkimTap(_parse_images if call.units else _parse_embeddings)

    def refuse(self, refusal: Refusal, request_id: str, codex: bool = False) -> ErrorAnswer:
        return _GEMINI.refuse(refusal, request_id, codex)


def _parse_images(document: object) -> Answer:
    """What was filtered out is not billed, and comes without an image."""
    answer = mapping(document)
    predictions = [mapping(one) for one in items(answer.get("predictions"))]
    drawn = sum("bytesBase64Encoded" in one or "gcsUri" in one for one in predictions)
    usage = Usage(tool_units={"images": drawn} if drawn else {}, source=UsageSource.REPORTED)
    if not drawn:
        usage = replace(usage, input_tokens=0, output_tokens=0)
    return Answer(usage=usage, complete=bool(answer))


def _parse_embeddings(document: object) -> Answer:
    """Multimodal embeddings tell no tokens, which leaves them unknown."""
    answer = mapping(document)
    found = [mapping(mapping(one).get("embeddings")) for one in items(answer.get("predictions"))]
    counts = [count(mapping(one.get("statistics")).get("token_count")) for one in found]
    usage = Usage(input_tokens=total(*counts), output_tokens=0, source=UsageSource.REPORTED)
    return Answer(usage=usage if counts and None not in counts else Usage(), complete="predictions" in answer)
