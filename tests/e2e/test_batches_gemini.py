"""Gemini's batches through a real proxy, by Google's own SDK: held while they run, charged once."""

from __future__ import annotations

import io
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from google import genai
from google.genai import errors, types

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway import deferred
from tests.e2e.running import Running
from tests.e2e.test_batches import ONE_DOLLAR, batches, equals_the_ledger

pytestmark = pytest.mark.e2e
Sdk = Callable[..., genai.Client]
MODEL = "gemini-2.5-flash"


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """Makes a client of Google's own for a person's proxy, and closes it."""
    with ExitStack() as open_clients:

        def made(running: Running, proxy: str, key: str = "AIzaSy-company") -> genai.Client:
            context = ssl.create_default_context(cafile=running.anchor)
            options = types.HttpOptions(client_args={"proxy": proxy, "verify": context, "trust_env": False})
            client = genai.Client(api_key=key, http_options=options)
            open_clients.callback(client.close)
            return client

        yield made


def asked(number: int, limit: int = 50) -> list[Any]:
    return [
        {
            "contents": [{"role": "user", "parts": [{"text": f"question {index}"}]}],
            "config": {"max_output_tokens": limit, "thinking_config": {"thinking_budget": 0}},
        }
        for index in range(number)
    ]


def lines(number: int, **more: Any) -> bytes:
    def one(index: int) -> dict[str, Any]:
        contents = [{"role": "user", "parts": [{"text": f"question {index}"}]}]
        config = {"maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": 0}}
        return {"key": f"q{index}", "request": {"contents": contents, "generationConfig": config, **more}}

    return b"".join(orjson.dumps(one(index), option=orjson.OPT_APPEND_NEWLINE) for index in range(number))


def uploaded(client: genai.Client, content: bytes, kind: str = "jsonl") -> str:
    file = client.files.upload(file=io.BytesIO(content), config=types.UploadFileConfig(mime_type=kind))
    assert file.name
    return file.name


def charged_as(row: dict[str, Any], usages: list[Any]) -> bool:
    """gemini-2.5-flash in batches: half of 0.30 USD for a million tokens of input, and of 2.50 of output."""
    used = (sum(u["promptTokenCount"] for u in usages), sum(u["candidatesTokenCount"] for u in usages))
    cost = used[0] * 150 + used[1] * 1250
    return (row["input_tokens"], row["output_tokens"], row["cost_nusd"], row["charged_nusd"]) == (
        *used,
        cost,
        cost,
    )


