"""Budgets that are no money: requests a minute, requests at once, tokens a day."""

from __future__ import annotations

import threading

import pytest

from sluiceway.demo.pace import Latency
from tests.e2e.running import Running
from tests.e2e.tunnel import Tunnel, claude

pytestmark = pytest.mark.e2e


def test_too_many_requests_in_a_minute_are_told_when_to_come_back(fresh: type[Running]) -> None:
    running = fresh(budgets='[{name: rate, scope: {employee: "*"}, limit_requests: 3, window: hour}]')
    alice, bob = running.add("alice"), running.add("bob")
    with Tunnel(running, alice, "api.anthropic.com") as tunnel:
        answers = [tunnel.ask("/v1/messages", claude()) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].header("x-sluiceway-refused") == "rate_limited"
    assert 1 <= int(answers[-1].header("retry-after") or 0) <= 60
    with Tunnel(running, bob, "api.anthropic.com") as tunnel:
        assert tunnel.ask("/v1/messages", claude()).status == 200


def test_who_finds_all_places_taken_waits_for_one(fresh: type[Running]) -> None:
    running = fresh(
        budgets="[{name: open, scope: company, limit_concurrent: 2}]",
        latency=Latency((300.0, 300.0), (0.0, 0.0)),
        wait_s=20,
    )
    alice = running.add("alice")
    statuses: list[int] = []

    def ask() -> None:
        with Tunnel(running, alice, "api.anthropic.com") as tunnel:
            statuses.append(tunnel.ask("/v1/messages", claude()).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 6
    rows = sorted(running.rows(6), key=lambda row: row["started_at"])
    spans = [(row["ended_at"] - row["ttft_ms"] * 1000, row["ended_at"]) for row in rows]
    assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) <= 2


def test_a_days_tokens_are_a_final_no_and_counted_as_the_provider_does(fresh: type[Running]) -> None:
    running = fresh(budgets="[{name: tokens, scope: company, limit_tokens: 2000, window: day}]")
    with Tunnel(running, running.add("alice"), "api.anthropic.com") as tunnel:
        used, answers = 0, []
        for _ in range(12):
            answers.append(tunnel.ask("/v1/messages", claude(max_tokens=400), x_demo_output_tokens="400"))
            if answers[-1].status != 200:
                break
    assert answers[-1].header("x-sluiceway-refused") == "budget_spent"
    assert b"2,000 tokens" in answers[-1].body
    rows = running.rows(len(answers))
    used = sum((row["input_tokens"] or 0) + (row["output_tokens"] or 0) for row in rows)
    assert 1500 <= used <= 2000
    assert running.service.store is not None
    assert running.service.store.verify() == []


def test_a_background_answer_is_refused_where_it_could_not_be_metered(fresh: type[Running]) -> None:
    running = fresh()
    providers = running.deployment.settings.rules / "providers.yaml"
    providers.write_text(providers.read_text().replace(", collects: openai_response", ""))
    running.on.call(running.service.reload)
    with Tunnel(running, running.add("alice"), "api.openai.com") as tunnel:
        answer = tunnel.ask("/v1/responses", {"model": "gpt-5-mini", "input": "hi", "background": True})
    assert (answer.status, answer.header("x-sluiceway-refused")) == (400, "background_not_metered")
    assert running.providers.log == []
