"""The Messages API on Vertex AI as a translator: the model stands in the path, the version in the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sluiceway.errors import WireError
from sluiceway.wire.cousins import VERTEX, VERTEX_VERSION
from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.anthropic import AnthropicTranslator
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.neutral import Request
from sluiceway.wire.translation.translator import Aim, Rendered

_PATH = "/publishers/anthropic/models/"  # behind the company's own project and location


class VertexTranslator(AnthropicTranslator):
    """All but where the model and the version stand is the same."""

    name = VERTEX

    def parse_request(self, document: Mapping[str, Any], target: Target, losses: Losses) -> Request:
        model = target.path.rpartition("/models/")[2].partition(":")[0]
        if not model:
            raise WireError("the path names no model")
        body = {name: value for name, value in document.items() if name != "anthropic_version"}
        return super().parse_request({**body, "model": model}, target, losses)

    def render_request(self, request: Request, aim: Aim, losses: Losses) -> Rendered:
        written = super().render_request(request, aim, losses)
        body = {name: value for name, value in written.document.items() if name != "model"}
        verb = ":streamRawPredict" if aim.stream else ":rawPredict"
        path = f"{_PATH}{quote(aim.model, safe='@')}{verb}"
        if aim.counts_only:  # the model then stands in the body after all (Vertex AI docs, "Count tokens")
            path, body = f"{_PATH}count-tokens:rawPredict", {**body, "model": aim.model}
        document = {**body, "anthropic_version": VERTEX_VERSION}
        return replace(written, document=document, path=path, headers=())
