"""Caps under concurrency: never over by the provider's own count, nearly all usable, nobody refused early."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from sluiceway.app.serve import Service
from sluiceway.demo.exchange import Served
from sluiceway.types import to_usd
from tests.e2e.running import Running
from tests.heavy.asking import Answered, Question, clients, together

pytestmark = pytest.mark.e2e

WORTH = 50
REQUESTS = 200
OUTPUT = 100
# List prices of the two models in nano-dollars a token: 3 and 15 USD, 0.40 and 1.60 USD a million.
PRICES = {"anthropic": (3_000, 15_000), "openai": (400, 1_600)}
# 9 prompt tokens and 100 of output: 9 x 3,000 + 100 x 15,000 and 9 x 400 + 100 x 1,600.
ANSWER_NUSD = {"anthropic": 1_527_000, "openai": 163_600}
FINAL = {"anthropic": (402, "billing_error"), "openai": (429, "insufficient_quota")}


def billed_nusd(served: Sequence[Served]) -> int:
    """What the provider will ask for, by its own count at list price."""
    return sum(_billed(each) for each in served)


def _billed(served: Served) -> int:
    usage = served.usage or {}
    price_in, price_out = PRICES[served.provider]
    tokens_in = usage.get("input_tokens", usage.get("prompt_tokens"))
    tokens_out = usage.get("output_tokens", usage.get("completion_tokens"))
    return int(tokens_in) * price_in + int(tokens_out) * price_out


def budget(name: str, limit_nusd: int, scope: str = "company") -> str:
    return f"{{name: {name}, scope: {scope}, limit_usd: {to_usd(limit_nusd):f}, window: month}}"


def ask_all(running: Running, questions: Sequence[tuple[str, Question]]) -> list[Answered]:
    """All at once, each on a connection of its own."""

    async def all_at_once() -> list[Answered]:
        async with clients(running.anchor) as asking:
            return await together([asking.ask(proxy, question) for proxy, question in questions])

    return asyncio.run(all_at_once())


def assert_settled(running: Running, rows: int) -> None:
    """Every row has ended, nothing is reserved, and the counters equal the ledger."""
    assert len(running.rows(rows)) == rows
    assert running.service.store
    status = running.service.store.status()
    assert (status["open_reservations"], status["waiting"]) == (0, 0)
    assert running.service.store.verify() == []


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(
            Question("anthropic", True, OUTPUT, OUTPUT), id="streams, max_tokens as long as the answer"
        ),
        pytest.param(Question("anthropic", True, OUTPUT, 4 * OUTPUT), id="streams, max_tokens four times it"),
        pytest.param(Question("openai", True, OUTPUT, None), id="streams, no max_tokens"),
        pytest.param(
            Question("anthropic", False, OUTPUT, OUTPUT), id="JSON, max_tokens as long as the answer"
        ),
        pytest.param(Question("anthropic", False, OUTPUT, 4 * OUTPUT), id="JSON, max_tokens four times it"),
        pytest.param(Question("openai", False, OUTPUT, None), id="JSON, no max_tokens"),
    ],
)
def test_two_hundred_at_once_get_what_the_cap_is_worth_and_no_more(
    fresh: type[Running], question: Question
) -> None:
    cap_nusd = WORTH * ANSWER_NUSD[question.provider]
    running = fresh(budgets=f"[{budget('tight', cap_nusd)}]", wait_s=60)
    answers = ask_all(running, [(running.add("alice"), question)] * REQUESTS)

    served = [answer for answer in answers if answer.whole]
    assert len(served) >= WORTH - 2
    assert billed_nusd(running.providers.billed) <= cap_nusd
    assert sum(answer.output_tokens == OUTPUT for answer in served) >= WORTH - 2

    refused = [answer for answer in answers if not answer.whole]
    status, kind = FINAL[question.provider]
    assert {(answer.status, answer.refused) for answer in refused} == {(status, "budget_spent")}
    assert all(kind.encode() in answer.body for answer in refused)
    assert_settled(running, REQUESTS)
    # The final refusal only when the money is spent: not even a short answer would have fitted any more.
    spent = sum(row["charged_nusd"] for row in running.rows())
    assert spent > cap_nusd - ANSWER_NUSD[question.provider]


def test_caps_of_employee_team_and_company_all_hold_at_once(fresh: type[Running]) -> None:
    one = ANSWER_NUSD["anthropic"]
    limits = {"head": 20 * one, "core": 30 * one, "company": 45 * one}
    budgets = [
        budget("head", limits["head"], '{employee: "*"}'),
        budget("core", limits["core"], "{team: core}"),
        budget("company", limits["company"]),
    ]
    running = fresh(budgets=f"[{', '.join(budgets)}]", wait_s=60)
    proxies = [running.add("alice"), running.add("bob"), running.add("carol", team="web")]
    question = Question("anthropic", True, OUTPUT, 2 * OUTPUT)
    answers = ask_all(running, [(proxies[i % 3], question) for i in range(150)])

    assert_settled(running, 150)
    spent: Counter[str] = Counter()
    for row in running.rows():
        spent[row["principal"]] += row["charged_nusd"]
        spent[row["team"]] += row["charged_nusd"]
    assert max(spent["alice"], spent["bob"], spent["carol"]) <= limits["head"]
    assert spent["core"] <= limits["core"]
    assert billed_nusd(running.providers.billed) <= limits["company"]
    # Carol's 15 to 20 and what the core team's cap or the company's leaves to alice and bob.
    assert sum(answer.whole for answer in answers) >= 43


def test_caps_in_scopes_that_cross_all_hold_at_once_and_are_used(fresh: type[Running]) -> None:
    """By team and model, by provider, by person and provider; rolling and by month. Two providers."""
    one, other = ANSWER_NUSD["anthropic"], ANSWER_NUSD["openai"]
    limits = {"core-sonnet": 12 * one, "claude": 20 * one, "heads-gpt": 9 * other}
    wide = [
        ("core-sonnet", '{team: core, model: "claude-sonnet-*"}', "{rolling: 24h}"),
        ("claude", "{provider: anthropic}", "month"),
        ("heads-gpt", '{employee: "*", provider: openai}', "{rolling: 7d}"),
    ]
    budgets = [
        f"{{name: {name}, scope: {scope}, limit_usd: {to_usd(limits[name]):f}, window: {window}}}"
        for name, scope, window in wide
    ]
    running = fresh(budgets=f"[{', '.join(budgets)}]", wait_s=60)
    proxies = [running.add("alice"), running.add("bob"), running.add("carol", team="web")]
    questions = [Question("anthropic", True, OUTPUT, 2 * OUTPUT), Question("openai", False, OUTPUT, None)]
    asked = [(proxies[i % 3], questions[i % 2]) for i in range(120)]
    answers = ask_all(running, asked)

    assert_settled(running, 120)
    spent: Counter[str] = Counter()
    for row in running.rows():
        spent[row["provider"]] += row["charged_nusd"]
        spent[f"{row['team']} {row['provider']}"] += row["charged_nusd"]
        spent[f"{row['principal']} {row['provider']}"] += row["charged_nusd"]
    assert spent["core anthropic"] <= limits["core-sonnet"]
    assert spent["anthropic"] <= limits["claude"]
    assert max(spent[f"{who} openai"] for who in ("alice", "bob", "carol")) <= limits["heads-gpt"]
    # A final no came only where not even a short answer would have fitted any more.
    assert {answer.refused for answer in answers if not answer.whole} == {"budget_spent"}
    assert spent["anthropic"] > limits["claude"] - one
    assert min(spent[f"{who} openai"] for who in ("alice", "bob", "carol")) > limits["heads-gpt"] - other


def test_money_that_is_only_reserved_is_worth_waiting_for_and_never_a_final_no(fresh: type[Running]) -> None:
    """A stream that takes its time holds most of the cap: the second is told to try again, then is served."""
    one = ANSWER_NUSD["anthropic"]
    running = fresh(budgets=f"[{budget('tight', 3 * one)}]", wait_s=0)
    proxy = running.add("alice")
    slow = Question("anthropic", True, OUTPUT, 2 * OUTPUT, fault="slow;first=0;between=0.05")

    async def second_while_the_first_streams() -> tuple[Answered, Answered]:
        async with clients(running.anchor) as asking:
            began = asyncio.Event()
            first = asyncio.create_task(asking.ask(proxy, slow, began.set))
            await began.wait()
            second = await asking.ask(proxy, Question("anthropic", True, OUTPUT, 2 * OUTPUT))
            return await first, second

    first, second = asyncio.run(second_while_the_first_streams())
    assert first.whole
    assert (second.status, second.refused) == (429, "budget_busy")
    assert int(second.headers["retry-after"]) <= 30
    assert ask_all(running, [(proxy, Question("anthropic", True, OUTPUT, OUTPUT))])[0].whole
    assert_settled(running, 3)


def test_those_who_wait_for_reserved_money_are_served_as_soon_as_it_is_free(fresh: type[Running]) -> None:
    one = ANSWER_NUSD["anthropic"]
    running = fresh(budgets=f"[{budget('tight', 6 * one)}]", wait_s=60)
    question = Question("anthropic", True, OUTPUT, 3 * OUTPUT, fault="slow;first=0;between=0.01")
    answers = ask_all(running, [(running.add("alice"), question)] * 5)
    assert all(answer.whole for answer in answers)
    assert_settled(running, 5)


def test_a_renamed_cap_keeps_what_was_spent_and_so_does_a_new_one_after_a_restart(
    fresh: type[Running],
) -> None:
    one = ANSWER_NUSD["anthropic"]
    rest = 100_000  # room for a guess of the input that leans high, and for no further answer
    running = fresh(budgets=f"[{budget('old-name', 5 * one + rest)}]", wait_s=60)
    question = Question("anthropic", False, OUTPUT, OUTPUT)
    credentials = running.add("alice").partition("@")[0]

    def ask(count: int) -> list[str | None]:
        proxy = f"{credentials}@127.0.0.1:{running.port}"
        return [answer.refused for answer in ask_all(running, [(proxy, question)] * count)]

    assert ask(3) == [None] * 3
    running.set_budgets(f"[{budget('new-name', 5 * one + rest)}]")
    running.on.call(running.service.reload)
    assert ask(2) == [None] * 2
    assert ask(1) == ["budget_spent"]

    # A cap that never was: alice's own, worth seven answers, of which five are spent before it exists.
    running.set_budgets(f"[{budget('heads', 7 * one + rest, '{employee: alice}')}]")
    running.on.run(running.service.stop())
    running.service = Service(running.deployment)
    running.on.run(running.service.start())
    running.port = running.service.addresses[0][1]
    assert ask(2) == [None] * 2
    assert ask(1) == ["budget_spent"]
    assert billed_nusd(running.providers.billed) == 7 * one
    assert_settled(running, 9)
