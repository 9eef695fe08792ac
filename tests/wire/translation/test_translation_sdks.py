"""The official SDKs as judges on both ends: the provider's takes our request, the client's our answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import openai
import orjson
import pytest
from sdk_judges import REQUESTS, claude, gpt, unread_by
from translation_cases import AT, FOLDERS, Case, name_of, named

from sluiceway.wire.dialect import Target
from sluiceway.wire.translation.losses import Losses
from sluiceway.wire.translation.passage import translated
from sluiceway.wire.translation.translator import Aim, Asked

STREAM = "text/event-stream; charset=utf-8"
JUDGED = [folder for folder in FOLDERS if folder.parent.name.split("--")[1] in REQUESTS]
FOR_CLAUDE = [folder for folder in FOLDERS if folder.parent.name.startswith("anthropic_messages--")]
FOR_GPT = [folder for folder in FOLDERS if folder.parent.name.startswith("openai_chat--")]
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def _of(folders: list[Path], name: str) -> list[Path]:
    return [folder for folder in folders if (folder / name).exists()]


@pytest.mark.parametrize("folder", JUDGED, ids=name_of)
def test_the_providers_sdk_knows_every_field_that_is_sent(folder: Path) -> None:
    case = Case(folder)
    assert unread_by(case.target.name, case.document("sent")) == []


@pytest.mark.parametrize("folder", _of(FOR_CLAUDE, "shown.sse"), ids=name_of)
def test_anthropics_sdk_reads_a_translated_stream(folder: Path) -> None:
    shown = (folder / "shown.sse").read_bytes()
    client = claude(shown, STREAM)
    if b"event: error" in shown:
        with (
            pytest.raises(anthropic.APIStatusError),
            client.messages.stream(max_tokens=9, **ASK) as stream,
        ):
            stream.until_done()
        return
    with client.messages.stream(max_tokens=9, **ASK) as stream:
        message = stream.get_final_message()
    assert message.stop_reason is not None and message.usage.output_tokens >= 0
    assert all(isinstance(block.input, dict) for block in message.content if block.type == "tool_use")


@pytest.mark.parametrize("folder", _of(FOR_CLAUDE, "shown.json"), ids=name_of)
def test_anthropics_sdk_reads_a_translated_answer(folder: Path) -> None:
    shown = (folder / "shown.json").read_bytes()
    message = claude(shown).messages.create(max_tokens=9, **ASK)
    anthropic.types.Message.model_validate(orjson.loads(shown), strict=True)
    assert message.to_dict() == orjson.loads(shown)


@pytest.mark.parametrize("folder", _of(FOR_GPT, "shown.sse"), ids=name_of)
def test_openais_sdk_reads_a_translated_stream(folder: Path) -> None:
    shown = (folder / "shown.sse").read_bytes()
    asked_usage = b'"usage":{' in shown
    chunks = list(gpt(shown, STREAM).chat.completions.create(stream=True, **ASK))
    assert [bool(chunk.usage) for chunk in chunks][-1] is asked_usage
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert reasons[-1] is not None and set(reasons[:-1]) <= {None}


@pytest.mark.parametrize("folder", _of(FOR_GPT, "shown.json"), ids=name_of)
def test_openais_sdk_reads_a_translated_answer(folder: Path) -> None:
    shown = (folder / "shown.json").read_bytes()
    completion = gpt(shown).chat.completions.create(**ASK)
    assert completion.to_dict() == orjson.loads(shown)


def test_the_agents_stream_is_one_message_to_anthropics_sdk() -> None:
    folder = next(folder for folder in FOR_CLAUDE if folder.name == "agent_turn_stream")
    client = claude((folder / "shown.sse").read_bytes(), STREAM)
    with client.messages.stream(max_tokens=9, **ASK) as stream:
        message = stream.get_final_message()
    calls = [(block.id, block.input) for block in message.content if block.type == "tool_use"]
    assert calls == [("call_a", {"command": "pwd"}), ("call_b", {"command": "ls"})]
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (1024, 4096)


ERRORS = [
    pytest.param(400, "invalid_request_error", anthropic.BadRequestError, openai.BadRequestError, id="wrong"),
    pytest.param(
        401, "authentication_error", anthropic.AuthenticationError, openai.AuthenticationError, id="key"
    ),
    pytest.param(404, "not_found_error", anthropic.NotFoundError, openai.NotFoundError, id="no such model"),
    pytest.param(429, "rate_limit_error", anthropic.RateLimitError, openai.RateLimitError, id="rate"),
    pytest.param(
        529, "overloaded_error", anthropic.InternalServerError, openai.InternalServerError, id="overloaded"
    ),
    pytest.param(500, "api_error", anthropic.InternalServerError, openai.InternalServerError, id="server"),
]


@pytest.mark.parametrize(("status", "kind", "claudes", "gpts"), ERRORS)
def test_an_error_is_of_the_same_kind_to_the_other_sdk(
    status: int, kind: str, claudes: type[Exception], gpts: type[Exception]
) -> None:
    theirs, ours = named("anthropic_messages"), named("openai_chat")
    body = {"type": "error", "error": {"type": kind, "message": "So it is."}}
    for_gpt = ours.render_error(theirs.parse_error(status, body), "sw_1")
    with pytest.raises(gpts, match=r"So it is\."):
        gpt(for_gpt.body, status=for_gpt.status).chat.completions.create(**ASK)
    for_claude = theirs.render_error(ours.parse_error(for_gpt.status, orjson.loads(for_gpt.body)), "sw_1")
    with pytest.raises(claudes, match=r"So it is\."):
        claude(for_claude.body, status=for_claude.status).messages.create(max_tokens=9, **ASK)


def test_an_account_without_money_is_not_taken_for_a_rate_limit() -> None:
    body = {"error": {"message": "You exceeded your quota.", "type": "x", "code": "insufficient_quota"}}
    failure = named("openai_chat").parse_error(429, body)
    assert named("anthropic_messages").render_error(failure, "sw_1").status == 402


def test_rate_limits_are_told_in_the_other_apis_headers() -> None:
    theirs, ours = named("anthropic_messages"), named("openai_chat")
    told = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "30000",
        "x-ratelimit-remaining-tokens": "29000",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    shown = dict(theirs.render_limits(ours.parse_limits(told, AT), AT))
    assert shown["anthropic-ratelimit-requests-remaining"] == "499"
    assert shown["anthropic-ratelimit-tokens-reset"] == "2026-11-02T09:36:00Z"
    back = dict(ours.render_limits(theirs.parse_limits(shown, AT), AT))
    assert (back["x-ratelimit-limit-tokens"], back["x-ratelimit-reset-tokens"]) == ("30000", "360s")


@pytest.mark.parametrize("told", ["soon", "1x", "", "5 s", "2026-11-02T09:36:00Z"])
def test_a_reset_that_is_no_span_of_time_is_unknown(told: str) -> None:
    limits = named("openai_chat").parse_limits({"x-ratelimit-reset-tokens": told or "-"}, AT)
    assert limits.tokens is None or limits.tokens.resets_in_s is None


def test_a_request_to_count_is_written_as_one() -> None:
    source = named("openai_chat")
    document = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}], "temperature": 1}
    aim = Aim("claude-opus-4-8", counts_only=True)
    found = translated(
        source, named("anthropic_messages"), document, Target("POST", "/"), aim, Asked(AT), Losses()
    )
    assert found.rendered.path == "/v1/messages/count_tokens"
    assert unread_by("anthropic_count", found.rendered.document) == []