def test_inline_requests_are_one_row_charged_once_by_the_state_whoever_asks(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    alice, bob = (sdk(running, running.add(name)) for name in ("alice", "bob"))
    running.providers.let_jobs_take(3600)
    begun = alice.batches.create(model=MODEL, src=asked(3))
    assert begun.name
    assert bob.batches.get(name=begun.name).state == types.JobState.JOB_STATE_PENDING
    (row,) = batches(running)
    assert (row["outcome"], row["owner"], row["model_routed"]) == ("open", "deferred", MODEL)
    assert row["reserved_nusd"] > 0
    running.providers.let_jobs_take(0)
    options = types.HttpOptions(extra_body=None, headers={"x-goog-fieldmask": "name"})
    alice.batches.get(name=begun.name, config=types.GetBatchJobConfig(http_options=options))
    assert (
        batches(running)[0]["outcome"] == "open"
    )  # an answer that may hide what was used counts for nothing
    for who in (bob, alice) * 5:
        done = who.batches.get(name=begun.name)
    assert done.dest and done.dest.inlined_responses
    told = [each.response.usage_metadata for each in done.dest.inlined_responses if each.response]
    (row,) = batches(running, ended=1)
    assert (row["principal"], row["outcome"], row["usage_source"]) == ("alice", "ok", "reported")
    assert charged_as(row, [usage.model_dump(by_alias=True) for usage in told if usage])
    assert equals_the_ledger(running)


def test_a_file_of_requests_is_read_on_its_way_and_its_results_are_charged(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    proxies = [running.add(name) for name in ("alice", "bob")]
    alice = sdk(running, proxies[0])
    begun = alice.batches.create(model=MODEL, src=uploaded(alice, lines(4)))
    assert begun.name
    done = alice.batches.get(name=begun.name)
    assert done.dest and done.dest.file_name
    (row,) = batches(running)
    assert row["outcome"] == "open"  # the state names the file, and tells no usage
    running.restart()
    alice, bob = (sdk(running, f"{old.rpartition(':')[0]}:{running.port}") for old in proxies)
    for who in (bob, alice):
        results = [orjson.loads(line) for line in who.files.download(file=done.dest.file_name).splitlines()]
    (row,) = batches(running, ended=1)
    assert (row["principal"], row["usage_source"]) == ("alice", "reported")
    assert charged_as(row, [each["response"]["usageMetadata"] for each in results])
    assert equals_the_ledger(running)


def test_what_fails_and_what_is_cancelled_costs_nothing(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    wrong = lines(1) + orjson.dumps({"key": "wrong", "request": {"contents": []}})
    begun = client.batches.create(model=MODEL, src=uploaded(client, wrong))
    done = client.batches.get(name=begun.name or "")
    assert done.dest and done.dest.file_name
    results = [orjson.loads(line) for line in client.files.download(file=done.dest.file_name).splitlines()]
    assert ["response" in each for each in results] == [True, False]
    (row,) = batches(running, ended=1)
    assert charged_as(row, [results[0]["response"]["usageMetadata"]])
    running.providers.let_jobs_take(3600)
    begun = client.batches.create(model=MODEL, src=asked(2))
    client.batches.cancel(name=begun.name or "")
    assert client.batches.get(name=begun.name or "").state == types.JobState.JOB_STATE_CANCELLED
    row = batches(running, ended=2)[1]
    assert (row["outcome"], row["cost_nusd"], row["charged_nusd"], row["reserved_nusd"]) == ("ok", 0, 0, 0)
    assert equals_the_ledger(running)


def test_one_whose_results_nobody_reads_is_charged_what_it_reserved(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    begun = client.batches.create(model=MODEL, src=uploaded(client, lines(2)))
    client.batches.get(name=begun.name or "")
    (row,) = batches(running)
    soon = datetime.now(UTC) + timedelta(hours=73)
    assert running.on.run(deferred.expire(running.service.gateway.parts, soon)) == 1
    (ended,) = batches(running, ended=1)
    assert (ended["charged_nusd"], ended["cost_nusd"]) == (row["reserved_nusd"], None)
    assert equals_the_ledger(running)


def test_a_batch_that_cannot_be_metered_is_refused_and_other_files_pass(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=ONE_DOLLAR)
    client = sdk(running, running.add("alice"))
    with pytest.raises(errors.ClientError, match="this batch of 100 answers may come to 12"):
        client.batches.create(model=MODEL, src=asked(100, limit=100_000))
    for content in (b"%PDF" * 10_000, b'{"file": 1}', b'{"request": 1}\n'):
        with pytest.raises(errors.ClientError, match="did not come through Sluiceway"):
            client.batches.create(model=MODEL, src=uploaded(client, content, "application/pdf"))
    other = uploaded(client, lines(1, model="models/gemini-2.5-pro"))
    with pytest.raises(errors.ClientError, match="for the batch's model"):
        client.batches.create(model=MODEL, src=other)
    assert running.providers.billed == []


def test_with_the_companys_key_each_reads_only_their_own_results(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY)
    running.add_key("main", "google", "AIzaSy-the-companys-own")
    running.set_rules("20-keys", "inject: [{name: all}]\n")
    alice, bob = (sdk(running, running.add(name), "sluiceway") for name in ("alice", "bob"))
    begun = alice.batches.create(model=MODEL, src=asked(1))
    with pytest.raises(errors.ClientError, match="not begun by you"):
        bob.batches.get(name=begun.name or "")
    with pytest.raises(errors.ClientError, match="not begun by you"):
        bob.files.download(file="files/batch-unknown")
    with pytest.raises(errors.ClientError, match="not begun by you"):
        bob.batches.cancel(name=begun.name or "")
    alice.batches.cancel(name=begun.name or "")  # too late: it is over
    assert alice.batches.get(name=begun.name or "").state == types.JobState.JOB_STATE_SUCCEEDED
    (row,) = batches(running, ended=1)
    assert (row["principal"], row["key_class"], row["usage_source"]) == ("alice", "company", "reported")
