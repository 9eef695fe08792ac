"""Routes within the family: a request reaches another provider in its own words, or is refused rather than
changed in meaning. The simulated Mistral answers 422 to any field it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since

pytestmark = pytest.mark.e2e

HI: list[Any] = [{"role": "user", "content": "Say hello."}]
KEYS = {
    "openai": "sk-proj-the-companys",
    "mistral": "the-companys-mistral-key",
    "groq": "gsk_the-companys",
    "azure": "the-companys-azure-key",
    "openrouter": "sk-or-v1-the-companys",
}
POLICY = """
routes:
  - {name: to-mistral, match: {model: gpt-4.1}, to: {provider: mistral, model: mistral-large-2512}}
  - {name: to-groq, match: {model: gpt-4o-mini}, to: {provider: groq, model: llama-3.3-70b-versatile}}
  - {name: home, match: {model: "mistral-small-*"}, to: {provider: openai, model: gpt-4o}}
  - {name: from-azure, match: {model: old-deployment}, to: {provider: openai, model: gpt-4o}}
  - {name: same-model, match: {model: openai/gpt-oss-20b}, to: {provider: openrouter}}
inject: [{name: for-all}]
"""


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("family-routes"), latency=NO_LATENCY)
    for provider, secret in KEYS.items():
        started.add_key(f"{provider}-key", provider, secret)
    started.set_rules("20-routes", POLICY)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(routed: Running) -> str:
    return routed.add("alice")


@pytest.fixture(autouse=True)
def environment(routed: Running, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", alice)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("SSL_CERT_FILE", str(routed.deployment.settings.certs / "bundle.pem"))


@pytest.fixture
def since(routed: Running) -> Since:
    return Since(routed)


def client(provider: str, url: str = "https://api.openai.com/v1") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=KEYS[provider], max_retries=0)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_from_openai_to_a_provider_that_refuses_what_it_does_not_know(stream: bool, since: Since) -> None:
    asked: Any = {
        "model": "gpt-4.1",
        "messages": HI,
        "max_completion_tokens": 20,
        "seed": 7,
        "stream": stream,
    }
    answer = client("openai").chat.completions.create(**asked)
    if stream:
        assert [chunk for chunk in answer if chunk.choices]
    row = since.matching()
    assert (row["provider_requested"], row["provider"], row["model_routed"]) == (
        "openai",
        "mistral",
        "mistral-large-2512",
    )
    (served,) = since.served
    assert (served.host, served.path, served.status) == ("api.mistral.ai", "/v1/chat/completions", 200)
    assert row["output_tokens"] <= 20  # the limit arrived under its other name


def test_what_would_be_lost_is_refused_with_the_fields_name(since: Since) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        client("openai").chat.completions.create(model="gpt-4.1", messages=HI, logit_bias={"50256": -100})
    said = caught.value.body["message"]
    assert "the rule 'to-mistral' sends this request to 'mistral'" in said
    assert "(logit_bias: not taken there)" in said
    row = since.row()
    assert (row["refusal_code"], row["refusal_rule"], row["cost_nusd"]) == ("no_way", "to-mistral", 0)
    assert since.served == []


def test_to_a_path_with_a_prefix(since: Since) -> None:
    list(client("openai").chat.completions.create(model="gpt-4o-mini", messages=HI, stream=True))
    assert since.matching()["host"] == "api.groq.com"
    assert since.served[0].path == "/openai/v1/chat/completions"


def test_from_a_provider_that_tells_unasked_to_one_that_must_be_asked(since: Since) -> None:
    mistral = client("mistral", "https://api.mistral.ai/v1")
    asked: Any = {"model": "mistral-small-2603", "messages": HI, "max_tokens": 20, "stream": True}
    chunks = list(mistral.chat.completions.create(**asked))
    assert all(chunk.choices for chunk in chunks)  # nobody asked to see the usage chunk
    row = since.matching()
    assert (row["provider"], row["model_served"], row["usage_source"]) == (
        "openai",
        "gpt-4o-2024-08-06",
        "reported",
    )


def test_from_a_deployment_without_its_version_and_with_a_model(since: Since) -> None:
    azure = openai.AzureOpenAI(
        azure_endpoint="https://acme.openai.azure.com",
        api_version="2024-10-21",
        api_key=KEYS["azure"],
        max_retries=0,
    )
    azure.chat.completions.create(model="old-deployment", messages=HI)
    row = since.matching()
    assert (row["provider_requested"], row["provider"], row["model_routed"]) == ("azure", "openai", "gpt-4o")
    assert since.served[0].path == "/v1/chat/completions"


def test_the_same_model_elsewhere_at_what_elsewhere_says_it_cost(since: Since) -> None:
    groq = client("groq", "https://api.groq.com/openai/v1")
    groq.chat.completions.create(model="openai/gpt-oss-20b", messages=HI)
    row = since.matching()
    assert (row["provider"], row["price_version"]) == ("openrouter", "told by openrouter")
    assert row["cost_nusd"] == row["input_tokens"] * 2_500 + row["output_tokens"] * 10_000
    # At Groq 0.075 and 0.30 USD a million tokens.
    assert row["cost_as_requested_nusd"] == row["input_tokens"] * 75 + row["output_tokens"] * 300


def test_a_limit_of_ours_arrives_at_mistral_in_its_words(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cap that carries a short answer alone lowers the limit, by the one name Mistral knows."""
    running = fresh(
        budgets="[{name: tiny, scope: company, limit_usd: 0.0005, window: month}]", latency=NO_LATENCY
    )
    monkeypatch.setenv("HTTPS_PROXY", running.add("bob"))
    monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))
    since = Since(running)
    mistral = client("mistral", "https://api.mistral.ai/v1")
    answer = mistral.chat.completions.with_raw_response.create(model="mistral-large-2512", messages=HI)
    row = since.matching()
    assert int(answer.headers["x-sluiceway-output-limited-to"]) >= row["output_tokens"]
    assert since.served[0].status == 200
