"""The OpenAI-compatible family and its neighbours, by their official SDKs at their own base URLs: only the
proxy variables are set. Each row equals the provider's own count, and its cost the provider's price."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cohere
import groq
import openai
import pytest
from mistralai.client import Mistral

from sluiceway.app import authority
from sluiceway.app.init import PASSPHRASE_VARIABLE
from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.test_front import curl

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

HI: list[Any] = [{"role": "user", "content": "Say hello."}]
DEPLOYMENT = "house-assistant"
HOUSE = """
  - name: house
    hosts: [llm.corp.example]
    price_id: house
    dialect: openai_chat
    credential_headers: [authorization]
    paths: [{method: POST, path: /v1/chat/completions, dialect: openai_chat, operation: chat}]
"""
HOUSE_PRICE = """
  - {provider: house, model: "*", from: 2026-01-01, input_per_mtok: 0.1, output_per_mtok: 0.2, source: ours}
"""
PASSPHRASE = "a passphrase for this test"


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("family"), latency=NO_LATENCY, patience_s=5)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def environment(family: Running, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine is given, and nothing else."""
    monkeypatch.setenv("HTTPS_PROXY", alice)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("SSL_CERT_FILE", str(family.deployment.settings.certs / "bundle.pem"))


@pytest.fixture(scope="module")
def alice(family: Running) -> str:
    return family.add("alice")


@pytest.fixture
def since(family: Running) -> Since:
    return Since(family)


def priced(row: dict[str, Any], inputs: int, outputs: int) -> None:
    """`inputs`, `outputs`: nano-dollars a token."""
    assert row["cost_nusd"] == row["input_tokens"] * inputs + row["output_tokens"] * outputs > 0


def test_mistral_chat(since: Since) -> None:
    with Mistral(api_key="m" * 32) as client:
        answer = client.chat.complete(model="mistral-large-2512", messages=HI)
    row = since.matching()
    assert answer.usage.prompt_tokens == row["input_tokens"]
    # 0.5 and 1.5 USD a million tokens: 500 and 1,500 nano-dollars each.
    priced(row, 500, 1_500)
    assert (row["provider"], row["client_name"], row["dialect"]) == (
        "mistral",
        "mistral-python",
        "openai_chat",
    )


def test_mistral_stream_is_asked_for_nothing_it_would_refuse(since: Since) -> None:
    with Mistral(api_key="m" * 32) as client:
        chunks = list(client.chat.stream(model="mistral-large-2512", messages=HI))
    assert chunks[-1].data.usage.total_tokens > 0
    assert since.matching()["stream"] is True


def test_mistral_fills_in_the_middle(since: Since) -> None:
    with Mistral(api_key="m" * 32) as client:
        client.fim.complete(model="codestral-2508", prompt="def f(", suffix="return x")
        again = list(client.fim.stream(model="codestral-2508", prompt="def f(", suffix="return x"))
    rows = since.rows(2)
    assert [(row["operation"], row["stream"], row["usage_source"]) for row in rows] == [
        ("completions", False, "reported"),
        ("completions", True, "reported"),
    ]
    assert again
    # 0.3 and 0.9 USD a million tokens.
    priced(rows[0], 300, 900)


def test_mistral_reads_pages(since: Since) -> None:
    with Mistral(api_key="m" * 32) as client:
        document: Any = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
        read = client.ocr.process(model="mistral-ocr-2512", document=document, pages=[0, 1, 2])
    row = since.row()
    assert read.usage_info.pages_processed == 3
    assert (row["operation"], json.loads(row["tool_units"]), row["usage_source"]) == (
        "ocr",
        {"pages": 3},
        "reported",
    )


def test_mistral_embeddings(since: Since) -> None:
    with Mistral(api_key="m" * 32) as client:
        client.embeddings.create(model="mistral-embed", inputs=["one", "two"])
    priced(since.matching(), 100, 0)


def test_groq_chat_and_stream(since: Since) -> None:
    client = groq.Groq(api_key="gsk_test", max_retries=0)
    answer = client.chat.completions.create(model="llama-3.3-70b-versatile", messages=HI)
    chunks = list(client.chat.completions.create(model="llama-3.3-70b-versatile", messages=HI, stream=True))
    whole, streamed = since.rows(2)
    assert answer.usage and answer.usage.prompt_tokens == whole["input_tokens"]
    assert chunks[-1].x_groq and chunks[-1].x_groq.usage
    assert streamed["usage_source"] == "reported"
    # 0.59 and 0.79 USD a million tokens.
    priced(whole, 590, 790)
    priced(streamed, 590, 790)
    assert whole["client_name"] == "groq-python"


