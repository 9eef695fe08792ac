"""How requests are read: what is refused, what is forwarded, what counts as input, how output is limited."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.smallest import GOOD, PATHS

from sluiceway.errors import WireError
from sluiceway.types import Call
from sluiceway.wire import DIALECTS, Dialect, Reading, Target, by_name
from sluiceway.wire.extent import IMAGE_BYTES

# A file of requests comes as a form, or as lines: test_later.py.
JSON_DIALECTS = tuple(dialect for dialect in DIALECTS if not dialect.name.endswith("_files"))
SECRET = "hunter2"
dialects = pytest.mark.parametrize("dialect", JSON_DIALECTS, ids=lambda dialect: dialect.name)


def read(name: str, document: object, path: str | None = None, **headers: str) -> Reading:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lower = {key.replace("_", "-"): value for key, value in headers.items()}
    return by_name(name).read(Target("POST", path or PATHS[name]), lower, body)


def changed(name: str, **fields: Any) -> dict[str, Any]:
    return {**GOOD[name], **fields}


@dialects
@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b'{"a": hunter2}', "not valid JSON (line 1, column 7)", id="malformed"),
        pytest.param(b'["hunter2"]', "not a JSON object", id="a-list"),
        pytest.param(b'{"a": "\xff hunter2"}', "not valid JSON", id="invalid-utf-8"),
        pytest.param(b'{"a": 1e400}', "not valid JSON", id="a-number-without-bounds"),
        pytest.param(b'{"a": NaN}', "not valid JSON", id="nan"),
        pytest.param(b'{"a": "\\ud800"}', "not valid JSON", id="lone-surrogate"),
        pytest.param(b'{"a": 1} {"b": 2}', "not valid JSON", id="two-documents"),
        pytest.param(b'{"a":' * 201 + b"1" + b"}" * 201, "more than 200 levels", id="too-deep"),
        pytest.param(b"[" * 100_000, "not valid JSON", id="far-too-deep"),
    ],
)
def test_a_body_that_is_no_sound_json_object_is_refused(dialect: Dialect, body: bytes, says: str) -> None:
    with pytest.raises(WireError) as error:
        dialect.read(Target("POST", PATHS[dialect.name]), {}, body)
    assert says in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        pytest.param("anthropic_messages", {"model": None}, "model:", id="anthropic-no-model"),
        pytest.param("anthropic_messages", {"model": 7}, "model:", id="anthropic-model-number"),
        pytest.param("anthropic_messages", {"model": "a\nb"}, "model:", id="anthropic-model-control"),
        pytest.param("anthropic_messages", {"messages": SECRET}, "messages:", id="anthropic-messages-text"),
        pytest.param("anthropic_messages", {"stream": SECRET}, "stream:", id="anthropic-stream-text"),
        pytest.param("anthropic_messages", {"max_tokens": -1}, "max_tokens:", id="anthropic-max-negative"),
        pytest.param("anthropic_messages", {"max_tokens": True}, "max_tokens:", id="anthropic-max-bool"),
        pytest.param("anthropic_messages", {"tools": {}}, "tools:", id="anthropic-tools-object"),
        pytest.param("openai_chat", {"model": ""}, "model:", id="chat-empty-model"),
        pytest.param("openai_chat", {"n": 10**9}, "n:", id="chat-too-many-choices"),
        pytest.param("openai_chat", {"n": 0}, "n:", id="chat-no-choice"),
        pytest.param("openai_chat", {"max_tokens": "9"}, "max_tokens:", id="chat-max-text"),
        pytest.param("openai_chat", {"max_completion_tokens": 2**60}, "max_completion", id="chat-max-huge"),
        pytest.param(
            "openai_chat", {"stream": True, "stream_options": []}, "stream_options:", id="chat-options"
        ),
        pytest.param("openai_responses", {"input": 7}, "input:", id="responses-input-number"),
        pytest.param("openai_responses", {"model": None}, "model:", id="responses-no-model"),
        pytest.param("openai_embeddings", {"input": {}}, "input:", id="embeddings-input-object"),
        pytest.param("openai_completions", {"prompt": 7}, "prompt:", id="completions-prompt-number"),
        pytest.param("openai_completions", {"best_of": 200}, "best_of:", id="completions-best-of"),
        pytest.param("cohere_chat", {"messages": "hi"}, "messages:", id="cohere-messages-text"),
        pytest.param("cohere_chat", {"max_tokens": -1}, "max_tokens:", id="cohere-limit-negative"),
        pytest.param("cohere_embeddings", {"texts": []}, "texts:", id="cohere-nothing-to-embed"),
        pytest.param("rerank", {"documents": "hi"}, "documents:", id="rerank-documents-text"),
        pytest.param("rerank", {"query": ["hi"]}, "query:", id="rerank-query-list"),
        pytest.param("mistral_ocr", {"document": "a.pdf"}, "document:", id="ocr-document-text"),
        pytest.param("gemini", {"contents": SECRET}, "contents:", id="gemini-contents-text"),
        pytest.param("gemini", {"model": "models/other"}, "model:", id="gemini-two-models"),
        pytest.param("gemini", {"requests": [{"model": "x"}]}, "requests.0.model:", id="gemini-batch-model"),
        pytest.param("gemini", {"generationConfig": []}, "generationConfig:", id="gemini-config-list"),
        pytest.param(
            "gemini",
            {"generationConfig": {"maxOutputTokens": "x"}},
            "generationConfig.max",
            id="gemini-max-text",
        ),
    ],
)
def test_a_wrong_field_is_named_but_its_value_is_not(name: str, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(WireError, match=f"^{says}") as error:
        read(name, changed(name, **fields))
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        pytest.param("anthropic_messages", {"novelty": [{"x": 1}]}, id="unknown-field"),
        pytest.param("anthropic_messages", {"stream": None, "tools": None}, id="null-is-absent"),
        pytest.param("anthropic_messages", {"max_tokens": 4096.0}, id="whole-float"),
        pytest.param("openai_chat", {"n": None, "max_tokens": None}, id="chat-null-is-absent"),
        pytest.param("openai_responses", {"input": None}, id="responses-input-null"),
        pytest.param("gemini", {"generationConfig": None}, id="gemini-config-null"),
    ],
)
def test_what_providers_accept_passes_unchanged(name: str, fields: dict[str, Any]) -> None:
    body = json.dumps(changed(name, **fields), indent=1).encode()
    assert read(name, body).body is body


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/models/gemini-2.5-pro:generateContent", "gemini-2.5-pro"),
        ("/v1beta/models/gemini-2.5-pro%3AgenerateContent", "gemini-2.5-pro"),
        ("/v1beta/tunedModels/my-1:generateContent", "tunedModels/my-1"),
        (
            "/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent",
            "gemini-2.5-pro",
        ),
    ],
)
def test_gemini_takes_the_model_from_the_path(path: str, model: str) -> None:
    assert read("gemini", GOOD["gemini"], path).call.model == model


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/gemini-2.5-pro",
        "/v1beta/models/gemini-2.5-pro:deleteEverything",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1beta/models/a%253AgenerateContent:generateContent",
        "/v1beta/models/:generateContent",
        "/v1beta/models/x:generateContent/../y",
    ],
)
def test_gemini_refuses_a_path_it_does_not_know(path: str) -> None:
    with pytest.raises(WireError, match=r"^path:"):
        read("gemini", GOOD["gemini"], path)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model":"cheap","model":"dear","messages":[]}', id="compact"),
        pytest.param(b'{"model" : "cheap", "messages":[], "model" :"dear"}', id="blanks"),
        pytest.param(b'{"model":"cheap","messages":[],"mod\\u0065l":"dear"}', id="escaped"),
    ],
)
def test_a_repeated_key_is_forwarded_as_it_was_judged(body: bytes) -> None:
    reading = read("openai_chat", body)
    assert reading.call.model == "dear"
    assert orjson.loads(reading.body) == {"model": "dear", "messages": []}
    assert reading.body.count(b"model") == 1


def test_a_repeated_key_deep_inside_is_found_too() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}'
    assert read("openai_chat", body).body.count(b"content") == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b'{"model":"m","messages":[{"content":"\\"model\\": \\"x\\", \\"model\\":"}]}', id="in-text"
        ),
        pytest.param(b'{"model":"m","messages":[{"a":1},{"a":1}]}', id="in-two-objects"),
        pytest.param(b'{"model":"m","messages":[],"big":' + b"9" * 5000 + b".0e-4900}", id="long-number"),
    ],
)
def test_what_only_looks_repeated_is_left_alone(body: bytes) -> None:
    assert read("openai_chat", body).body is body


def test_usage_is_asked_for_only_on_streams_that_do_not_and_only_if_wanted() -> None:
    chat = by_name("openai_chat")
    target = Target("POST", PATHS["openai_chat"])
    quiet = json.dumps(changed("openai_chat", stream=True, stream_options={"x": 1})).encode()
    asked = chat.read(target, {}, quiet)
    assert asked.call.usage_added
    assert orjson.loads(asked.body)["stream_options"] == {"x": 1, "include_usage": True}
    assert chat.read(target, {}, quiet, add_usage=False).body is quiet
    assert not read("openai_chat", GOOD["openai_chat"]).call.usage_added


LIMITS = [
    pytest.param("anthropic_messages", {"max_tokens": 900}, {"max_tokens": 100}, id="anthropic-lowered"),
    pytest.param(
        "anthropic_messages",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 5000}},
        {"max_tokens": 100, "thinking": {"type": "disabled"}},
        id="anthropic-no-room-to-think",
    ),
    pytest.param("openai_chat", {}, {"max_completion_tokens": 100}, id="chat-set"),
    pytest.param("openai_chat", {"max_tokens": 500}, {"max_tokens": 100}, id="chat-old-field-lowered"),
    pytest.param(
        "openai_chat",
        {"max_completion_tokens": 500},
        {"max_completion_tokens": 100},
        id="chat-new-field-lowered",
    ),
    pytest.param("openai_responses", {}, {"max_output_tokens": 100}, id="responses-set"),
    pytest.param("gemini", {}, {"generationConfig": {"maxOutputTokens": 100}}, id="gemini-set"),
    pytest.param(
        "gemini",
        {"generation_config": {"max_output_tokens": 500, "temperature": 0}},
        {"generation_config": {"max_output_tokens": 100, "temperature": 0}},
        id="gemini-snake-case",
    ),
    pytest.param("bedrock_converse", {}, {"inferenceConfig": {"maxTokens": 100}}, id="converse-set"),
    pytest.param(
        "bedrock_converse",
        {
            "inferenceConfig": {"maxTokens": 5000, "temperature": 0},
            "additionalModelRequestFields": {
                "max_tokens": 6000,
                "thinking": {"type": "enabled", "budget_tokens": 4000},
            },
        },
        {
            "inferenceConfig": {"maxTokens": 100, "temperature": 0},
            "additionalModelRequestFields": {"max_tokens": 100, "thinking": {"type": "disabled"}},
        },
        id="converse-said-twice",
    ),
    pytest.param(
        "bedrock_invoke",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 5000}},
        {"max_tokens": 100, "thinking": {"type": "disabled"}},
        id="invoke-claude",
    ),
    pytest.param(
        "anthropic_vertex",
        {"max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 50}},
        {"max_tokens": 100},
        id="vertex-thinking-that-fits",
    ),
]

BODIES: list[Any] = [
    pytest.param({"prompt": "hi", "max_gen_len": 500}, {"max_gen_len": 100}, id="llama"),
    pytest.param({"prompt": "hi"}, {"max_tokens": 100}, id="mistral"),
    pytest.param({"prompt": "hi", "max_tokens_to_sample": 500}, {"max_tokens_to_sample": 100}, id="claude 2"),
    pytest.param(
        {"inputText": "hi", "textGenerationConfig": {"topP": 1}},
        {"textGenerationConfig": {"topP": 1, "maxTokenCount": 100}},
        id="titan",
    ),
    pytest.param({"message": "hi", "max_tokens": 101}, {"max_tokens": 100}, id="cohere"),
    pytest.param(
        {"messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 200},
        {"max_completion_tokens": 100},
        id="openai",
    ),
    pytest.param(
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}], "inferenceConfig": {"topP": 1}},
        {"inferenceConfig": {"topP": 1, "maxTokens": 100}},
        id="nova",
    ),
]


@pytest.mark.parametrize(("body", "wanted"), BODIES)
def test_each_vendors_body_is_limited_in_its_own_field(body: dict[str, Any], wanted: dict[str, Any]) -> None:
    dialect = by_name("bedrock_invoke")
    reading = read("bedrock_invoke", body)
    limited = dialect.limit_output(reading, 100)
    assert orjson.loads(limited.body) == {**body, **wanted}
    assert dialect.limit_output(limited, 100) is limited


@pytest.mark.parametrize("body", [{"inputText": "hi"}, {"texts": ["hi"]}], ids=["titan", "cohere"])
def test_an_embedding_has_no_output_to_limit(body: dict[str, Any]) -> None:
    reading = read("bedrock_invoke", body, "/model/amazon.titan-embed-text-v2:0/invoke")
    assert reading.call.operation == "embeddings"
    assert by_name("bedrock_invoke").limit_output(reading, 1) is reading


@pytest.mark.parametrize(
    "body",
    [
        {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": SECRET}},
        {"text_prompts": [{"text": SECRET}]},
        {"prompt": SECRET, "mode": "text-to-image"},
        {},
    ],
    ids=["nova canvas", "stable diffusion", "stable image", "empty"],
)
def test_a_body_that_could_not_be_metered_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(WireError, match="no kind of request that can be metered") as error:
        read("bedrock_invoke", body)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("path", ["/model/m/other", "/model/", "/x/invoke", "/model/a..%2F..b/invoke"])
@pytest.mark.parametrize("name", ["bedrock_converse", "bedrock_invoke"])
def test_a_path_that_names_no_model_or_operation_is_refused(name: str, path: str) -> None:
    with pytest.raises(WireError, match=r"^path:"):
        read(name, GOOD[name], path)


def test_the_invocation_inside_a_count_is_seen_and_replaced() -> None:
    inner = {"anthropic_version": "x", "messages": [{"role": "user", "content": SECRET}]}
    body = b64encode(orjson.dumps(inner)).decode()
    dialect = by_name("bedrock_converse")
    reading = read("bedrock_converse", {"input": {"invokeModel": {"body": body}}}, "/model/m/count-tokens")
    (found,) = [segment for segment in dialect.segments(reading) if segment.text == SECRET]
    changed_body = orjson.loads(dialect.replaced(reading, {found.path: "<SECRET_1>"}).body)
    written = orjson.loads(b64decode(changed_body["input"]["invokeModel"]["body"]))
    assert written["messages"][0]["content"] == "<SECRET_1>"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("global.anthropic.claude-opus-4-6-v1", "/model/global.anthropic.claude-opus-4-6-v1/"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2F"
            "anthropic.claude-3-haiku-20240307-v1%3A0/",
        ),
    ],
    ids=["profile", "arn"],
)
@pytest.mark.parametrize("name", ["bedrock_converse", "bedrock_invoke"])
def test_another_model_stands_in_the_path_encoded_as_boto3_does(name: str, model: str, path: str) -> None:
    moved, where = by_name(name).with_model(read(name, GOOD[name]), model)
    assert where.startswith(path)
    assert moved.call.model == model
    assert by_name(name).read(Target("POST", where), {}, moved.body).call == moved.call


@pytest.mark.parametrize("model", ["a/../b", "a//b", "/a", "a/"])
def test_a_models_name_cannot_lead_to_another_path(model: str) -> None:
    with pytest.raises(WireError):
        by_name("bedrock_converse").with_model(read("bedrock_converse", GOOD["bedrock_converse"]), model)


@pytest.mark.parametrize(("name", "given_fields", "wanted"), LIMITS)
def test_output_is_limited_in_the_providers_own_field(
    name: str, given_fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    reading = read(name, changed(name, **given_fields))
    limited = by_name(name).limit_output(reading, 100)
    assert limited.call.max_output_tokens == 100
    assert orjson.loads(limited.body) == {**GOOD[name], **given_fields, **wanted}
    assert orjson.loads(reading.body) == {**GOOD[name], **given_fields}, "the first reading is untouched"


def test_a_thinking_budget_shrinks_with_the_limit() -> None:
    thinking = {"type": "enabled", "budget_tokens": 5000}
    reading = read("anthropic_messages", changed("anthropic_messages", max_tokens=9000, thinking=thinking))
    limited = by_name("anthropic_messages").limit_output(reading, 2000)
    assert orjson.loads(limited.body)["thinking"] == {"type": "enabled", "budget_tokens": 1999}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("anthropic_messages", {"max_tokens": 100}),
        ("openai_chat", {"max_tokens": 50}),
        ("openai_responses", {"max_output_tokens": 16}),
        ("gemini", {"generationConfig": {"maxOutputTokens": 1}}),
        (
            "gemini_cloudcode",
            {"request": {"contents": [{"parts": []}], "generationConfig": {"maxOutputTokens": 1}}},
        ),
        ("openai_embeddings", {}),
        ("openai_completions", {"max_tokens": 100}),
        ("cohere_chat", {"max_tokens": 7}),
        ("rerank", {}),
    ],
)
def test_a_limit_is_never_raised(name: str, fields: dict[str, Any]) -> None:
    reading = read(name, changed(name, **fields))
    assert by_name(name).limit_output(reading, 100) is reading


PNG = "iVBORw0KGgo" * 20_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param(
            "anthropic_messages",
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            id="anthropic-base64",
        ),
        pytest.param(
            "anthropic_messages",
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            id="anthropic-url",
        ),
        pytest.param(
            "openai_chat",
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            id="chat-data-url",
        ),
        pytest.param("gemini", {"inlineData": {"mimeType": "image/png", "data": PNG}}, id="gemini-inline"),
        pytest.param(
            "bedrock_converse", {"image": {"format": "png", "source": {"bytes": PNG}}}, id="converse-bytes"
        ),
    ],
)
def test_an_image_counts_as_an_image_not_as_its_base64(name: str, content: dict[str, Any]) -> None:
    field = "contents" if name == "gemini" else "messages"
    key = "parts" if name == "gemini" else "content"
    counted = read(name, changed(name, **{field: [{"role": "user", key: [content]}]})).call.input_bytes
    assert IMAGE_BYTES <= counted < IMAGE_BYTES + 60


def test_an_image_in_a_responses_input_counts_as_an_image() -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    counted = read("openai_responses", changed("openai_responses", input=[{"content": [image]}])).call
    assert IMAGE_BYTES <= counted.input_bytes < IMAGE_BYTES + 60


@pytest.mark.parametrize(
    ("text", "dense"),
    [
        pytest.param("plain words " * 50, 0, id="prose"),
        pytest.param("def f(x):\n    return x\n" * 50, 0, id="code"),
        pytest.param("日本語" * 10, 90, id="cjk"),
        pytest.param("a" * 400, 400, id="one-long-word"),
        pytest.param("see " + "0123456789abcdef" * 40, 640, id="hex"),
    ],
)
def test_text_that_tokenises_worse_is_counted_apart(text: str, dense: int) -> None:
    call = read("openai_embeddings", changed("openai_embeddings", input=text)).call
    assert (call.input_bytes, call.dense_bytes) == (len(text.encode()), dense)


def test_system_tools_and_tool_results_count_and_signatures_do_not() -> None:
    def counted(**fields: Any) -> int:
        return read("anthropic_messages", changed("anthropic_messages", **fields)).call.input_bytes

    plain = counted()
    assert counted(system="x" * 100) == plain + 100
    assert counted(tools=[{"name": "f", "input_schema": {"type": "object"}}]) > plain + 40
    result = [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "y" * 500}]}]
    assert counted(messages=[{"role": "user", "content": result}]) > 500
    signed = [{"type": "thinking", "thinking": "hm", "signature": "S" * 5000}]
    assert counted(messages=[{"role": "assistant", "content": signed}]) < 100


fields = st.sampled_from(
    [
        "model",
        "messages",
        "input",
        "stream",
        "tools",
        "n",
        "max_tokens",
        "contents",
        "generationConfig",
        "requests",
        "system",
        "metadata",
        "user_id",
        "thinking",
        "stream_options",
        "cache_control",
        "ttl",
        "data",
        "type",
        "url",
        "content",
        "parts",
        "media_type",
        "mimeType",
        "conversation",
        "prompt",
        "instructions",
        "max_output_tokens",
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.text(max_size=5)
    | st.just("data:a/b;base64,A"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=15,
)


@dialects
@given(extra=st.dictionaries(fields, values, max_size=6), keep=st.booleans())
def test_any_json_is_read_or_refused_with_a_wire_error(dialect: Dialect, extra: Any, keep: bool) -> None:
    document = {**(GOOD[dialect.name] if keep else {}), **extra}
    for path in (PATHS[dialect.name], "/v1/models/m:batchEmbedContents"):
        try:
            reading = dialect.read(Target("POST", path), {}, orjson.dumps(document))
            limited = dialect.limit_output(reading, 20)
        except WireError:
            continue
        assert isinstance(limited.call, Call)
        assert limited.call.input_bytes >= limited.call.dense_bytes >= 0


@dialects
@given(body=st.binary(max_size=80))
def test_arbitrary_bytes_are_refused_with_a_wire_error(dialect: Dialect, body: bytes) -> None:
    try:
        dialect.read(Target("POST", PATHS[dialect.name]), {}, body)
    except WireError:
        return
    raise AssertionError("these bytes are no request")
