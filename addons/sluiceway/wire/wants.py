"""What a request asks of a model beyond text: that it thinks, that it answers in JSON. In each API's words.

Only what is asked for on purpose counts: a model that thinks or not as it likes needs no rule. What is not
understood counts as not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluiceway.wire.fields import mapping

type Document = Mapping[str, Any]

_THOUGHTS = ("thinking", "reasoningConfig", "reasoning_config")
_OFF = frozenset({None, "", "none", "disabled", "off"})


def thinks(document: Document) -> bool:
    """`thinking: {type: enabled | adaptive}` (Anthropic, Cohere, DeepSeek, Z.AI), and what other vendors call
    it in the same bodies: Mistral's `prompt_mode`, Nova's `reasoningConfig`."""
    said = (mapping(document[name]).get("type") for name in _THOUGHTS if name in document)
    return any(map(_is_on, said)) or document.get("prompt_mode") == "reasoning"


def chat_thinks(document: Document) -> bool:
    """OpenAI's `reasoning_effort`, OpenRouter's `reasoning` and what `thinks` knows."""
    return _is_on(document.get("reasoning_effort")) or responses_thinks(document) or thinks(document)


def responses_thinks(document: Document) -> bool:
    """`reasoning: {effort: ...}`; OpenRouter also takes `max_tokens` or `enabled` there."""
    asked = mapping(document.get("reasoning"))
    return _is_on(asked.get("effort")) or bool(asked.get("max_tokens")) or asked.get("enabled") is True


def gemini_thinks(config: Document) -> bool:
    """`thinkingConfig` with a level, or a budget other than none."""
    asked = mapping(config.get("thinkingConfig") or config.get("thinking_config"))
    budget = asked.get("thinkingBudget", asked.get("thinking_budget"))
    return bool(budget) or _is_on(asked.get("thinkingLevel") or asked.get("thinking_level"))


def json_in(field: object) -> bool:
    """Whether a format object asks for JSON: `{type: json_object | json_schema}`."""
    kind = mapping(field).get("type")
    return isinstance(kind, str) and kind.startswith("json")


def anthropic_json(document: Document) -> bool:
    """`output_config.format`, or `output_format` as its beta called it."""
    return json_in(mapping(document.get("output_config")).get("format")) or json_in(
        document.get("output_format")
    )


def gemini_json(config: Document) -> bool:
    """A schema, or the media type of JSON."""
    kind = config.get("responseMimeType") or config.get("response_mime_type")
    schemas = ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema")
    return kind == "application/json" or any(config.get(name) for name in schemas)


def converse_json(document: Document) -> bool:
    """`outputConfig.textFormat` (Bedrock), or what the vendor's own fields say."""
    extra = mapping(document.get("additionalModelRequestFields"))
    return json_in(mapping(document.get("outputConfig")).get("textFormat")) or anthropic_json(extra)


def _is_on(word: object) -> bool:
    return isinstance(word, str) and word not in _OFF
