"""Azure's deployments: the model is named in the path, and the API's age in the query.

`/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21` (Azure OpenAI REST reference). What
the body says of a model is ignored there, and may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from sluiceway.errors import WireError
from sluiceway.wire.dialect import Target
from sluiceway.wire.fields import need_model

_DEPLOYMENT = re.compile(r"(?P<before>/openai/deployments/)(?P<name>[^/]+)(?=/)")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# The first version that knows `stream_options`; an older one answers 400 to it. (Azure OpenAI, "API version
# lifecycle": added in 2024-09-01-preview.)
_USAGE_SINCE = "2024-09-01"


def model_of(document: Mapping[str, Any], target: Target) -> str:
    """The model a request is for: its deployment where the path names one, else as its body says."""
    found = _DEPLOYMENT.search(target.path)
    return need_model(document if found is None else {"model": found["name"]})


def tells_usage(target: Target) -> bool:
    """Whether this version of the API can be asked for a stream's usage. Below /models it is told unasked,
    and unknown fields are refused. (Azure AI model inference REST reference, Get Chat Completions)"""
    if target.path.startswith("/models/"):
        return False
    versions = parse_qs(target.query).get("api-version") if "api-version" in target.query else None
    return versions is None or versions[-1] == "preview" or versions[-1] >= _USAGE_SINCE


def at(target: Target, model: str) -> Target:
    """The target for another deployment; the same where the path names none. Raises WireError."""
    if not _DEPLOYMENT.search(target.path):
        return target
    if not _NAME.fullmatch(model):
        raise WireError(
            "model: a deployment's name is at most 64 letters, digits, dots, hyphens, underscores"
        )
    return replace(target, path=_DEPLOYMENT.sub(rf"\g<before>{model}", target.path))
