"""Every part of a request: a text planted there is found, and replaced with nothing else changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML
from tests.wire.smallest import GOOD, PATHS

from sluiceway.errors import WireError
from sluiceway.wire import DIALECTS, NAME, Reading, Segment, Target, by_name

# A file of requests comes as a form, or as lines: test_later.py.
JSON_DIALECTS = tuple(dialect for dialect in DIALECTS if not dialect.name.endswith("_files"))
CONVERSATION = {
    "anthropic_messages": "messages",
    "openai_chat": "messages",
    "openai_responses": "input",
    "cohere_chat": "messages",
    "gemini": "contents",
    "bedrock_converse": "messages",
    "bedrock_invoke": "messages",
    "anthropic_vertex": "messages",
}
AND_NOW = {"role": "user", "content": "and now?"}
AND_NOW_FOR_GEMINI = {"role": "user", "parts": [{"text": "and now?"}]}
BATCH = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
COUNT = "/v1beta/models/gemini-2.5-pro:countTokens"
MARK = "planted-4f9a1c"
NEW = 'a <SECRET_1> "in quotes"\nand \\ more'
PNG = "iVBORw0KGgo" * 100

type Build = Callable[[str], dict[str, Any]]


def read(name: str, document: dict[str, Any], path: str | None = None) -> Reading:
    return by_name(name).read(Target("POST", path or PATHS[name]), {}, orjson.dumps(document))


def listed(name: str, **fields: Any) -> tuple[Segment, ...]:
    reading = read(name, {**GOOD[name], **fields})
    return by_name(name).segments(reading)


def turn(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content, **more}, {"role": "user", "content": "and now?"}]}


def called(arguments: str) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return turn("assistant", None, tool_calls=[call])


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CASES: dict[str, dict[str, dict[str, Any]]] = YAML(typ="safe").load(Path(__file__).with_name("parts.yaml"))


def filled(value: Any, text: str) -> Any:
    """The value with its placeholders filled in."""
    if isinstance(value, str):
        return value.replace("BASE64(TEXT)", in_base64(text)).replace("PNG", PNG).replace("TEXT", text)
    if isinstance(value, list):
        return [filled(item, text) for item in value]
    if not isinstance(value, dict):
        return value
    if "JSON" in value:
        return json.dumps(filled(value["JSON"], text))
    return {key: filled(child, text) for key, child in value.items()}


def request(name: str, fields: dict[str, Any], text: str = MARK) -> Reading:
    """The smallest request of the dialect with these fields, their placeholders filled in."""
    given = filled(fields, text)
    message = given.pop("MESSAGE", None)
    if message is not None:
        given[CONVERSATION[name]] = [message, AND_NOW_FOR_GEMINI if name == "gemini" else AND_NOW]
    return read(name, {**GOOD[name], **given})


def table(section: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}-{title}")
        for name, cases in CASES[section].items()
        for title, case in cases.items()
    ]


def holding(segments: tuple[Segment, ...], text: str = MARK) -> list[Segment]:
    return [segment for segment in segments if text in segment.text]


@pytest.mark.parametrize(("name", "case"), table("open"))
def test_a_text_in_any_part_is_found_and_replaced_and_nothing_else_changes(name: str, case: Any) -> None:
    role, kind, fields = case
    dialect = by_name(name)
    planted = request(name, fields)
    (found,) = holding(dialect.segments(planted))
    assert (found.role, found.kind, found.fixed) == (role, kind, False)
    changed = dialect.replaced(planted, {found.path: found.text.replace(MARK, NEW)})
    wanted = request(name, fields, NEW)
    assert changed.document == orjson.loads(changed.body) == wanted.document
    assert changed.call == wanted.call


@pytest.mark.parametrize(("name", "case"), table("open"))
def test_texts_replaced_by_themselves_are_the_same_request(name: str, case: Any) -> None:
    planted = request(name, case[-1])
    same = {segment.path: segment.text for segment in by_name(name).segments(planted)}
    assert by_name(name).replaced(planted, same) is planted


@pytest.mark.parametrize(("name", "case"), table("signed"))
def test_what_is_signed_is_listed_but_cannot_be_replaced(name: str, case: Any) -> None:
    kind, fields = case
    reading = request(name, fields)
    (found,) = holding(by_name(name).segments(reading))
    assert (found.kind, found.fixed) == (kind, True)
    with pytest.raises(WireError, match="cannot be replaced") as error:
        by_name(name).replaced(reading, {found.path: NEW})
    assert MARK not in str(error.value)


@pytest.mark.parametrize(("name", "case"), table("media"))
def test_media_are_counted_without_their_bytes(name: str, case: Any) -> None:
    found = by_name(name).segments(request(name, case))
    (media,) = [segment for segment in found if segment.kind == "media"]
    assert media.text == "" and media.fixed
    assert not holding(found, "iVBOR")


def test_a_signature_among_a_tools_arguments_is_an_argument() -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"type": "thinking", "signature": MARK}}
    (found,) = holding(listed("anthropic_messages", **turn("assistant", [block])))
    assert (found.kind, found.fixed) == ("tool_arguments", False)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(MARK, id="short"),
        pytest.param(f"{MARK} {PNG}", id="with-blanks"),
        pytest.param(f"{PNG}é{MARK}", id="not-ascii"),
    ],
)
def test_what_only_claims_to_be_an_image_is_read_as_text(data: str) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    assert holding(listed("anthropic_messages", **turn("user", [{"type": "image", "source": source}])))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param(("base64", "text/plain", "w7w_w7w-YWI"), "ü?ü>ab", id="url-safe-and-unpadded"),
        pytest.param(("base64", "text/plain", "YSBiIGMg\nZCBlIGY="), "a b c d e f", id="in-lines"),
        pytest.param(("base64", "text/plain", "AQIDBAUGBwgJ"), "AQIDBAUGBwgJ", id="of-no-text"),
        pytest.param(("base64", "text/plain", "_____w=="), "_____w==", id="of-no-utf-8"),
        pytest.param(("text", "text/plain", "YSBiIGMgZCBlIGY="), "YSBiIGMgZCBlIGY=", id="not-meant-as-such"),
    ],
)
def test_base64_of_a_text_is_read_and_other_words_are_not(source: tuple[str, str, str], text: str) -> None:
    kind, media_type, data = source
    document = {"type": "document", "source": {"type": kind, "media_type": media_type, "data": data}}
    assert text in [segment.text for segment in listed("anthropic_messages", **turn("user", [document]))]


def test_a_large_text_in_base64_is_media() -> None:
    url = f"data:text/plain;base64,{in_base64('word ' * 200_000)}"
    found = listed("openai_chat", **turn("user", [{"type": "file", "file": {"file_data": url}}]))
    assert [segment.kind for segment in found if not segment.text] == ["media"]


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        pytest.param('{"a":"x\\ny","b":1}', ["x\ny"], id="escapes"),
        pytest.param('{"a":"\\u0041KIA"}', ["AKIA"], id="unicode-escape"),
        pytest.param('{"a":"\\ud83d\\ude00","b":"\\ud83d!"}', ["😀", "�!"], id="surrogates"),
        pytest.param('{"a":"first","a":"second"}', ["first", "second"], id="repeated-key"),
        pytest.param('{"a":"x\\ny', ["x\ny"], id="broke-off-in-a-text"),
        pytest.param('{"a":"x\\', ["x", "\\"], id="broke-off-in-an-escape"),
        pytest.param('{"a":"line\nend\\q"}', ["line\nendq"], id="bare-line-end-and-unknown-escape"),
        pytest.param("plain words", ["plain words"], id="no-json"),
        pytest.param("123-45-6789", ["123-45-6789"], id="digits-that-are-no-number"),
        pytest.param("{'a': 'b'}", ["{'a': 'b'}"], id="python"),
        pytest.param('{"card":4111111111111111,"n":12345678,"t":true}', ["4111111111111111"], id="numbers"),
        pytest.param('{"a_long_name":1,"name":2}', ["a_long_name"], id="names"),
        pytest.param('{"a":"{\\"b\\":\\"x\\\\ny\\"}"}', ['{"b":', "x\ny"], id="json-in-json"),
        pytest.param("[]", [], id="nothing"),
        pytest.param("", [], id="empty"),
    ],
)
def test_no_escape_and_no_broken_json_hides_an_argument(arguments: str, texts: list[str]) -> None:
    found = [
        segment for segment in listed("openai_chat", **called(arguments)) if segment.kind == "tool_arguments"
    ]
    assert [segment.text for segment in found] == texts


@pytest.mark.parametrize(
    ("arguments", "changes", "wanted"),
    [
        pytest.param(
            '{"a" : "x\\ny",\n "n": 1e3}',
            {"x\ny": 'q"\n'},
            '{"a" : "q\\"\\n",\n "n": 1e3}',
            id="form-is-kept",
        ),
        pytest.param('{"a":"x\\ny', {"x\ny": "new"}, '{"a":"new"', id="broken-stays-broken"),
        pytest.param('{"n":4111111111111111}', {"4111111111111111": "<CARD>"}, '{"n":"<CARD>"}', id="number"),
        pytest.param(
            '{"id":123456789012345678901234567890,"a":"x"}',
            {"x": "y"},
            '{"id":123456789012345678901234567890,"a":"y"}',
            id="long-number-is-kept",
        ),
        pytest.param('{"a_long_name":1}', {"a_long_name": "<NAME>"}, '{"<NAME>":1}', id="name"),
        pytest.param("plain words", {"plain words": "other"}, "other", id="no-json"),
        pytest.param(
            '{"a":"{\\"b\\":\\"x\\\\ny\\"}"}', {"x\ny": "z"}, '{"a":"{\\"b\\":\\"z\\"}"}', id="json-in-json"
        ),
    ],
)
def test_arguments_are_encoded_as_they_were(arguments: str, changes: dict[str, str], wanted: str) -> None:
    reading = read("openai_chat", {**GOOD["openai_chat"], **called(arguments)})
    dialect = by_name("openai_chat")
    paths = {
        segment.path: changes[segment.text]
        for segment in dialect.segments(reading)
        if segment.text in changes
    }
    assert len(paths) == len(changes)
    call = dialect.replaced(reading, paths).document["messages"][0]["tool_calls"][0]
    assert call["function"]["arguments"] == wanted


def test_arguments_in_too_many_pieces_are_looked_at_as_a_whole() -> None:
    text = "[" + '"a\\nb",' * 5000 + f'"{MARK}"]'
    (found,) = holding(listed("openai_chat", **called(text)))
    assert found.fixed
    assert found.text.startswith('["a\nb","a\nb"')


def test_json_that_a_user_writes_is_one_text_where_no_escape_hides_anything() -> None:
    text = '{"password": "hunter2hunter2", "path": "a\\\\z\\""}'
    assert text in [segment.text for segment in listed("openai_chat", **turn("user", text))]


def test_the_words_of_the_protocol_are_left_out_and_other_short_ones_in_tools() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"name": "f", "input_schema": schema, "cache_control": {"type": "ephemeral"}}]
    assert [segment.text for segment in listed("anthropic_messages", tools=tools)] == ["hi"]


def test_a_field_may_be_a_secret_by_its_name() -> None:
    reading = read("openai_chat", {**GOOD["openai_chat"], "metadata": {"a": 1, MARK: "x", "b": 2}})
    dialect = by_name("openai_chat")
    (found,) = holding(dialect.segments(reading))
    assert found.path == ("metadata", MARK, NAME)
    changed = dialect.replaced(reading, {found.path: "<SECRET_1>"})
    assert list(changed.document["metadata"].items()) == [("a", 1), ("<SECRET_1>", "x"), ("b", 2)]
    with pytest.raises(WireError, match="same name"):
        dialect.replaced(reading, {found.path: "b"})


def test_a_long_number_is_text_and_a_seed_is_not() -> None:
    fields = {"metadata": {"account": 4111111111111111, "n": 99_999_999}, "seed": 1234567890}
    reading = read("openai_chat", {**GOOD["openai_chat"], **fields})
    found = by_name("openai_chat").segments(reading)
    assert [segment.text for segment in found] == ["hi", "account", "4111111111111111"]
    changed = by_name("openai_chat").replaced(reading, {("metadata", "account"): "<CARD_1>"})
    assert changed.document["metadata"] == {"account": "<CARD_1>", "n": 99_999_999}


@pytest.mark.parametrize(
    ("path", "build"),
    [
        pytest.param(
            BATCH, lambda t: {"requests": [{"content": {"parts": [{"text": "a"}, {"text": t}]}}]}, id="batch"
        ),
        pytest.param(BATCH, lambda t: {"requests": [{"content": {"parts": []}, "title": t}]}, id="title"),
        pytest.param(
            COUNT, lambda t: {"generateContentRequest": {"contents": [{"parts": [{"text": t}]}]}}, id="count"
        ),
    ],
)
def test_geminis_other_methods_are_read_too(path: str, build: Build) -> None:
    gemini = by_name("gemini")
    planted = read("gemini", build(MARK), path)
    (found,) = holding(gemini.segments(planted))
    assert (found.role, found.kind) == ("user", "text")
    assert gemini.replaced(planted, {found.path: NEW}).document == build(NEW)


@pytest.mark.parametrize("dialect", JSON_DIALECTS, ids=lambda dialect: dialect.name)
def test_a_path_that_leads_nowhere_is_refused(dialect: Any) -> None:
    reading = read(dialect.name, GOOD[dialect.name])
    paths: list[tuple[str | int, ...]] = [(), ("novelty",), ("messages", 7), ("model", 0, 1)]
    for path in paths:
        with pytest.raises(WireError, match="not in the request"):
            dialect.replaced(reading, {path: "x"})
    assert dialect.replaced(reading, {}) is reading


@pytest.mark.parametrize("new", ["\ud800", "a\udfff"])
def test_a_replacement_that_is_no_text_is_refused(new: str) -> None:
    reading = read("openai_chat", {**GOOD["openai_chat"], **called('{"a":"x"}')})
    dialect = by_name("openai_chat")
    for segment in dialect.segments(reading):
        with pytest.raises(WireError):
            dialect.replaced(reading, {segment.path: new})


def test_what_the_call_took_from_headers_or_was_decided_since_stays() -> None:
    body = orjson.dumps({**GOOD["openai_chat"], "stream": True, "prompt_cache_key": MARK})
    dialect = by_name("openai_chat")
    target = Target("POST", PATHS["openai_chat"])
    by_header = dialect.limit_output(dialect.read(target, {"session_id": "abc"}, body), 50)
    by_body = dialect.read(target, {}, body)
    changes: dict[tuple[str | int, ...], str] = {("prompt_cache_key",): "<SECRET_1>"}
    kept = dialect.replaced(by_header, changes)
    assert (kept.call.conversation_id, kept.call.max_output_tokens, kept.call.usage_added) == (
        "abc",
        50,
        True,
    )
    assert dialect.replaced(by_body, changes).call.conversation_id == "<SECRET_1>"


def test_a_segment_does_not_show_its_text_when_it_is_logged() -> None:
    (found,) = holding(listed("openai_chat", metadata={MARK: "x"}))
    assert MARK not in repr(found) and MARK not in str(found)
