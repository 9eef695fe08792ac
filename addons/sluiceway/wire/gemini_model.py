"""Which model a Gemini request is for: named in the path, and once more in some bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from sluiceway.errors import WireError
from sluiceway.wire.fields import items, mapping, maybe_list, need_model

_PATH = re.compile(
    r"/(?P<kind>models|tunedModels|endpoints)/(?P<model>[A-Za-z0-9._@-]{1,200}):(?P<method>[A-Za-z]+)/?"
)
OPERATIONS = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
"""The methods of a model that we read, and the operation each is."""
PREDICT = {"predict": "predict"}
"""Of the older models, whose requests are instances (google_predict)."""

TUNED, ENDPOINT = "tunedModels/", "endpoints/"


def model_and_method(path: str, methods: Mapping[str, str] = OPERATIONS) -> tuple[str, str]:
    """The model as Google names it (`tunedModels/x`, and Vertex AI's `endpoints/123` of a tuned or deployed
    model, keep their kind) and the method after the colon."""
    found = _PATH.search(unquote(path))
    if found is None or found.end() != len(unquote(path)):
        raise WireError("path: must end in models/{model}:{method}")
    if found["method"] not in methods:
        raise WireError("path: this method of a model is not known")
    kind = "" if found["kind"] == "models" else f"{found['kind']}/"
    return f"{kind}{found['model']}", found["method"]


def same_model(document: Mapping[str, Any], model: str) -> None:
    """A batch names its model once more in each request; another one would be billed as another."""
    named = [("model", document.get("model"))]
    for index, request in enumerate(maybe_list(document, "requests")):
        named.append((f"requests.{index}.model", mapping(request).get("model")))
    for where, name in named:
        if name is not None and name not in (model, f"models/{model}") and not _is_at(name, model):
            raise WireError(f"{where}: differs from the model in the path")


def _is_at(name: object, model: str) -> bool:
    """Whether it is the model by its whole name at Vertex AI, as google-genai writes it into a body."""
    return isinstance(name, str) and name.endswith(f"/{model}" if "/" in model else f"/models/{model}")


def path_for(path: str, model: str, methods: Mapping[str, str] = OPERATIONS) -> str:
    """The path with another model's name in it, percent-encoded."""
    need_model({"model": model})
    above, _, last = path.rstrip("/").rpartition("/")
    prefix, _, kind = above.rpartition("/")
    method = unquote(last).rpartition(":")[2]
    if kind not in ("models", "tunedModels") or method not in methods or model.startswith(ENDPOINT):
        raise WireError("path: cannot be written for another model")
    kind = "tunedModels" if model.startswith(TUNED) else "models"
    return f"{prefix}/{kind}/{quote(model.removeprefix(TUNED), safe='')}:{method}"


def naming(document: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """The document with another model wherever it names one: itself, in each request of a batch, in what is
    to be counted. The same object if it names none."""
    named: dict[str, Any] = {}
    if document.get("model") is not None:
        named["model"] = model if model.startswith(TUNED) else f"models/{model}"
    requests = items(document.get("requests"))
    if any(mapping(request).get("model") is not None for request in requests):
        named["requests"] = [naming(one, model) if isinstance(one, dict) else one for one in requests]
    counted = mapping(document.get("generateContentRequest"))
    if counted.get("model") is not None:
        named["generateContentRequest"] = naming(counted, model)
    return {**document, **named} if named else document
