"""Background responses through a real proxy: charged once, when they are over, whoever asks how often."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway import deferred
from tests.e2e.running import Running

pytestmark = pytest.mark.e2e
Sdk = Callable[[Running, str], OpenAI]
TWO_DOLLARS = "[{name: company, scope: company, window: month, limit_usd: 2}]"


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """Makes a client of OpenAI's own for a person's proxy, and closes it."""
    with ExitStack() as open_clients:

        def made(running: Running, proxy: str) -> OpenAI:
            context = ssl.create_default_context(cafile=running.anchor)
            client = open_clients.enter_context(httpx2.Client(proxy=proxy, verify=context))
            return OpenAI(api_key="sk-of-the-company", http_client=client, max_retries=0)

        yield made


def made(running: Running) -> list[dict[str, Any]]:
    """The rows of requests that made something."""
    return [row for row in running.rows() if row["operation"] == "chat"]


def settled(running: Running, number: int = 1) -> list[dict[str, Any]]:
    """The same, once so many of them have ended."""
    for _ in range(200):
        rows = made(running)
        if sum(row["outcome"] != "open" for row in rows) >= number:
            return rows
        threading.Event().wait(0.02)
    return rows


def equals_the_ledger(running: Running) -> bool:
    assert running.service.store is not None
    return running.service.store.verify() == []


def usage_of(answer: Any) -> tuple[int, int]:
    return answer.usage.input_tokens, answer.usage.output_tokens


def test_two_people_poll_twenty_times_and_its_creator_is_charged_once(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    alice, bob = (sdk(running, running.add(name)) for name in ("alice", "bob"))
    running.providers.let_jobs_take(3600)
    begun = alice.responses.create(model="gpt-5-mini", input="Write a book.", background=True)
    assert begun.status == "queued"
    for _ in range(5):
        assert bob.responses.retrieve(begun.id).status == "in_progress"
    (row,) = made(running)
    assert (row["outcome"], row["owner"], row["response_id"]) == ("open", "deferred", begun.id)
    assert row["reserved_nusd"] > 0
    running.providers.let_jobs_take(0)
    done = [who.responses.retrieve(begun.id) for _ in range(10) for who in (bob, alice)]
    (row,) = settled(running)
    assert (row["principal"], row["outcome"], row["usage_source"]) == ("alice", "ok", "reported")
    assert (row["input_tokens"], row["output_tokens"]) == usage_of(done[0])
    # gpt-5-mini: 0.25 USD for a million tokens of input, 2 USD of output.
    assert row["cost_nusd"] == row["charged_nusd"] == row["input_tokens"] * 250 + row["output_tokens"] * 2000
    assert row["reserved_nusd"] == 0
    assert sum(each["cost_nusd"] or 0 for each in running.rows()) == row["cost_nusd"]
    assert len(running.providers.billed) == 1
    assert equals_the_ledger(running)


def test_it_survives_a_restart_in_between(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    proxy = running.add("alice")
    running.providers.let_jobs_take(3600)
    begun = sdk(running, proxy).responses.create(model="gpt-5-mini", input="hi", background=True)
    running.restart()
    assert running.service.store is not None
    assert running.service.store.recovered == 0
    running.providers.let_jobs_take(0)
    proxy = f"{proxy.rpartition(':')[0]}:{running.port}"
    done = sdk(running, proxy).responses.retrieve(begun.id)
    (row,) = settled(running)
    assert (row["input_tokens"], row["output_tokens"]) == usage_of(done)
    assert equals_the_ledger(running)


def test_a_stream_that_is_read_to_its_end_is_charged_by_its_own_ending(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    client = sdk(running, running.add("alice"))
    events = list(client.responses.create(model="gpt-5-mini", input="hi", background=True, stream=True))
    client.responses.retrieve(events[0].response.id)  # type: ignore[union-attr]  # response.created
    (row,) = settled(running)
    assert (row["outcome"], row["usage_source"]) == ("ok", "reported")
    assert (row["input_tokens"], row["output_tokens"]) == usage_of(events[-1].response)  # type: ignore[union-attr]
    assert equals_the_ledger(running)


def test_a_stream_that_broke_is_charged_when_it_is_taken_up_again(fresh: type[Running], sdk: Sdk) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    client = sdk(running, running.add("alice"))
    running.on.call(lambda: running.providers.fault("openai", "cut;after=4", times=1))
    with suppress(openai.APIError):
        list(client.responses.create(model="gpt-5-mini", input="hi", background=True, stream=True))
    (row,) = made(running)
    assert row["outcome"] == "open"
    again = client.responses.retrieve(row["response_id"], stream=True, starting_after=3)
    last = list(again)[-1]
    (row,) = settled(running)
    assert row["usage_source"] == "reported"
    assert (row["input_tokens"], row["output_tokens"]) == usage_of(last.response)  # type: ignore[union-attr]


def test_a_cancelled_one_that_tells_no_usage_is_estimated_and_never_free(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    client = sdk(running, running.add("alice"))
    running.providers.let_jobs_take(3600)
    begun = client.responses.create(model="gpt-5-mini", input="hi", background=True)
    assert client.responses.cancel(begun.id).status == "cancelled"
    (row,) = settled(running)
    assert row["usage_source"] == "estimated"
    assert row["charged_nusd"] > 0
    assert equals_the_ledger(running)


def test_one_that_nobody_asks_about_is_charged_what_it_reserved_when_its_time_is_over(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    client = sdk(running, running.add("alice"))
    client.responses.create(model="gpt-5-mini", input="hi", background=True)
    (row,) = made(running)
    reserved, parts = row["reserved_nusd"], running.service.gateway.parts
    now = datetime.now(UTC)
    assert running.on.run(deferred.expire(parts, now + timedelta(hours=23))) == 0
    assert running.on.run(deferred.expire(parts, now + timedelta(hours=25))) == 1
    (row,) = settled(running)
    assert (row["outcome"], row["usage_source"]) == ("truncated", "estimated")
    assert (row["error_type"], row["charged_nusd"], row["cost_nusd"]) == ("usage_never_seen", reserved, None)
    assert equals_the_ledger(running)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_its_cap_holds_although_nobody_can_stop_it(fresh: type[Running], sdk: Sdk, stream: bool) -> None:
    """0.004 USD buy 2,000 tokens of output at most: it is limited to what it could reserve."""
    running = fresh(
        latency=NO_LATENCY, budgets="[{name: small, scope: company, window: month, limit_usd: 0.004}]"
    )
    client = sdk(running, running.add("alice"))
    long = {"x-demo-output-tokens": "100000"}
    asked: Any = {"model": "gpt-5-mini", "input": "hi", "background": True, "stream": stream}
    first = client.responses.with_raw_response.create(**asked, extra_headers=long)
    assert 0 < int(first.headers["x-sluiceway-output-limited-to"]) < 2000
    first.http_response.read()
    client.responses.retrieve(running.rows()[0]["response_id"])
    (row,) = settled(running)
    assert 0 < row["cost_nusd"] <= 4_000_000
    assert equals_the_ledger(running)


def test_a_turn_that_continues_another_reserves_what_the_provider_remembers(
    fresh: type[Running], sdk: Sdk
) -> None:
    running = fresh(latency=NO_LATENCY, budgets=TWO_DOLLARS)
    client = sdk(running, running.add("alice"))
    running.providers.let_jobs_take(3600)
    first = client.responses.create(model="gpt-5-mini", input="word " * 20_000, max_output_tokens=16)
    (row,) = settled(running)
    more: Any = {"model": "gpt-5-mini", "input": "and?", "background": True, "max_output_tokens": 16}
    client.responses.create(**more, previous_response_id=first.id)
    held = made(running)[-1]
    assert held["reserved_tokens"] >= row["input_tokens"] + row["output_tokens"]
