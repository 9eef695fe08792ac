"""The providers as shipped and as written by others: which host, which path, and no way around the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.content import folder
from sluiceway.errors import ConfigError
from sluiceway.settings.paths import check_pattern, fits, is_canonical
from sluiceway.settings.providers import Providers, match

SHIPPED = Providers.load(folder("rules") / "providers.yaml")
GEMINI = "/v1beta/models/gemini-2.5-pro"

METERED = [
    ("anthropic", "POST", "/v1/messages", "anthropic_messages", "chat"),
    ("anthropic", "POST", "/v1/messages/count_tokens", "anthropic_messages", "count_tokens"),
    ("openai", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("openai", "POST", "/v1/responses", "openai_responses", "chat"),
    ("openai", "POST", "/v1/responses/compact", "openai_responses", "chat"),
    ("openai", "POST", "/v1/embeddings", "openai_embeddings", "embeddings"),
    ("google", "POST", f"{GEMINI}:generateContent", "gemini", "generate_content"),
    ("google", "POST", f"{GEMINI}:streamGenerateContent", "gemini", "generate_content"),
    ("google", "POST", f"{GEMINI}:countTokens", "gemini", "count_tokens"),
    ("google", "POST", f"{GEMINI}:embedContent", "gemini", "embeddings"),
    ("google", "POST", f"{GEMINI}:batchEmbedContents", "gemini", "embeddings"),
    ("google", "POST", "/v1/models/gemini-2.5-pro:generateContent", "gemini", "generate_content"),
    ("xai", "POST", "/v1/chat/completions", "openai_chat", "chat"),
]
UNMETERED = [
    ("anthropic", "GET", "/v1/models"),
    ("anthropic", "GET", "/v1/models/claude-sonnet-4-5"),
    ("anthropic", "POST", "/api/event_logging/batch"),
    ("anthropic", "GET", "/api/oauth/profile"),
    ("openai", "GET", "/v1/models"),
    ("openai", "GET", "/v1/models/ft:gpt-4o-mini:acme::AbC123"),
    ("openai", "GET", "/v1/responses/resp_1"),
    ("openai", "DELETE", "/v1/responses/resp_1"),
    ("google", "GET", GEMINI),
    ("xai", "GET", "/v1/language-models"),
]
UNLISTED = [
    ("anthropic", "GET", "/v1/messages"),
    ("anthropic", "PUT", "/v1/messages/batches"),
    ("anthropic", "POST", "/v1/complete"),
    ("anthropic", "GET", "/api"),
    ("anthropic", "POST", "/V1/messages"),
    ("anthropic", "post", "/v1/messages"),
    ("anthropic", "*", "/v1/messages"),
    ("openai", "GET", "/v1/responses"),
    ("openai", "PUT", "/v1/batches"),
    ("openai", "POST", "/v1/images/generations"),
    ("openai", "POST", "/v1/responses/resp_1"),
    ("openai", "GET", "/v1/responses/resp_1/cancel"),
    ("google", "GET", f"{GEMINI}:generateContent"),
    ("google", "POST", f"{GEMINI}:batchGenerateContent"),
    ("google", "POST", f"{GEMINI}:countTokens:generateContent"),
    ("google", "POST", "/v1beta/models/:generateContent"),
    ("google", "POST", "/v1beta/models/a/b:generateContent"),
    ("google", "POST", "/v1alpha/models/gemini-2.5-pro:generateContent"),
    ("xai", "POST", "/v1/images/generations"),
]
# Spellings that some server may read as /v1/messages or as a path below /api: none is listed.
TRICKS = [
    "",
    "v1/messages",
    "//v1/messages",
    "/v1//messages",
    "/v1/messages/",
    "/v1/./messages",
    "/api/../v1/messages",
    "/api/x/..",
    "/api/.",
    "/api//x",
    "/api/",
    "/api/%2e%2e/v1/messages",
    "/api/..%2Fv1/messages",
    "/v1%2Fmessages",
    "/v1/messages%00",
    "/v1/messages;x=1",
    "/api/..;/v1/messages",
    "/api\\..\\v1\\messages",
    "/api/x?y",
    "/api/x#y",
    "/api/x y",
    "/api/x\n",
    "/api/x\r\nHost: a",
    "/api/é",
    "/api/．．/v1/messages",
    "https://api.anthropic.com/v1/messages",
    "*",
]


@pytest.mark.parametrize(("name", "method", "path", "dialect", "operation"), METERED)
def test_model_calls_are_metered(name, method, path, dialect, operation):
    route = match(SHIPPED.by_name[name], method, path)
    assert route is not None
    assert (route.dialect, route.operation) == (dialect, operation)


@pytest.mark.parametrize(("name", "method", "path"), UNMETERED)
def test_harmless_paths_pass_unmetered(name, method, path):
    route = match(SHIPPED.by_name[name], method, path)
    assert route is not None
    assert route.dialect is None


@pytest.mark.parametrize(("name", "method", "path"), UNLISTED)
def test_every_other_path_is_unlisted(name, method, path):
    assert match(SHIPPED.by_name[name], method, path) is None


@pytest.mark.parametrize("path", TRICKS, ids=repr)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_can_be_read_in_two_ways_is_unlisted(method, path):
    assert match(SHIPPED.by_name["anthropic"], method, path) is None


def test_every_shipped_provider_refuses_what_is_not_listed():
    assert {provider.unlisted for provider in SHIPPED.by_name.values()} == {"refuse"}


def test_no_shipped_pass_pattern_reaches_a_metered_path():
    for provider in SHIPPED.by_name.values():
        metered = [route for route in provider.routes if route.dialect is not None]
        for route in metered:
            path = route.pattern.replace("{model}", "m")
            free = [r for r in provider.routes if r.dialect is None and r.method in (route.method, "*")]
            assert not any(fits(each.pattern, path) for each in free), route


def test_a_host_is_a_provider_only_by_its_whole_name():
    assert SHIPPED.at("api.openai.com") is SHIPPED.by_name["openai"]
    for near in (
        "openai.com",
        "eu.api.openai.com",
        "api.openai.com.",
        "API.openai.com",
        "xapi.openai.com",
        "",
    ):
        assert SHIPPED.at(near) is None
    assert "api.anthropic.com" in SHIPPED.hosts


WATCHED = ["chatgpt.com", "ab.chatgpt.com", "claude.ai", "api.mistral.ai", "eu.api.openai.com"]
WATCHED += ["us-central1-aiplatform.googleapis.com", "bedrock-runtime.eu-west-1.amazonaws.com"]
NOT_WATCHED = [
    "example.com",
    "notchatgpt.com",
    "chatgpt.com.example.org",
    "www.google.com",
    "amazonaws.com",
    "",
]
NOT_WATCHED += ["bedrock-runtime.amazonaws.com", "bedrock-runtime.a.b.amazonaws.com", "chatgpt.com\n"]


@pytest.mark.parametrize("host", WATCHED)
def test_ai_hosts_that_are_not_decrypted_are_watched(host):
    assert SHIPPED.watched(host)


@pytest.mark.parametrize("host", NOT_WATCHED, ids=repr)
def test_other_hosts_are_not_watched(host):
    assert not SHIPPED.watched(host)


ENTRY = """\
version: 1
providers:
  - name: one
    hosts: [api.one.example]
    price_id: one
    dialect: openai_chat
    credential_headers: [authorization]
    paths:
      - {method: POST, path: /v1/chat, dialect: openai_chat, operation: chat}