def test_groq_async(since: Since) -> None:
    async def ask() -> None:
        async with groq.AsyncGroq(api_key="gsk_test", max_retries=0) as client:
            await client.chat.completions.create(model="openai/gpt-oss-20b", messages=HI)

    asyncio.run(ask())
    assert since.matching()["host"] == "api.groq.com"


def test_cohere_chat(since: Since) -> None:
    with cohere.ClientV2(api_key="c" * 40) as client:
        answer = client.chat(model="command-a-03-2025", messages=HI)
    row = since.matching()
    # What is billed, not the preamble that is counted too. 2.5 and 10 USD a million tokens.
    assert (
        answer.usage and answer.usage.tokens and answer.usage.tokens.input_tokens == row["input_tokens"] + 490
    )
    priced(row, 2_500, 10_000)
    assert (row["dialect"], row["response_id"], row["client_name"]) == (
        "cohere_chat",
        answer.id,
        "cohere-python",
    )


def test_cohere_stream(since: Since) -> None:
    with cohere.ClientV2(api_key="c" * 40) as client:
        kinds = [event.type for event in client.chat_stream(model="command-a-03-2025", messages=HI)]
    assert (kinds[0], kinds[-1]) == ("message-start", "message-end")
    assert since.matching()["stream"] is True


def test_cohere_embeddings_and_ranking(since: Since) -> None:
    texts = ["a text", "b"]
    with cohere.ClientV2(api_key="c" * 40) as client:
        client.embed(model="embed-v4.0", input_type="search_document", texts=texts, embedding_types=["float"])
        client.rerank(model="rerank-v3.5", query="which", documents=texts)
    embedded, ranked = since.rows(2)
    # 0.12 USD a million tokens.
    priced(embedded, 120, 0)
    assert (ranked["operation"], json.loads(ranked["tool_units"])) == ("rerank", {"search_units": 1})
    assert ranked["cost_nusd"] == 2_000_000  # 2 USD for 1,000 searches


def test_a_spent_budget_is_said_in_coheres_words(
    fresh: type[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = fresh(
        budgets="[{name: none, scope: company, limit_usd: 0.000001, window: month}]", latency=NO_LATENCY
    )
    monkeypatch.setenv("HTTPS_PROXY", running.add("bob"))
    monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))
    with cohere.ClientV2(api_key="c" * 40) as client, pytest.raises(cohere.core.ApiError) as caught:
        client.chat(model="command-a-03-2025", messages=HI)
    assert caught.value.status_code == 402
    assert "none" in caught.value.body["message"]


