"""Batches through a real proxy: one row each, held while they run, charged once by what they used."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import httpx2
import openai
import orjson
import pytest

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway import deferred
from tests.e2e.running import Running

pytestmark = pytest.mark.e2e
Sdk = Callable[..., anthropic.Anthropic]
MODEL = "claude-haiku-4-5"
ONE_DOLLAR = "[{name: company, scope: company, window: month, limit_usd: 1}]"


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """Makes a client of Anthropic's own for a person's proxy, and closes it."""
    with ExitStack() as open_clients:

        def made(running: Running, proxy: str, key: str = "sk-ant-api03-company") -> anthropic.Anthropic:
            context = ssl.create_default_context(cafile=running.anchor)
            client = open_clients.enter_context(httpx2.Client(proxy=proxy, verify=context))
            return anthropic.Anthropic(api_key=key, http_client=client, max_retries=0)

        yield made


@pytest.fixture
def openai_sdk() -> Iterator[Callable[[Running, str], openai.OpenAI]]:
    """The same of OpenAI's."""
    with ExitStack() as open_clients:

        def made(running: Running, proxy: str) -> openai.OpenAI:
            context = ssl.create_default_context(cafile=running.anchor)
            client = open_clients.enter_context(httpx2.Client(proxy=proxy, verify=context))
            return openai.OpenAI(api_key="sk-company", http_client=client, max_retries=0)

        yield made


def asked(number: int, max_tokens: int = 50, model: str = MODEL) -> list[Any]:
    def params(index: int) -> dict[str, Any]:
        messages = [{"role": "user", "content": f"question {index}"}]
        return {"model": model, "max_tokens": max_tokens, "messages": messages}

    return [{"custom_id": f"q{index}", "params": params(index)} for index in range(number)]


def batches(running: Running, ended: int = 0) -> list[dict[str, Any]]:
    """The rows of batches, once so many have ended."""
    for _ in range(200):
        rows = [row for row in running.rows() if row["operation"] == "batch"]
        if sum(row["outcome"] != "open" for row in rows) >= ended:
            return rows
        threading.Event().wait(0.02)
    return rows


def equals_the_ledger(running: Running) -> bool:
    assert running.service.store is not None
    return running.service.store.verify() == []


