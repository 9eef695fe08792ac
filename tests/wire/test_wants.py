"""What a request needs of a model is read in every API's own words: pictures, thinking, JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.wire.smallest import GOOD, PATHS
from tests.wire.test_requests import PNG

from sluiceway.wire import Target, by_name

CONFIG = "generationConfig"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
NOVA = {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "schemaVersion": "messages-v1"}


def call(name: str, **fields: Any) -> Any:
    body = json.dumps({**GOOD[name], **fields}).encode()
    return by_name(name).read(Target("POST", PATHS[name]), {}, body).call


def said(*content: Any, key: str = "content") -> dict[str, Any]:
    return {"messages": [{"role": "user", key: list(content)}]}


def parts(*content: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(content)}]}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}}
PLAIN = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}}
BY_URL = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
SOUND = {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}}
LINK = {"type": "text", "text": "see https://example.com/a.png and data:image/png;base64,AAAA"}


@pytest.mark.parametrize(
    ("name", "fields", "has"),
    [
        ("anthropic_messages", said(IMAGE), True),
        ("anthropic_messages", said(RESULT), True),
        ("anthropic_messages", said(PDF), True),
        ("anthropic_messages", said({"type": "image", "source": {"type": "file", "file_id": "f"}}), True),
        ("anthropic_messages", said(PLAIN), False),
        ("anthropic_messages", said(LINK), False),
        ("anthropic_vertex", said(IMAGE), True),
        ("bedrock_invoke", said(IMAGE), True),
        ("openai_chat", said(BY_URL), True),
        ("openai_chat", said({"type": "image_url", "image_url": "https://example.com/a.png"}), True),
        (
            "openai_chat",
            said({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}"}}),
            True,
        ),
        ("openai_chat", said(SOUND), False),
        ("openai_chat", said(LINK), False),
        (
            "openai_responses",
            {"input": [{"content": [{"type": "input_image", "image_url": "https://a/b"}]}]},
            True,
        ),
        ("openai_responses", {"input": [{"content": [{"type": "input_file", "file_id": "f"}]}]}, True),
        ("openai_responses", {"input": "see data:image/png;base64,AAAA"}, False),
        ("gemini", parts({"inlineData": {"mimeType": "image/png", "data": PNG}}), True),
        ("gemini", parts({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://a/b"}}), True),
        ("gemini", parts({"fileData": {"mimeType": "audio/mp3", "fileUri": "gs://a/b"}}), False),
        ("gemini", parts({"text": "hi"}), False),
        (
            "gemini_cloudcode",
            {"request": parts({"inlineData": {"mimeType": "image/png", "data": PNG}})},
            True,
        ),
        ("bedrock_converse", said({"image": {"format": "png", "source": {"bytes": PNG}}}), True),
        ("bedrock_converse", said({"document": {"format": "pdf", "source": {"bytes": PNG}}}), True),
        ("bedrock_converse", said({"audio": {"format": "mp3", "source": {"bytes": PNG}}}), False),
        ("bedrock_converse", said({"text": "hi"}), False),
        ("cohere_chat", said(BY_URL), True),
        ("cohere_chat", said({"type": "text", "text": "hi"}), False),
    ],
    ids=str,
)
def test_pictures_and_documents_that_may_hold_some_need_a_model_that_sees(name, fields, has):
    assert call(name, **fields).has_images is has


@pytest.mark.parametrize(
    ("name", "fields", "has"),
    [
        ("anthropic_messages", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
        ("anthropic_messages", {"thinking": {"type": "adaptive"}}, True),
        ("anthropic_messages", {"thinking": {"type": "disabled"}}, False),
        ("anthropic_messages", {"thinking": "enabled"}, False),
        ("anthropic_messages", {}, False),
        ("anthropic_vertex", {"thinking": {"type": "adaptive"}}, True),
        ("bedrock_invoke", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
        ("openai_chat", {"reasoning_effort": "low"}, True),
        ("openai_chat", {"reasoning_effort": "none"}, False),
        ("openai_chat", {"reasoning": {"max_tokens": 2000}}, True),
        ("openai_chat", {"reasoning": {"enabled": False}}, False),
        ("openai_chat", {"thinking": {"type": "enabled"}}, True),
        ("openai_chat", {"prompt_mode": "reasoning"}, True),
        ("openai_responses", {"reasoning": {"effort": "high"}}, True),
        ("openai_responses", {"reasoning": {"effort": None, "summary": "auto"}}, False),
        ("gemini", {CONFIG: {"thinkingConfig": {"thinkingBudget": -1}}}, True),
        ("gemini", {CONFIG: {"thinking_config": {"thinking_level": "low"}}}, True),
        ("gemini", {CONFIG: {"thinkingConfig": {"thinkingBudget": 0}}}, False),
        ("bedrock_converse", {"additionalModelRequestFields": {"thinking": {"type": "enabled"}}}, True),
        (
            "bedrock_converse",
            {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled"}}},
            True,
        ),
        ("bedrock_converse", {"additionalModelRequestFields": {"top_k": 5}}, False),
        ("cohere_chat", {"thinking": {"type": "enabled"}}, True),
        ("cohere_chat", {"thinking": {"type": "disabled"}}, False),
    ],
    ids=str,
)
def test_thinking_is_needed_where_it_is_asked_for(name, fields, has):
    assert call(name, **fields).has_thinking is has


@pytest.mark.parametrize(
    ("name", "fields", "has"),
    [
        ("anthropic_messages", {"output_config": {"format": {"type": "json_schema", "schema": {}}}}, True),
        ("anthropic_messages", {"output_format": {"type": "json_schema", "schema": {}}}, True),
        ("anthropic_messages", {"output_config": {"effort": "low"}}, False),
        ("openai_chat", {"response_format": SCHEMA}, True),
        ("openai_chat", {"response_format": {"type": "json_object"}}, True),
        ("openai_chat", {"response_format": {"type": "text"}}, False),
        ("openai_responses", {"text": {"format": SCHEMA}}, True),
        ("openai_responses", {"text": {"verbosity": "low"}}, False),
        ("gemini", {CONFIG: {"responseMimeType": "application/json"}}, True),
        ("gemini", {CONFIG: {"response_json_schema": {"type": "object"}}}, True),
        ("gemini", {CONFIG: {"responseMimeType": "text/plain"}}, False),
        ("bedrock_converse", {"outputConfig": {"textFormat": {"type": "json_schema"}}}, True),
        ("bedrock_converse", {"outputConfig": {}}, False),
        ("cohere_chat", {"response_format": {"type": "json_object"}}, True),
        ("cohere_chat", {}, False),
    ],
    ids=str,
)
def test_json_alone_is_needed_where_it_is_asked_for(name, fields, has):
    assert call(name, **fields).wants_json is has


def test_a_vendors_body_at_bedrock_is_read_for_it_too():
    path = PATHS["bedrock_invoke"].replace(
        "anthropic.claude-sonnet-4-5-20250929-v1%3A0", "amazon.nova-pro-v1%3A0"
    )
    picture = {"image": {"format": "png", "source": {"bytes": PNG}}}
    body = {**NOVA, **said(picture), "reasoningConfig": {"type": "enabled"}}
    found = by_name("bedrock_invoke").read(Target("POST", path), {}, json.dumps(body).encode()).call
    assert (found.has_images, found.has_thinking, found.wants_json) == (True, True, False)