AT = {
    "xai": ("https://api.x.ai/v1", "grok-4-0709"),
    "deepseek": ("https://api.deepseek.com", "deepseek-chat"),
    "openrouter": ("https://openrouter.ai/api/v1", "anthropic/claude-sonnet-4.5"),
    "perplexity": ("https://api.perplexity.ai", "sonar"),
    "moonshot": ("https://api.moonshot.ai/v1", "kimi-k2.5"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "accounts/fireworks/models/glm-5p2"),
    "together": ("https://api.together.xyz/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
}
TOLD = {"xai": (3_000, 15_000, 0), "openrouter": (2_500, 10_000, 0), "perplexity": (1_000, 1_000, 5_000_000)}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("name", AT)
def test_the_openai_sdk_at_their_hosts(name: str, stream: bool, since: Since) -> None:
    url, model = AT[name]
    client = openai.OpenAI(base_url=url, api_key="any-key", max_retries=0)
    answer = client.chat.completions.create(model=model, messages=HI, stream=stream)
    if stream:
        assert any(chunk.choices for chunk in answer)
    row = since.matching()
    assert (row["provider"], row["stream"], row["cost_basis"]) == (name, stream, "list")
    if name in TOLD:
        inputs, outputs, fee = TOLD[name]
        assert row["cost_nusd"] == row["input_tokens"] * inputs + row["output_tokens"] * outputs + fee
        assert row["price_version"] == f"told by {name}"
    else:
        assert row["cost_nusd"] > 0


def test_a_client_that_did_not_ask_for_usage_is_not_shown_it_at_openrouter(since: Since) -> None:
    client = openai.OpenAI(base_url="https://openrouter.ai/api/v1", api_key="any-key", max_retries=0)
    chunks = list(client.chat.completions.create(model="openai/gpt-4o", messages=HI, stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert since.matching()["usage_source"] == "reported"


def test_openais_older_completions(since: Since) -> None:
    client = openai.OpenAI(api_key="sk-test", max_retries=0)
    whole = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say", max_tokens=12)
    chunks = list(
        client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say", max_tokens=12, stream=True)
    )
    assert all(chunk.choices for chunk in chunks)  # nobody asked to see the usage chunk
    first, second = since.rows(2)
    assert whole.usage and whole.usage.prompt_tokens == first["input_tokens"]
    assert (first["operation"], second["usage_source"]) == ("completions", "reported")
    # 1.5 and 2 USD a million tokens.
    priced(first, 1_500, 2_000)
    priced(second, 1_500, 2_000)


def test_voyage_ranks_by_tokens(since: Since, family: Running, alice: str) -> None:
    body = json.dumps({"model": "rerank-2.5", "query": "which", "documents": ["one", "two"]})
    url, key = "https://api.voyageai.com/v1/rerank", "authorization: Bearer pa-test"
    assert "relevance_score" in curl(family, url, "-H", key, "-d", body, proxy=alice).stdout
    row = since.row()
    assert (row["provider"], row["usage_source"]) == ("voyage", "reported")
    priced(row, 50, 0)


def azure(version: str = "2024-10-21") -> openai.AsyncAzureOpenAI:
    return openai.AsyncAzureOpenAI(
        azure_endpoint="https://acme.openai.azure.com",
        api_version=version,
        api_key="an-azure-key",
        max_retries=0,
    )


def test_azure_by_deployment(since: Since) -> None:
    async def ask() -> None:
        async with azure() as client:
            await client.chat.completions.create(model=DEPLOYMENT, messages=HI)
            stream = await client.chat.completions.create(model=DEPLOYMENT, messages=HI, stream=True)
            assert [chunk async for chunk in stream]
            await client.embeddings.create(model="text-embedding-3-small", input="hello")

    asyncio.run(ask())
    whole, streamed, embedded = since.rows(3)
    for row in (whole, streamed):
        # The deployment's name says nothing of its price; the answer names the model.
        assert (row["model_requested"], row["model_served"]) == (DEPLOYMENT, "gpt-4o-2024-08-06")
        assert (row["provider"], row["usage_source"]) == ("azure", "reported")
        priced(row, 2_500, 10_000)
    assert whole["client_name"] == "openai-python"
    priced(embedded, 20, 0)


def test_azure_with_an_old_api_version_is_not_asked_for_usage(since: Since) -> None:
    async def ask() -> None:
        async with azure("2024-06-01") as client:
            stream = await client.chat.completions.create(model=DEPLOYMENT, messages=HI, stream=True)
            assert [chunk async for chunk in stream]

    asyncio.run(ask())
    row = since.row()
    assert row["usage_source"] == "estimated"
    assert row["cost_nusd"] > 0


def test_azures_v1_path(since: Since) -> None:
    client = openai.OpenAI(
        base_url="https://acme.services.ai.azure.com/openai/v1", api_key="k", default_headers={"api-key": "k"}
    )
    client.chat.completions.create(model="gpt-4o", messages=HI)
    assert since.matching()["provider"] == "azure"


class WithHouse(Running):
    """A deployment whose rules know a server of the company's own."""

    def set_budgets(self, budgets: str) -> None:
        super().set_budgets(budgets)
        rules = self.deployment.settings.rules
        mark = "# AI hosts that are tunnelled"
        providers = rules / "providers.yaml"
        providers.write_text(providers.read_text().replace(mark, HOUSE + mark))
        with (rules / "prices.yaml").open("a") as prices:
            prices.write(HOUSE_PRICE)
        authority.rotate(self.deployment, PASSPHRASE, None)


def test_a_server_of_the_companys_own_is_an_entry_a_price_and_a_new_issuer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)
    running = WithHouse(tmp_path, latency=NO_LATENCY, names=("llm.corp.example",))
    try:
        monkeypatch.setenv("HTTPS_PROXY", running.add("bob"))
        monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))
        client = openai.OpenAI(base_url="https://llm.corp.example/v1", api_key="none", max_retries=0)
        client.chat.completions.create(model="qwen3-coder", messages=HI)
        row = running.rows(1)[-1]
        assert (row["provider"], row["outcome"], row["cost_basis"]) == ("house", "ok", "list")
        priced(row, 100, 200)
    finally:
        running.stop()
