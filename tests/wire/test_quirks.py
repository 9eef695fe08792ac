"""How a request is fitted to a provider that differs: renamed, told apart, refused; nothing is left out."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from sluiceway.content import folder
from sluiceway.errors import WireError
from sluiceway.settings.providers import Providers, match, path_at
from sluiceway.wire import Reading, Target, by_name
from sluiceway.wire.quirks import fitted, renamed

SHIPPED = Providers.load(folder("rules") / "providers.yaml").by_name
HI = [{"role": "user", "content": "hi"}]
CHAT = "/v1/chat/completions"
OPTIONS = {"include_usage": True}


def asked(provider: str = "openai", path: str = CHAT, query: str = "", **fields: Any) -> Reading:
    """A client's request as it is read at the provider it named."""
    body = {"model": "m", "messages": HI, **fields}
    given = {name: value for name, value in body.items() if value is not ...}
    add_usage = SHIPPED[provider].quirks.stream_usage == "asked"
    target = Target("POST", path, query)
    return by_name("openai_chat").read(target, {}, orjson.dumps(given), add_usage)


@pytest.mark.parametrize(
    ("at", "to", "fields", "wanted"),
    [
        pytest.param(
            "openai", "mistral", {"max_completion_tokens": 5}, {"max_tokens": 5}, id="limit-to-mistral"
        ),
        pytest.param("openai", "mistral", {"seed": 3}, {"random_seed": 3}, id="seed-to-mistral"),
        pytest.param(
            "mistral", "openai", {"max_tokens": 5}, {"max_completion_tokens": 5}, id="limit-to-openai"
        ),
        pytest.param("mistral", "openai", {"random_seed": 3}, {"seed": 3}, id="seed-to-openai"),
        pytest.param(
            "openai", "deepseek", {"max_completion_tokens": 5}, {"max_tokens": 5}, id="limit-to-deepseek"
        ),
        pytest.param(
            "deepseek", "cerebras", {"max_tokens": 5}, {"max_completion_tokens": 5}, id="to-cerebras"
        ),
        pytest.param("openai", "groq", {"max_tokens": 5}, {"max_tokens": 5}, id="nothing-to-rename"),
        pytest.param(
            "openai",
            "mistral",
            {"max_tokens": 5, "max_completion_tokens": 5},
            {"max_tokens": 5},
            id="both-alike",
        ),
        pytest.param("openai", "mistral", {"logit_bias": None}, {"logit_bias": None}, id="null-says-nothing"),
        pytest.param("openai", "mistral", {"stream": True}, {"stream": True}, id="our-asking-goes"),
        pytest.param(
            "openai",
            "mistral",
            {"stream": True, "stream_options": OPTIONS},
            {"stream": True},
            id="told-unasked",
        ),
        pytest.param(
            "mistral",
            "openai",
            {"stream": True},
            {"stream": True, "stream_options": OPTIONS},
            id="asked-for-again",
        ),
        pytest.param(
            "openai", "fireworks", {"stream": True, "n": 2}, {"stream": True, "n": 2}, id="usage-unasked"
        ),
    ],
)
def test_a_request_is_fitted_to_where_a_route_sends_it(
    at: str, to: str, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    fit = fitted(asked(at, **fields), SHIPPED[to].quirks)
    assert fit.document == orjson.loads(fit.body) == {"model": "m", "messages": HI, **wanted}


@pytest.mark.parametrize(
    ("to", "fields", "says"),
    [
        pytest.param("mistral", {"logit_bias": {"1": 2}}, "logit_bias: not taken there", id="not-in-takes"),
        pytest.param("deepseek", {"n": 2}, "n: not taken there", id="would-be-ignored"),
        pytest.param("groq", {"logprobs": True}, "logprobs: not taken there", id="refused"),
        pytest.param(
            "mistral",
            {"max_tokens": 5, "max_completion_tokens": 6},
            "max_completion_tokens and max_tokens: both are given, and they differ",
            id="two-limits",
        ),
    ],
)
def test_a_request_that_would_lose_something_is_refused(to: str, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(WireError, match=says):
        fitted(asked(**fields), SHIPPED[to].quirks)


CALLED = {"role": "assistant", "tool_calls": [{"id": "t", "type": "function", "function": {"name": "ls"}}]}


@pytest.mark.parametrize(
    ("turn", "more", "thinking"),
    [
        (CALLED, {}, {"type": "disabled"}),
        (CALLED | {"reasoning_content": "First ls."}, {}, None),
        (CALLED, {"reasoning_effort": "low"}, None),
        ({"role": "assistant", "content": "Done."}, {}, None),
    ],
    ids=["thoughts are missing", "they are there", "the client says how to think", "no tools were called"],
)
def test_deepseek_is_not_asked_to_think_on_without_its_thoughts(
    turn: dict[str, Any], more: dict[str, Any], thinking: Any
) -> None:
    fit = fitted(asked(messages=[turn], **more), SHIPPED["deepseek"].quirks)
    assert fit.document.get("thinking") == thinking


def test_a_client_that_asked_for_usage_is_not_sent_where_none_is_told() -> None:
    silent = SHIPPED["openai"].quirks.__class__(stream_usage="never")
    assert "stream_options" not in fitted(asked(stream=True), silent).document
    with pytest.raises(WireError, match="include_usage: not told there"):
        fitted(asked(stream=True, stream_options=OPTIONS), silent)


def test_a_deployments_request_gets_its_model_where_the_path_has_none() -> None:
    path = "/openai/deployments/gpt-4o/chat/completions"
    reading = asked("azure", path, "api-version=2024-10-21", model=..., max_tokens=5)
    assert "model" not in reading.document
    assert fitted(reading, SHIPPED["openai"].quirks).document["model"] == "gpt-4o"


def test_a_limit_of_ours_has_the_providers_own_name() -> None:
    limited = by_name("openai_chat").limit_output(asked("mistral"), 7)
    assert renamed(limited, SHIPPED["mistral"].quirks).document == {
        "model": "m",
        "messages": HI,
        "max_tokens": 7,
    }
    assert renamed(limited, SHIPPED["groq"].quirks) is limited


@pytest.mark.parametrize(
    ("version", "name"), [("2024-06-01", "max_tokens"), ("2024-10-21", "max_completion_tokens")]
)
def test_a_limit_of_ours_is_named_as_azures_version_knows_it(version: str, name: str) -> None:
    path = "/openai/deployments/d/chat/completions"
    reading = asked("azure", path, f"api-version={version}", model=...)
    assert by_name("openai_chat").limit_output(reading, 7).document == {"messages": HI, name: 7}


@pytest.mark.parametrize("name", ["anthropic_messages", "openai_responses"])
def test_other_apis_are_left_as_they_are(name: str) -> None:
    body = orjson.dumps({"model": "m", "max_tokens": 5, "messages": HI, "input": "hi"})
    reading = by_name(name).read(Target("POST", "/v1"), {}, body)
    assert fitted(reading, SHIPPED["mistral"].quirks) is reading


def test_a_completion_keeps_its_fields_and_is_told_its_usage() -> None:
    body = orjson.dumps({"model": "m", "prompt": "x", "max_tokens": 5, "logprobs": 1, "stream": True})
    reading = by_name("openai_completions").read(Target("POST", "/v1/completions"), {}, body)
    fit = fitted(reading, SHIPPED["mistral"].quirks)
    assert fit.document == orjson.loads(body)


@pytest.mark.parametrize(
    ("at", "path", "to", "wanted"),
    [
        ("openai", CHAT, "groq", "/openai/v1/chat/completions"),
        ("openai", CHAT, "openrouter", "/api/v1/chat/completions"),
        ("openai", CHAT, "fireworks", "/inference/v1/chat/completions"),
        ("openai", CHAT, "mistral", CHAT),
        ("openai", CHAT, "deepseek", CHAT),
        ("openai", CHAT, "alibaba", "/compatible-mode/v1/chat/completions"),
        ("openai", CHAT, "zai", "/api/paas/v4/chat/completions"),
        ("openai", CHAT, "azure", "/openai/v1/chat/completions"),
        ("openai", CHAT, "cohere", "/compatibility/v1/chat/completions"),
        ("openai", CHAT, "voyage", None),
        ("openai", "/v1/embeddings", "voyage", "/v1/embeddings"),
        ("groq", "/openai/v1/chat/completions", "openai", CHAT),
        ("groq", "/openai/v1/responses", "xai", "/v1/responses"),
        ("deepseek", "/beta/chat/completions", "perplexity", "/chat/completions"),
        ("azure", "/openai/deployments/d/chat/completions", "openai", CHAT),
        ("azure", "/openai/deployments/d/embeddings", "openai", "/v1/embeddings"),
        ("cohere", "/v2/chat", "openai", None),
        ("cohere", "/v2/rerank", "voyage", "/v1/rerank"),
        ("mistral", "/v1/fim/completions", "deepseek", "/beta/completions"),
        ("mistral", "/v1/ocr", "openai", None),
    ],
)
def test_each_provider_has_its_own_path_for_the_same(at: str, path: str, to: str, wanted: str | None) -> None:
    route = match(SHIPPED[at], "POST", path)
    assert route is not None
    assert path_at(SHIPPED[to], route, path) == wanted


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", {"messages": HI}),
        ("openai_embeddings", {"input": "x"}),
        ("openai_completions", {"prompt": "x"}),
    ],
)
@pytest.mark.parametrize("named", [False, True], ids=["path-alone", "body-too"])
def test_another_deployment_is_another_path(dialect: str, body: dict[str, Any], named: bool) -> None:
    path = "/openai/deployments/{}/chat/completions"
    given = {**body, "model": "old"} if named else body
    reading = by_name(dialect).read(Target("POST", path.format("old")), {}, orjson.dumps(given))
    moved, target = by_name(dialect).with_model(reading, "new.one")
    assert (target, moved.target.path, moved.call.model) == (
        path.format("new.one"),
        path.format("new.one"),
        "new.one",
    )
    assert moved.document == ({**body, "model": "new.one"} if named else body)
    with pytest.raises(WireError, match="deployment's name"):
        by_name(dialect).with_model(reading, "a/b")
