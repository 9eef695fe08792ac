"""What Google's and AWS's SDKs know of a request: google-genai's types, botocore's model of the service."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import botocore.session
import orjson
from botocore.validate import ParamValidator
from google.genai import types
from pydantic import BaseModel
from pydantic.alias_generators import to_camel


class Judge(Protocol):
    """Who says whether a request is one."""

    def validate_python(self, given: Any, /) -> Any:
        """The request; raises ValueError where it is none, or has a field that nobody knows."""
        ...


class _Generate(BaseModel, extra="forbid", alias_generator=to_camel):
    contents: list[types.Content]
    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None
    tool_config: types.ToolConfig | None = None
    generation_config: types.GenerationConfig | None = None


class _Gemini:
    def validate_python(self, given: Any, /) -> Any:
        _Generate.model_validate_json(orjson.dumps(given))
        return given


class _Converse:
    @cached_property
    def _shape(self) -> Any:
        model = botocore.session.get_session().get_service_model("bedrock-runtime")
        return model.operation_model("Converse").input_shape

    def validate_python(self, given: Any, /) -> Any:
        report = ParamValidator().validate({"modelId": "m", **given}, self._shape)
        if report.has_errors():
            raise ValueError(report.generate_report())
        return given


GEMINI: Judge = _Gemini()
CONVERSE: Judge = _Converse()
