"""Which model a Bedrock request is for and what it asks of it: both stand in the path.

In `/model/{id}/converse` the id is a model's, an inference profile's (`eu.anthropic...`, `global...`) or an
ARN, percent-encoded as the client likes: boto3 writes %3A for the colon, the Anthropic SDK does not (AWS,
Bedrock API reference, Converse).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from sluiceway.errors import WireError
from sluiceway.wire.fields import need_model

_PATH = re.compile(r"(?P<before>.*/model/)(?P<model>[^/]+)/(?P<method>[a-z-]+)")
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MODEL = re.compile(rf"{_NAME}(?:(?:/|::?){_NAME})*")
MAX_ARN = 2048  # of a modelId in the API's own model
STREAMS = frozenset({"converse-stream", "invoke-with-response-stream"})


def model_and_method(path: str) -> tuple[str, str]:
    """The model as it is called, decoded, and the last part of the path. Raises WireError."""
    found = _PATH.fullmatch(path)
    model = unquote(found["model"]) if found else ""
    if found is None or len(model) > MAX_ARN or not _MODEL.fullmatch(model):
        raise WireError("path: must be /model/{modelId}/ and an operation")
    return model, found["method"]


def path_for(path: str, model: str) -> str:
    """The path with another model's id in it, encoded as boto3 does."""
    found = _PATH.fullmatch(path)
    need_model({"model": model})
    if found is None or not _MODEL.fullmatch(model):
        raise WireError("path: cannot be written for another model")
    return f"{found['before']}{quote(model, safe='')}/{found['method']}"
