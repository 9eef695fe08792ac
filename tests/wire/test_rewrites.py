"""A request for another model, and that no text can hide from `segments` anywhere in any request."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.wire.smallest import GOOD, PATHS

from sluiceway.errors import WireError
from sluiceway.wire import DIALECTS, Dialect, Reading, Target, by_name

# A file of requests comes as a form, or as lines: test_later.py.
JSON_DIALECTS = tuple(dialect for dialect in DIALECTS if not dialect.name.endswith("_files"))
# Where there is nothing more to a request, its smallest.
RICH: dict[str, dict[str, Any]] = {
    **GOOD,
    "anthropic_messages": {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": "first"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": ["b"]}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": '{"a":"b\\n"}'}],
            },
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "array"}}}}],
        "metadata": {"user_id": "u"},
    },
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "first"}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":["b"]}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ],
        "stream": True,
    },
    "openai_responses": {
        "model": "m",
        "instructions": "be brief",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "first"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":["b"]}'},
            {"type": "function_call_output", "call_id": "c", "output": '{"output":"x\\ny"}'},
        ],
    },
    "openai_embeddings": {"model": "m", "input": ["first", "second"]},
    "openai_completions": {"model": "m", "prompt": ["first", "second"], "suffix": "third"},
    "cohere_chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "first"}]},
            {
                "role": "assistant",
                "tool_plan": "I look it up",
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":["b"]}'}}
                ],
            },
            {
                "role": "tool",
                "tool_call_id": "c",
                "content": [{"type": "document", "document": {"data": "d"}}],
            },
        ],
        "documents": [{"id": "1", "data": {"text": "a fact"}}],
    },
    "cohere_embeddings": {"model": "m", "texts": ["first", "second"], "input_type": "search_query"},
    "rerank": {"model": "m", "query": "which", "documents": ["first", {"text": "second"}]},
    "mistral_ocr": {
        "model": "m",
        "document": {"type": "document_url", "document_url": "https://example.com"},
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "first"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": ["b"]}}}]},
        ],
        "generationConfig": {"temperature": 0},
    },
    "gemini_cloudcode": {
        "model": "m",
        "project": "p",
        "request": {
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "first"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": ["b"]}}}]},
            ],
            "session_id": "s-1",
        },
    },
    "bedrock_converse": {
        "system": [{"text": "be brief"}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [{"text": "first"}]},
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                    {"toolUse": {"toolUseId": "t_1", "name": "f", "input": {"a": ["b"]}}},
                ],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "t_1", "content": [{"text": "done"}]}}],
            },
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]},
        "inferenceConfig": {"maxTokens": 9},
    },
    "bedrock_invoke": {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "system": "be brief",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "first"}]}],
    },
    "anthropic_vertex": {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "first"}]}],
    },
}
MARK = "planted-4f9a1c"
SEEN = f"see\n{MARK}\tthere"
NEW = '<SECRET_1> "x"\n'
dialects = pytest.mark.parametrize("dialect", JSON_DIALECTS, ids=lambda dialect: dialect.name)

NAMES = """
type role content text parts input arguments output data source media_type mimeType file_data result
image_url url thinking signature thought thoughtSignature functionCall functionResponse function
reasoning tools tool_calls summary encrypted_content format id name metadata novelty
"""
WORDS = """
thinking redacted_thinking reasoning tool_use tool_result text image function_call user assistant tool
system base64 text/plain image/png data:text/plain;base64, mcp_call image_generation_call {} [
"""
names = st.sampled_from(NAMES.split()) | st.text(max_size=8)
words = st.sampled_from(WORDS.split())
leaves = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=8) | words
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | inner.map(lambda value: json.dumps(value, ensure_ascii=True))
    ),
    max_leaves=12,
)


def read(dialect: Dialect, document: Any, path: str | None = None, query: str = "") -> Reading:
    return dialect.read(Target("POST", path or PATHS[dialect.name], query), {}, orjson.dumps(document))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a document a text may stand: each string, each name, and the same in JSON inside a string."""
    if isinstance(value, str):
        inner = loaded(value)
        return [path, *([] if inner is None else places(inner, (*path, "JSON")))]
    if isinstance(value, list):
        return [place for index, item in enumerate(value) for place in places(item, (*path, index))]
    if isinstance(value, dict):
        below = [place for name, item in value.items() for place in places(item, (*path, name))]
        return below + [(*path, "NAME OF", name) for name in value]
    return []


def loaded(text: str) -> Any:
    """The JSON object or list that a string is, if it is one in which an escape could hide something."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict | list) else None


def put(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """The document with `text` at a place."""
    if not path:
        return text
    head, *rest = path
    if head == "JSON" and isinstance(value, str):
        return json.dumps(put(loaded(value), tuple(rest), text))
    if isinstance(value, list):
        return [put(item, tuple(rest), text) if index == head else item for index, item in enumerate(value)]
    if head == "NAME OF" and rest[0] in value and len(path) == 2:
        return {text if name == rest[0] else name: item for name, item in value.items()}
    return {name: put(item, tuple(rest), text) if name == head else item for name, item in value.items()}


@dialects
@given(extra=st.dictionaries(names, values, max_size=3), data=st.data())
def test_a_text_planted_anywhere_in_any_request_is_found_and_can_only_go(
    dialect: Dialect, extra: Any, data: st.DataObject
) -> None:
    document = (
        {**RICH[dialect.name], **extra} if data.draw(st.booleans()) else {**extra, **RICH[dialect.name]}
    )
    spot = data.draw(st.sampled_from(places(document)))
    try:
        planted = read(dialect, put(document, spot, SEEN))
    except WireError:
        assume(False)
    found = [segment for segment in dialect.segments(planted) if SEEN in segment.text]
    assert found, spot
    changes = {segment.path: segment.text.replace(MARK, NEW) for segment in found}
    try:
        changed = dialect.replaced(planted, changes)
    except WireError:
        assert any(segment.fixed for segment in found) or spot[-2:-1] == ("NAME OF",)
        return
    assert MARK not in changed.body.decode()
    assert not [segment for segment in dialect.segments(changed) if MARK in segment.text]


@dialects
@given(extra=st.dictionaries(names, values, max_size=4))
def test_paths_are_unique_and_texts_replaced_by_themselves_change_nothing(
    dialect: Dialect, extra: Any
) -> None:
    try:
        reading = read(dialect, {**RICH[dialect.name], **extra})
    except WireError:
        assume(False)
    found = dialect.segments(reading)
    same = {segment.path: segment.text for segment in found}
    assert len(same) == len(found)
    assert dialect.replaced(reading, same) is reading


def nested(depth: int) -> str:
    text = f"x\n{MARK}"
    for _ in range(depth):
        text = json.dumps({"a": [text]})
    return text


@dialects
def test_json_in_json_in_json_hides_nothing(dialect: Dialect) -> None:
    document: Any = {**RICH[dialect.name], "novelty": nested(12)}
    for _ in range(150):
        document["novelty"] = [document["novelty"]]
    reading = read(dialect, document)
    (found,) = [segment for segment in dialect.segments(reading) if MARK in segment.text]
    assert found.text == f"x\n{MARK}"
    inner = dialect.replaced(reading, {found.path: "x\ngone"}).document["novelty"]
    for _ in range(150):
        (inner,) = inner
    for _ in range(12):
        ((inner,),) = json.loads(inner).values()
    assert inner == "x\ngone"


IN_THE_PATH = ("gemini", "google_predict", "bedrock_converse", "bedrock_invoke", "anthropic_vertex")
# In each request of a batch, or in its file: test_later.py.
IN_THE_REQUESTS = ("anthropic_batches", "openai_batches", "gemini_batches")
BODY_MODELS = [name for name in RICH if name not in (*IN_THE_PATH, *IN_THE_REQUESTS)]


@pytest.mark.parametrize("name", BODY_MODELS)
def test_another_model_is_named_in_the_body_and_nothing_else_changes(name: str) -> None:
    dialect = by_name(name)
    reading = read(dialect, RICH[name])
    moved, path = dialect.with_model(reading, "claude-haiku-4-5")
    assert path == moved.target.path == PATHS[name]
    assert moved.document == orjson.loads(moved.body) == {**reading.document, "model": "claude-haiku-4-5"}
    assert (
        moved.call == read(dialect, {**RICH[name], "model": "claude-haiku-4-5"}).call
        or moved.call.usage_added
    )
    assert dialect.with_model(reading, "m") == (reading, PATHS[name])
    assert reading.document["model"] == "m"


@pytest.mark.parametrize(
    ("path", "model", "wanted"),
    [
        pytest.param("models/a:generateContent", "b-2.5", "models/b-2.5:generateContent", id="plain"),
        pytest.param("models/a:countTokens", "b", "models/b:countTokens", id="another-method"),
        pytest.param("models/a%3AgenerateContent/", "b", "models/b:generateContent", id="encoded-colon"),
        pytest.param(
            "projects/p%20q/models/a:countTokens",
            "b",
            "projects/p%20q/models/b:countTokens",
            id="prefix-kept",
        ),
        pytest.param(
            "models/a:generateContent",
            "x/../y:z?k=1#%",
            "models/x%2F..%2Fy%3Az%3Fk%3D1%23%25:generateContent",
            id="odd-name",
        ),
        pytest.param(
            "models/a:generateContent",
            "tunedModels/b c",
            "tunedModels/b%20c:generateContent",
            id="to-tuned",
        ),
        pytest.param("tunedModels/a:generateContent", "b", "models/b:generateContent", id="from-tuned"),
    ],
)
def test_another_gemini_model_is_named_in_the_path(path: str, model: str, wanted: str) -> None:
    gemini = by_name("gemini")
    reading = read(gemini, RICH["gemini"], f"/v1beta/{path}")
    moved, got = gemini.with_model(reading, model)
    assert got == moved.target.path == f"/v1beta/{wanted}"
    assert moved.call.model == model
    assert moved.body is reading.body
    assert gemini.with_model(moved, "c")[0].call.model == "c"


@given(model=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40))
def test_no_model_name_leaves_its_segment_of_the_path(model: str) -> None:
    gemini = by_name("gemini")
    reading = read(gemini, RICH["gemini"])
    path = gemini.with_model(reading, model)[1]
    assert path.count("/") == PATHS["gemini"].count("/")
    assert not set("?# ") & set(path)
    assert unquote(path).endswith(f"{model.removeprefix('tunedModels/')}:generateContent")


def test_a_gemini_batch_names_the_new_model_in_each_request() -> None:
    gemini = by_name("gemini")
    path = "/v1beta/models/old:batchEmbedContents"
    requests = [{"model": "models/old", "content": {"parts": [{"text": "a"}]}}, {"content": {}}]
    moved, _ = gemini.with_model(read(gemini, {"requests": requests}, path), "new")
    assert moved.document == orjson.loads(moved.body)
    assert [one.get("model") for one in moved.document["requests"]] == ["models/new", None]
    again = gemini.read(moved.target, {}, moved.body)
    assert again.call == moved.call


def test_what_gemini_is_to_count_names_the_new_model() -> None:
    gemini = by_name("gemini")
    inner = {"model": "models/old", "contents": [{"parts": [{"text": "a"}]}]}
    reading = read(gemini, {"generateContentRequest": inner}, "/v1beta/models/old:countTokens")
    moved, _ = gemini.with_model(reading, "new")
    assert moved.document == {"generateContentRequest": {**inner, "model": "models/new"}}


@dialects
@pytest.mark.parametrize(
    "model", ["", "a\nb", "modèle", "x" * 300], ids=["empty", "control", "accent", "long"]
)
def test_a_name_that_is_none_is_refused(dialect: Dialect, model: str) -> None:
    with pytest.raises(WireError, match=r"^model:"):
        dialect.with_model(read(dialect, RICH[dialect.name]), model)


def test_a_path_with_an_encoded_slash_is_not_rewritten() -> None:
    gemini = by_name("gemini")
    reading = read(gemini, RICH["gemini"], "/v1beta/x%2Fmodels%2Fa:generateContent")
    with pytest.raises(WireError, match=r"^path:"):
        gemini.with_model(reading, "b")


def test_a_request_can_be_limited_masked_and_moved_in_any_order() -> None:
    dialect = by_name("openai_chat")
    reading = read(dialect, RICH["openai_chat"])
    changes: dict[tuple[str | int, ...], str] = {("messages", 0, "content"): "masked"}
    one = dialect.with_model(dialect.replaced(dialect.limit_output(reading, 50), changes), "b")[0]
    two = dialect.limit_output(dialect.replaced(dialect.with_model(reading, "b")[0], changes), 50)
    assert one.call == two.call
    assert one.document == two.document == orjson.loads(one.body)
    assert one.call.usage_added
