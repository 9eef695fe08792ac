"""The providers as shipped and as written by others: which host, which path, and no way around the list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.content import folder
from sluiceway.errors import ConfigError
from sluiceway.settings.paths import check_pattern, fits, is_canonical
from sluiceway.settings.providers import Providers, match, socket_at

SHIPPED = Providers.load(folder("rules") / "providers.yaml")
GEMINI = "/v1beta/models/gemini-2.5-pro"
CLAUDE = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
ARN = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Fmeta.llama3-8b-instruct-v1%3A0"
ON_VERTEX = "/v1beta1/projects/p-1/locations/global/publishers/google/models/gemini-2.5-pro"
VERTEX = "/v1/projects/p-1/locations/us-east5/publishers/anthropic/models"
GOOGLES = "/v1beta1/projects/p-1/locations/europe-west4/publishers/google/models"

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
    ("xai", "POST", "/v1/responses", "openai_responses", "chat"),
    ("openai", "POST", "/v1/completions", "openai_completions", "completions"),
    ("mistral", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("mistral", "POST", "/v1/fim/completions", "openai_completions", "completions"),
    ("mistral", "POST", "/v1/embeddings", "openai_embeddings", "embeddings"),
    ("mistral", "POST", "/v1/ocr", "mistral_ocr", "ocr"),
    ("groq", "POST", "/openai/v1/chat/completions", "openai_chat", "chat"),
    ("groq", "POST", "/openai/v1/responses", "openai_responses", "chat"),
    ("groq", "POST", "/openai/v1/audio/transcriptions", "openai_transcription", "transcription"),
    ("mistral", "POST", "/v1/audio/transcriptions", "openai_transcription", "transcription"),
    ("deepseek", "POST", "/chat/completions", "openai_chat", "chat"),
    ("deepseek", "POST", "/anthropic/v1/messages", "anthropic_messages", "chat"),
    ("openrouter", "POST", "/api/v1/chat/completions", "openai_chat", "chat"),
    ("openrouter", "POST", "/api/v1/messages", "anthropic_messages", "chat"),
    ("cohere", "POST", "/v2/chat", "cohere_chat", "chat"),
    ("cohere", "POST", "/v2/embed", "cohere_embeddings", "embeddings"),
    ("cohere", "POST", "/v2/rerank", "rerank", "rerank"),
    ("together", "POST", "/v1/rerank", "rerank", "rerank"),
    ("fireworks", "POST", "/inference/v1/chat/completions", "openai_chat", "chat"),
    ("cerebras", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("perplexity", "POST", "/chat/completions", "openai_chat", "chat"),
    ("perplexity", "POST", "/v1/agent", "openai_responses", "chat"),
    ("huggingface", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("huggingface", "POST", "/novita/v1/chat/completions", "openai_chat", "chat"),
    ("zai", "POST", "/api/paas/v4/chat/completions", "openai_chat", "chat"),
    ("zai", "POST", "/api/anthropic/v1/messages", "anthropic_messages", "chat"),
    ("zhipu", "POST", "/api/paas/v4/embeddings", "openai_embeddings", "embeddings"),
    ("moonshot", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("alibaba", "POST", "/compatible-mode/v1/chat/completions", "openai_chat", "chat"),
    ("minimax", "POST", "/v1/text/chatcompletion_v2", "openai_chat", "chat"),
    ("nvidia", "POST", "/v1/chat/completions", "openai_chat", "chat"),
    ("sambanova", "POST", "/v1/embeddings", "openai_embeddings", "embeddings"),
    ("voyage", "POST", "/v1/embeddings", "openai_embeddings", "embeddings"),
    ("voyage", "POST", "/v1/rerank", "rerank", "rerank"),
    ("azure", "POST", "/openai/deployments/house.gpt-4o/chat/completions", "openai_chat", "chat"),
    ("azure", "POST", "/openai/v1/responses", "openai_responses", "chat"),
    ("azure", "POST", "/models/chat/completions", "openai_chat", "chat"),
    ("github", "POST", "/orgs/acme/inference/chat/completions", "openai_chat", "chat"),
    ("bedrock", "POST", f"{CLAUDE}/converse", "bedrock_converse", "chat"),
    ("bedrock", "POST", f"{CLAUDE}/converse-stream", "bedrock_converse", "chat"),
    ("bedrock", "POST", f"{CLAUDE}/count-tokens", "bedrock_converse", "count_tokens"),
    ("bedrock", "POST", "/model/us.amazon.nova-lite-v1:0/invoke", "bedrock_invoke", "chat"),
    ("bedrock", "POST", f"{ARN}/invoke-with-response-stream", "bedrock_invoke", "chat"),
    ("bedrock", "POST", "/openai/v1/chat/completions", "openai_chat", "chat"),
    ("bedrock", "POST", "/anthropic/v1/messages", "anthropic_messages", "chat"),
    ("bedrock-mantle", "POST", "/v1/responses", "openai_responses", "chat"),
    ("vertex", "POST", f"{VERTEX}/claude-opus-4-5@20251101:rawPredict", "anthropic_vertex", "chat"),
    ("vertex", "POST", f"{VERTEX}/claude-opus-4-6:streamRawPredict", "anthropic_vertex", "chat"),
    ("vertex", "POST", f"{VERTEX}/count-tokens:rawPredict", "anthropic_vertex", "count_tokens"),
    ("vertex", "POST", f"{ON_VERTEX}:generateContent", "gemini", "generate_content"),
    ("vertex", "POST", f"{ON_VERTEX}:streamGenerateContent", "gemini", "generate_content"),
    ("vertex", "POST", f"{ON_VERTEX}:countTokens", "gemini", "count_tokens"),
]
METERED += [
    ("openai", "POST", "/v1/responses/input_tokens", "openai_responses", "count_tokens"),
    ("openai", "POST", "/v1/images/edits", "openai_images", "images"),
    ("openai", "POST", "/v1/audio/speech", "openai_speech", "speech"),
    ("openai", "POST", "/v1/audio/translations", "openai_transcription", "transcription"),
    ("openai", "POST", "/v1/moderations", "openai_moderation", "moderation"),
    ("google", "POST", "/v1beta/models/imagen-4.0-generate-001:predict", "google_predict", "images"),
    ("google", "POST", "/v1beta/openai/chat/completions", "openai_chat", "chat"),
    ("vertex", "POST", f"{GOOGLES}/gemini-2.5-pro:streamGenerateContent", "gemini", "generate_content"),
    ("vertex", "POST", f"{GOOGLES}/gemini-2.0-flash@001:countTokens", "gemini", "count_tokens"),
    ("vertex", "POST", f"{GOOGLES}/text-embedding-005:predict", "google_predict", "embeddings"),
    ("vertex", "POST", f"{GOOGLES}/imagen-4.0-generate-001:predict", "google_predict", "images"),
]
UNMETERED = [
    ("anthropic", "POST", "/v1/files"),
    ("google", "DELETE", "/v1beta/cachedContents/c1"),
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
    ("groq", "GET", "/openai/v1/models/openai/gpt-oss-20b"),
    ("openrouter", "GET", "/"),
    ("openrouter", "GET", "/api/v1/generation"),
    ("deepseek", "GET", "/user/balance"),
    ("cohere", "POST", "/v1/check-api-key"),
    ("azure", "GET", "/openai/v1/models"),
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
    ("openai", "POST", "/v1/videos"),
    ("openai", "POST", "/v1/vector_stores"),
    ("openai", "POST", "/v1/containers"),
    ("openai", "POST", "/v1/threads"),
    ("openai", "POST", "/v1/fine_tuning/jobs"),
    ("anthropic", "POST", "/v1/skills"),
    ("google", "POST", "/v1beta/cachedContents"),
    ("google", "PATCH", "/v1beta/cachedContents/c1"),
    ("google", "POST", "/v1beta/models/veo-3.0-generate-001:predictLongRunning"),
    ("vertex", "POST", "/v1/projects/p/locations/l/publishers/google/models/veo-3:predictLongRunning"),
    ("vertex", "POST", "/v1/projects/p/locations/l/batchPredictionJobs"),
    ("openai", "POST", "/v1/responses/resp_1"),
    ("openai", "GET", "/v1/responses/resp_1/cancel"),
    ("google", "GET", f"{GEMINI}:generateContent"),
    ("google", "POST", f"{GEMINI}:asyncBatchEmbedContent"),
    ("google", "POST", f"{GEMINI}:countTokens:generateContent"),
    ("google", "POST", "/v1beta/models/:generateContent"),
    ("google", "POST", "/v1beta/models/a/b:generateContent"),
    ("google", "POST", "/v1alpha/models/gemini-2.5-pro:embedContent"),
    ("xai", "POST", "/v1/videos/generations"),
    ("openrouter", "POST", "/api/frontend/chat"),
    ("mistral", "POST", "/v1/agents/completions"),
    ("mistral", "POST", "/v1/fine_tuning/jobs"),
    ("cohere", "POST", "/v1/chat"),
    ("azure", "POST", "/openai/deployments/a/b/chat/completions"),
    ("azure", "POST", "/openai/deployments/a/images/generations"),
    ("azure", "POST", "/openai/assistants"),
    ("groq", "POST", "/v1/chat/completions"),
    ("perplexity", "POST", "/search"),
    ("bedrock", "POST", "/async-invoke"),
    ("bedrock", "POST", "/model/a/invoke-with-bidirectional-stream"),
    ("bedrock", "POST", "/model/a/b/invoke"),
    ("bedrock", "POST", "/model/a%2F..%2Fb/invoke"),
    ("bedrock", "POST", "/model/a%2F%2Fb/invoke"),
    ("bedrock", "POST", "/model/%2Fa/invoke"),
    ("bedrock", "POST", "/model/a%2F/invoke"),
    ("bedrock", "POST", "/model/a%252Fb/invoke"),
    ("bedrock", "POST", "/model/a%3Bb/invoke"),
    ("bedrock", "POST", "/model/a%00/invoke"),
    ("bedrock", "POST", "/model/../model/a/invoke"),
    ("bedrock", "POST", "/openai/v1%2Fchat/completions"),
    ("bedrock", "POST", "/guardrail/g/version/1/apply"),
    ("vertex", "POST", f"{VERTEX}/claude-opus-4-5%40x:rawPredict"),
    ("vertex", "POST", "/v1/projects/p/locations/l/endpoints/123:predict"),
    ("vertex", "POST", f"{VERTEX}/imagen-4.0-generate-001:predict"),
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


def test_every_shipped_provider_that_bills_by_use_refuses_what_is_not_listed():
    passing = {provider.name for provider in SHIPPED.by_name.values() if provider.unlisted == "pass"}
    assert passing == {"google-code-assist"}  # a seat: whatever is used there costs nothing more


def test_chatgpt_is_watched_and_not_decrypted():
    """Decision 0011: it is a consumer site."""
    assert SHIPPED.at("chatgpt.com") is None
    assert SHIPPED.watched("chatgpt.com")
    assert "chatgpt.com" not in SHIPPED.hosts


def test_an_entry_that_is_not_enabled_is_as_if_it_were_not_there(tmp_path):
    text = (Path(__file__).parents[2] / "rules" / "providers.yaml").read_text()
    (tmp_path / "providers.yaml").write_text(text.replace("enabled: false", "enabled: true"))
    switched_on = Providers.load(tmp_path / "providers.yaml")
    assert switched_on.by_name.keys() - SHIPPED.by_name.keys() == {"chatgpt"}
    found = switched_on.at("chatgpt.com")
    assert match(found, "POST", "/backend-api/codex/responses").dialect == "openai_responses"
    assert found.unlisted == "pass"
    for path in ("/", "/backend-api/wham/accounts/check", "/backend-api/conversation"):
        route = match(found, "GET", path)
        assert route is None or route.dialect is None


def test_another_service_of_a_host_passes_as_one_whose_cost_nobody_knows():
    azure = SHIPPED.by_name["azure"]
    for path in ("/speechtotext/v3.2/transcriptions", "/vision/v3.2/analyze"):
        route = match(azure, "POST", path)
        assert route is not None
        assert (route.dialect, route.operation) == (None, "unlisted")
    assert match(azure, "POST", "/openai/assistants") is None


def test_no_shipped_pass_pattern_reaches_a_metered_path():
    for provider in SHIPPED.by_name.values():
        metered = [route for route in provider.routes if route.dialect is not None]
        for route in metered:
            path = re.sub(r"\{[a-z]+\}", "m", route.pattern)
            free = [r for r in provider.routes if r.dialect is None and r.method in (route.method, "*")]
            assert not any(fits(each.pattern, path) for each in free), route


def test_a_host_is_a_provider_only_by_its_whole_name():
    assert SHIPPED.at("api.openai.com") is SHIPPED.by_name["openai"]
    assert SHIPPED.at("eu.api.openai.com") is SHIPPED.by_name["openai"]
    for near in (
        "openai.com",
        "zz.api.openai.com",
        "api.openai.com.",
        "API.openai.com",
        "xapi.openai.com",
        "",
    ):
        assert SHIPPED.at(near) is None
    assert "api.anthropic.com" in SHIPPED.hosts


WATCHED = [
    "chatgpt.com",
    "ab.chatgpt.com",
    "claude.ai",
    "chat.mistral.ai",
    "zz.api.openai.com",
    "perplexity.ai",
]
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
        "must be 'batch', 'batch_file', 'chat', 'completions', 'count_tokens', 'embeddings', "
        "'generate_content', 'images', 'moderation', 'ocr', 'rerank', 'speech' or 'transcription' "
        "(did you mean 'embeddings'?)",
    ),
    "socket with a method": (
        ENTRY
        + "    sockets:\n      - {method: GET, path: /v1/live, dialect: one_live, operation: realtime}\n",
        "11:10: providers.0.sockets.0.method: unknown field; known here: path, dialect, operation",
    ),
    "socket of another operation": (
        ENTRY + "    sockets:\n      - {path: /v1/live, dialect: one_live, operation: live}\n",
        "11:56: providers.0.sockets.0.operation: must be 'chat' or 'realtime'",
    ),
    "socket listed twice": (
        ENTRY + "    sockets:\n" + "      - {path: /v1/live, dialect: one_live, operation: chat}\n" * 2,
        "12:9: providers.0.sockets.1: 'socket /v1/live' is given twice (first at providers.yaml:11:9)",
    ),
    "watching a top-level domain": (
        ENTRY + "watch: [ai]\n",
        "10:9: watch.0: write a host name such as example.com; '*' stands for letters within one label",
    ),
    "harmless list by another name": (
        ENTRY + "    harmless: []\n",
        "10:5: providers.0.harmless: unknown field; known here: "
        "name, enabled, hosts, price_id, dialect, credential_headers, unlisted, grpc, quirks, seats, "
        "paths, sockets, pass, flagged",
    ),
    "quirk misspelt": (
        ENTRY + "    quirks: {stream_usages: always}\n",
        "10:14: providers.0.quirks.stream_usages: unknown field (did you mean 'stream_usage'?)",
    ),
    "quirk of an unknown kind": (
        ENTRY + "    quirks: {stream_usage: sometimes}\n",
        "10:28: providers.0.quirks.stream_usage: must be 'asked', 'always' or 'never'",
    ),
    "field that is no field": (
        ENTRY + "    quirks: {refuses: [Logit-Bias]}\n",
        "10:24: providers.0.quirks.refuses.0: "
        "write a top-level field of the request's body, such as max_tokens",
    ),
    "renamed twice": (
        ENTRY + "    quirks: {renames: {a: b, b: c}}\n",
        "10:13: providers.0.quirks: renames 'a' to 'b' and that again: name the field it ends as",
    ),
    "renamed to what is not taken": (
        ENTRY + "    quirks: {renames: {a: b}, takes: [model]}\n",
        "10:13: providers.0.quirks: renames 'a' to 'b', which is not taken",
    ),
}


LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


@pytest.mark.parametrize(
    ("provider", "path", "dialect"),
    [
        ("openai", "/v1/responses", "openai_responses_socket"),
        ("openai", "/v1/realtime", "openai_realtime"),
        ("openai", "/v1/realtime/calls", None),
        ("openai", "/v1/chat/completions", None),
        ("openai", "/v1//responses", None),
        ("google", LIVE, "gemini_live"),
        ("google", "/" + LIVE, "gemini_live"),
        ("google", LIVE + "Constrained", "gemini_live"),
        ("google", LIVE + "X", None),
        ("anthropic", "/v1/messages", None),
    ],
)
def test_only_listed_sockets_are_metered(provider, path, dialect):
    found = socket_at(SHIPPED.by_name[provider], path)
    assert (found and found.dialect) == dialect


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


def test_every_customers_azure_host_is_one_provider():
    azure = SHIPPED.by_name["azure"]
    for host in ("acme.openai.azure.com", "x.services.ai.azure.com", "y.cognitiveservices.azure.com"):
        assert SHIPPED.at(host) is azure
    assert SHIPPED.at("openai.azure.com") is None
    assert SHIPPED.at("a.b.openai.azure.com") is None
    assert azure.own_host is None


def test_the_examples_in_the_file_are_entries_that_load(tmp_path):
    """What is commented out for a company's own hosts: Snowflake, and a server of one's own."""
    shipped = (folder("rules") / "providers.yaml").read_text().partition("# Snowflake Cortex")[2]
    examples = [line[2:] for line in shipped.splitlines() if line.startswith("#   ")]
    (tmp_path / "providers.yaml").write_text("\n".join(["version: 1", "providers:", *examples]) + "\n")
    found = Providers.load(tmp_path / "providers.yaml")
    assert set(found.by_name) == {"snowflake", "house"}
    route = match(found.by_name["snowflake"], "POST", "/api/v2/cortex/v1/chat/completions")
    assert route is not None
    assert route.dialect == "openai_chat"


def test_quirks_are_read_as_written():
    mistral, openrouter = SHIPPED.by_name["mistral"].quirks, SHIPPED.by_name["openrouter"].quirks
    assert (mistral.stream_usage, mistral.renames["seed"]) == ("always", "random_seed")
    assert "safe_prompt" in mistral.takes
    assert (openrouter.cost, openrouter.stream_usage, openrouter.takes) == ("reported", "asked", frozenset())


def test_without_a_watch_list_nothing_is_watched(tmp_path):
    (tmp_path / "providers.yaml").write_text(ENTRY)
    assert not Providers.load(tmp_path / "providers.yaml").watched("chatgpt.com")


@pytest.mark.parametrize(
    "pattern", ["", "v1", "/v1/", "//", "/../x", "/*/x", "/a*", "/{x", "/a%2f", "/{x%}/*", "/{X}", "/*x"]
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
