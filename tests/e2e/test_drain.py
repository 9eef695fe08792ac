"""SIGTERM: streams may finish, what comes new is refused, the process ends in time, the books are right."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.heavy.asking import Answered, Question, clients
from tests.heavy.processes import Billing, Child, Proxy

pytestmark = pytest.mark.e2e

STREAMS = 20
DRAIN_S = 60.0  # nobody waits so long: it ends with its last stream


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Billing]:
    billing = Billing.start(tmp_path_factory.mktemp("billing"), (0, 0), (0, 0))
    yield billing
    billing.child.stop()


def lasting(seconds: float, provider: str = "anthropic") -> Question:
    """A stream of a hundred tokens in twenty events that takes so long."""
    return Question(provider, True, 100, 200, events=20, fault=f"slow;first=0;between={seconds / 20}")


async def terminated_midway(
    proxy: Proxy, serve: Child, questions: list[Question]
) -> tuple[list[Answered], Answered]:
    """SIGTERM once every stream has begun; their answers, and that of a client who comes afterwards."""
    async with clients(proxy.anchor) as asking:
        begun = [asyncio.Event() for _ in questions]
        streams = [
            asyncio.create_task(asking.ask(proxy.urls[0], question, event.set))
            for question, event in zip(questions, begun, strict=True)
        ]
        await asyncio.gather(*(event.wait() for event in begun))
        serve.terminate()
        await asyncio.to_thread(serve.wait_for, "draining")
        async with clients(proxy.anchor) as newcomers:
            late = await newcomers.ask(proxy.urls[0], Question())
        return list(await asyncio.gather(*streams)), late


def test_twenty_streams_finish_whole_while_new_connections_are_refused(
    billing: Billing, tmp_path: Path
) -> None:
    proxy = Proxy(tmp_path, billing, drain_s=DRAIN_S)
    questions = [lasting(2, ("anthropic", "openai")[i % 2]) for i in range(STREAMS)]
    with proxy.serving() as serve:
        answers, late = asyncio.run(terminated_midway(proxy, serve, questions))
        assert serve.ended(DRAIN_S) == 0

    assert [answer.whole for answer in answers] == [True] * STREAMS
    assert late.broken == "ClientProxyConnectionError"
    rows = proxy.rows()
    assert [(row["outcome"], row["output_tokens"]) for row in rows] == [("ok", 100)] * STREAMS
    assert proxy.command("ledger", "verify").stdout == "every counter equals the ledger\n"
    assert "unhandled" not in serve.said()
    assert "failed" not in serve.said()


def test_a_stream_that_outlasts_the_drain_is_cut_and_charged_for_what_was_seen(
    billing: Billing, tmp_path: Path
) -> None:
    proxy = Proxy(tmp_path, billing, drain_s=1)
    with proxy.serving() as serve:
        answers, _ = asyncio.run(terminated_midway(proxy, serve, [lasting(300)]))
        assert serve.ended(60) == 0  # minutes before the stream would have ended by itself

    assert not answers[0].whole
    assert answers[0].broken is None  # the end is the provider's own form of an error, not a broken line
    assert b"event: error" in answers[0].body
    assert b"Sluiceway is restarting" in answers[0].body
    [row] = proxy.rows()
    assert (row["outcome"], row["usage_source"]) == ("truncated", "partial")
    assert row["cost_nusd"] > 0
    assert row["charged_nusd"] >= row["cost_nusd"]
    assert row["reserved_nusd"] == 0
    assert proxy.command("ledger", "verify").returncode == 0


def test_an_idle_proxy_ends_at_once(billing: Billing, tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, billing, drain_s=60)
    with proxy.serving() as serve:
        serve.terminate()
        assert serve.ended(60) == 0


def test_a_second_ctrl_c_ends_the_drain_at_once(billing: Billing, tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, billing, drain_s=60)

    async def interrupted_twice(serve: Child) -> Answered:
        async with clients(proxy.anchor) as asking:
            began = asyncio.Event()
            stream = asyncio.create_task(asking.ask(proxy.urls[0], lasting(300), began.set))
            await began.wait()
            serve.process.send_signal(signal.SIGINT)
            await asyncio.to_thread(serve.wait_for, "Ctrl-C ends it at once")
            serve.process.send_signal(signal.SIGINT)
            return await stream

    with proxy.serving() as serve:
        answer = asyncio.run(interrupted_twice(serve))
        assert serve.ended(60) == 130
    assert not answer.whole
    assert proxy.command("ledger", "verify").returncode == 0
    with proxy.serving():
        [row] = proxy.rows()
        assert (row["owner"], row["reserved_nusd"]) == (None, 0)
        assert row["charged_nusd"] > 0