def test_a_batch_is_one_row_charged_once_by_its_results_whoever_reads_them(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    alice, bob = (sdk(running, running.add(name)) for name in ("alice", "bob"))
    running.providers.let_jobs_take(3600)
    begun = alice.messages.batches.create(requests=asked(3))
    for who in (alice, bob):
        assert who.messages.batches.retrieve(begun.id).processing_status == "in_progress"
    (row,) = batches(running)
    assert (row["outcome"], row["owner"], row["response_id"]) == ("open", "deferred", begun.id)
    assert row["reserved_nusd"] > 0
    running.providers.let_jobs_take(0)
    for who in (bob, alice) * 10:
        assert who.messages.batches.retrieve(begun.id).processing_status == "ended"
        lines = list(who.messages.batches.results(begun.id))
    told = [line.result.message.usage for line in lines]  # type: ignore[union-attr]  # all succeeded
    (row,) = batches(running, ended=1)
    assert (row["principal"], row["outcome"], row["usage_source"]) == ("alice", "ok", "reported")
    assert row["input_tokens"] == sum(usage.input_tokens for usage in told)
    assert row["output_tokens"] == sum(usage.output_tokens for usage in told)
    # claude-haiku-4-5 in batches: half of 1 USD for a million tokens of input, and of 5 USD of output.
    assert row["cost_nusd"] == row["charged_nusd"] == row["input_tokens"] * 500 + row["output_tokens"] * 2500
    assert (row["service_tier"], row["model_routed"]) == ("batch", MODEL)
    assert sum(each["cost_nusd"] or 0 for each in running.rows()) == row["cost_nusd"]
    assert equals_the_ledger(running)


def test_requests_that_fail_are_not_charged_and_the_others_are(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    wrong = asked(1)[0] | {"custom_id": "wrong"}
    wrong["params"] = wrong["params"] | {"messages": [{"role": "nobody", "content": "?"}]}
    begun = client.messages.batches.create(requests=[*asked(2), wrong])
    results = list(client.messages.batches.results(begun.id))
    assert sorted(line.result.type for line in results) == ["errored", "succeeded", "succeeded"]
    (row,) = batches(running, ended=1)
    succeeded = [line.result.message for line in results if line.result.type == "succeeded"]
    assert row["output_tokens"] == sum(message.usage.output_tokens for message in succeeded)


def test_a_batch_that_was_cancelled_in_time_costs_nothing_and_frees_its_money(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    running.providers.let_jobs_take(3600)
    begun = client.messages.batches.create(requests=asked(2))
    client.messages.batches.cancel(begun.id)
    client.messages.batches.retrieve(begun.id)
    (row,) = batches(running, ended=1)
    assert (row["outcome"], row["cost_nusd"], row["charged_nusd"], row["reserved_nusd"]) == ("ok", 0, 0, 0)
    assert equals_the_ledger(running)


def test_a_batch_that_does_not_fit_is_refused_whole_with_words(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    with pytest.raises(anthropic.APIStatusError) as refused:
        client.messages.batches.create(requests=asked(10, max_tokens=64_000))
    assert refused.value.response.headers["x-sluiceway-refused"] == "batch_does_not_fit"
    assert "this batch of 10 answers may come to 1.60 USD" in str(refused.value)
    assert "'company' (1.00 USD per month)" in str(refused.value)
    assert running.providers.billed == []


def test_a_batch_of_several_models_is_refused_with_what_to_do(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY)
    client = sdk(running, running.add("alice"))
    mixed = [*asked(1), *asked(1, model="claude-sonnet-4-5")]
    with pytest.raises(anthropic.BadRequestError, match="send one batch for each model"):
        client.messages.batches.create(requests=mixed)


def test_a_batch_whose_results_nobody_reads_is_charged_what_it_reserved(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    sdk(running, running.add("alice")).messages.batches.create(requests=asked(2))
    (row,) = batches(running)
    parts, now = running.service.gateway.parts, datetime.now(UTC)
    assert running.on.run(deferred.expire(parts, now + timedelta(hours=71))) == 0
    assert running.on.run(deferred.expire(parts, now + timedelta(hours=73))) == 1
    reserved = row["reserved_nusd"]
    (row,) = batches(running, ended=1)
    assert (row["charged_nusd"], row["usage_source"]) == (reserved, "estimated")
    assert equals_the_ledger(running)


OPENAI = "gpt-5-mini"
type OpenAISdk = Callable[[Running, str], openai.OpenAI]


def lines(number: int, url: str = "/v1/responses", limit: int = 50, text: str = "question") -> bytes:
    given = {"model": OPENAI, "input": text, "max_output_tokens": limit}
    body = (
        given
        if url == "/v1/responses"
        else {"model": OPENAI, "messages": [{"role": "user", "content": text}]}
    )
    many = ({"custom_id": f"q{each}", "method": "POST", "url": url, "body": body} for each in range(number))
    return b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in many)


def begin(client: openai.OpenAI, data: bytes, url: Any = "/v1/responses") -> Any:
    file = client.files.create(file=("requests.jsonl", data), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=url, completion_window="24h")


@pytest.mark.parametrize("url", ["/v1/responses", "/v1/chat/completions"])
def test_a_batch_of_a_file_is_charged_once_by_its_own_usage(
    fresh: type[Running], openai_sdk: OpenAISdk, url: str
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    alice, bob = (openai_sdk(running, running.add(name)) for name in ("alice", "bob"))
    running.providers.let_jobs_take(3600)
    begun = begin(alice, lines(3, url), url)
    assert bob.batches.retrieve(begun.id).status == "in_progress"
    (row,) = batches(running)
    assert (row["outcome"], row["owner"], row["model_routed"]) == ("open", "deferred", OPENAI)
    running.restart()
    running.providers.let_jobs_take(0)
    again = openai_sdk(running, running.add("carol"))
    done = [again.batches.retrieve(begun.id) for _ in range(20)][-1]
    assert len(again.files.content(done.output_file_id or "").text.splitlines()) == 3
    (row,) = batches(running, ended=1)
    assert done.usage is not None
    assert (row["principal"], row["usage_source"]) == ("alice", "reported")
    assert (row["input_tokens"], row["output_tokens"]) == (done.usage.input_tokens, done.usage.output_tokens)
    # gpt-5-mini in batches: half of 0.25 USD for a million tokens of input, and of 2 USD of output.
    assert row["cost_nusd"] == row["charged_nusd"] == row["input_tokens"] * 125 + row["output_tokens"] * 1000
    assert sum(each["cost_nusd"] or 0 for each in running.rows()) == row["cost_nusd"]
    assert equals_the_ledger(running)


def test_a_file_that_did_not_come_through_here_begins_no_batch(
    fresh: type[Running], openai_sdk: OpenAISdk
) -> None:
    client = openai_sdk(running := fresh(latency=NO_LATENCY), running.add("alice"))
    with pytest.raises(openai.BadRequestError, match="did not come through Sluiceway"):
        client.batches.create(input_file_id="file-x", endpoint="/v1/responses", completion_window="24h")


def test_a_cancelled_batch_of_a_file_costs_nothing(fresh: type[Running], openai_sdk: OpenAISdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = openai_sdk(running, running.add("alice"))
    running.providers.let_jobs_take(3600)
    client.batches.cancel(begin(client, lines(2)).id)
    (row,) = batches(running, ended=1)
    assert (row["outcome"], row["charged_nusd"], row["reserved_nusd"]) == ("ok", 0, 0)


def test_a_batch_of_a_file_that_does_not_fit_is_refused(fresh: type[Running], openai_sdk: OpenAISdk) -> None:
    client = openai_sdk(running := fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR), running.add("alice"))
    with pytest.raises(openai.APIStatusError, match=r"this batch of 100 answers may come to 10\.00 USD"):
        begin(client, lines(100, limit=100_000))
    assert running.providers.billed == []


def test_a_file_that_cannot_be_metered_is_refused_with_the_line(
    fresh: type[Running], openai_sdk: OpenAISdk
) -> None:
    client = openai_sdk(running := fresh(latency=NO_LATENCY), running.add("alice"))
    for data, words in (
        (b"", "between 1 and 100000 lines"),
        (b"{}\n", "line 1: url: only /v1/chat/completions"),
        (lines(1) + b"{", "line 2: the body is not valid JSON"),
        (lines(1, "/v1/images/generations"), "can be metered in batches"),
    ):
        with pytest.raises(openai.BadRequestError, match=words):
            client.files.create(file=("requests.jsonl", data), purpose="batch")
    assert running.providers.log == []


def test_files_for_anything_else_pass_as_they_come_however_large(
    fresh: type[Running], openai_sdk: OpenAISdk
) -> None:
    running = fresh(latency=NO_LATENCY, more="limits: {body_bytes: 20000}\n")
    client = openai_sdk(running, running.add("alice"))
    kept = client.files.create(file=("book.pdf", b"%PDF" * 100_000), purpose="user_data")
    assert (kept.bytes, kept.purpose) == (400_000, "user_data")
    with pytest.raises(openai.APIStatusError, match="larger than 20000 bytes"):
        client.files.create(file=("requests.jsonl", lines(200)), purpose="batch")
    passed, refused = running.rows(2)
    assert (passed["operation"], passed["outcome"], passed["cost_nusd"]) == ("pass", "ok", 0)
    assert refused["outcome"] == "refused"
    with pytest.raises(openai.BadRequestError, match="did not come through Sluiceway"):
        client.batches.create(input_file_id=kept.id, endpoint="/v1/responses", completion_window="24h")


def test_with_the_companys_key_each_sees_only_what_is_their_own(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY)
    running.add_key("main", "anthropic", "sk-ant-api03-the-companys-own")
    running.set_rules("20-keys", "inject: [{name: all}]\n")
    alice, bob = (sdk(running, running.add(name), "sluiceway") for name in ("alice", "bob"))
    begun = alice.messages.batches.create(requests=asked(1))
    for forbidden in (bob.messages.batches.retrieve, bob.messages.batches.results):
        with pytest.raises(anthropic.BadRequestError, match="not begun by you"):
            forbidden(begun.id)
    with pytest.raises(anthropic.BadRequestError, match="not used at this host and path"):
        bob.messages.batches.list()
    assert len(list(alice.messages.batches.results(begun.id))) == 1
    (row,) = batches(running, ended=1)
    assert (row["principal"], row["key_class"], row["usage_source"]) == ("alice", "company", "reported")


def test_a_secret_in_a_file_of_requests_keeps_it_from_being_sent(
    fresh: type[Running], openai_sdk: OpenAISdk
) -> None:
    running = fresh(latency=NO_LATENCY)
    running.set_rules("30-guard", "guard: [{name: no-secrets, detect: [SECRET], action: mask}]\n")
    client = openai_sdk(running, running.add("alice"))
    data = lines(
        1, text="the key is AKIAIOSFODNN7EXAMPLQ and " + "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    )
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("requests.jsonl", data), purpose="batch")
    assert "SECRET" in str(refused.value)
    assert running.providers.log == []