"""
MISTAKES = {
    "host twice": (
        ENTRY.replace("[api.one.example]", "[api.one.example, api.one.example]"),
        "4:30: providers.0.hosts.1: 'api.one.example' is given twice (first at providers.yaml:4:13)",
    ),
    "path in both lists": (
        ENTRY + "    pass:\n      - {method: POST, path: /v1/chat}\n",
        "11:9: providers.0.pass.0: 'POST /v1/chat' is given twice (first at providers.yaml:9:9)",
    ),
    "host with a scheme": (
        ENTRY.replace("[api.one.example]", "['https://api.one.example']"),
        "4:13: providers.0.hosts.0: write the bare host name in lower case, such as api.example.com",
    ),
    "star over half the internet": (
        ENTRY.replace("[api.one.example]", "['*.one.example']"),
        "4:13: providers.0.hosts.0: after '*.' at least three labels must follow, such as *.openai.azure.com",
    ),
    "star inside a path": (
        ENTRY.replace("/v1/chat", "/v1/*/chat"),
        "9:30: providers.0.paths.0.path: "
        "write a path such as /v1/models/{id}, or /api/* for all that lies below",
    ),
    "metered by any method": (
        ENTRY.replace("method: POST", "method: '*'"),
        "9:18: providers.0.paths.0.method: must be 'GET', 'HEAD', 'POST', 'PUT', 'PATCH' or 'DELETE'",
    ),
    "operation misspelt": (
        ENTRY.replace("operation: chat", "operation: embedding"),
        "9:73: providers.0.paths.0.operation: "
        "must be 'batch', 'batch_file', 'chat', 'count_tokens', 'embeddings' or 'generate_content' "
        "(did you mean 'embeddings'?)",
    ),
    "watching a top-level domain": (
        ENTRY + "watch: [ai]\n",
        "10:9: watch.0: write a host name such as example.com; '*' stands for letters within one label",
    ),
    "harmless list by another name": (
        ENTRY + "    harmless: []\n",
        "10:5: providers.0.harmless: unknown field; known here: "
        "name, hosts, price_id, dialect, credential_headers, unlisted, paths, pass",
    ),
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_where_it_is_and_what_to_write(tmp_path, monkeypatch, text, expected):
    monkeypatch.chdir(tmp_path)
    Path("providers.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Providers.load(Path("providers.yaml"))
    assert str(caught.value) == f"providers.yaml:{expected}"


def test_a_star_stands_for_one_label_and_an_exact_name_beats_it(tmp_path):
    other = ENTRY.replace("version: 1\nproviders:\n", "").replace("name: one", "name: two")
    text = ENTRY.replace("[api.one.example]", "['*.openai.one.example']")
    text += other.replace("[api.one.example]", "[special.openai.one.example]")
    (tmp_path / "providers.yaml").write_text(text)
    found = Providers.load(tmp_path / "providers.yaml")
    assert found.at("acme.openai.one.example") is found.by_name["one"]
    assert found.at("special.openai.one.example") is found.by_name["two"]
    for near in ("openai.one.example", "a.b.openai.one.example", "*.openai.one.example.", ".one.example"):
        assert found.at(near) is None
    assert found.hosts == ("openai.one.example", "special.openai.one.example")
    assert found.by_name["one"].own_host is None


def test_a_free_pattern_cannot_hide_a_metered_path(tmp_path):
    (tmp_path / "providers.yaml").write_text(ENTRY + "    pass:\n      - {method: '*', path: /v1/*}\n")
    provider = Providers.load(tmp_path / "providers.yaml").by_name["one"]
    metered, free = match(provider, "POST", "/v1/chat"), match(provider, "POST", "/v1/other")
    assert (metered and metered.dialect, free and free.dialect) == ("openai_chat", None)
    assert free is not None


def test_two_providers_cannot_share_a_name_or_a_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("providers.yaml").write_text(ENTRY + ENTRY.split("providers:\n")[1])
    with pytest.raises(ConfigError) as caught:
        Providers.load(Path("providers.yaml"))
    assert str(caught.value).splitlines() == [
        "providers.yaml:10:11: providers.1.name: 'one' is given twice (first at providers.yaml:3:11)",
        "providers.yaml:11:13: providers.1.hosts.0: "
        "'api.one.example' is given twice (first at providers.yaml:4:13)",
    ]


def test_without_a_watch_list_nothing_is_watched(tmp_path):
    (tmp_path / "providers.yaml").write_text(ENTRY)
    assert not Providers.load(tmp_path / "providers.yaml").watched("chatgpt.com")


@pytest.mark.parametrize(
    "pattern", ["", "v1", "/v1/", "//", "/../x", "/*/x", "/a*", "/{x", "/a%2f", "/{X}", "/*x"]
)
def test_a_pattern_that_could_never_match_or_match_too_much_is_refused(pattern):
    with pytest.raises(ValueError):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["/", "/v1", "/v1/{id}", "/v1/{id}/x", "/v1/{m}:generate", "/api/*", "/*"]
)
def test_a_pattern_that_makes_sense_is_taken(pattern):
    assert check_pattern(pattern) == pattern


SEGMENTS = st.sampled_from(["a", "..", ".", "", "%2e", ";", "v1", "...", "a:b", "é", "\\", "x y"])


@given(st.lists(SEGMENTS, min_size=1, max_size=6))
def test_a_canonical_path_has_only_plain_segments(segments):
    plain = all(segment in ("a", "v1", "...", "a:b") for segment in segments)
    root = segments == [""]
    assert is_canonical("/" + "/".join(segments)) is (plain or root)
