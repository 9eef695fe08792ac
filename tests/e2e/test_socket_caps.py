"""Caps on WebSockets: never over, nearly all of it usable, refused inside the socket, cut in mid-answer."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.socket_client import LIVE, REALTIME, SocketClient, ask

pytestmark = pytest.mark.e2e

# A turn of gpt-4.1-mini: 5 tokens of input at 400 nano-dollars and 600 of output at 1,600 are 962,000.
TURN = {"x_demo_output_tokens": "600", "x_demo_events": "40"}
USED_UP = "[Sluiceway: the budget 'core-day' is used up"
TEN = "[{name: core-day, scope: {team: core}, limit_usd: 0.00963, window: day}]"
# Ten of them, and the few tokens by which the input is guessed too high: not enough to start an eleventh.
TURN_NUSD, LIMIT_NUSD = 962_000, 9_630_000


def asked() -> dict[str, Any]:
    """With a limit as long as the answer: without one the last tokens of a cap are left to estimates."""
    return ask(max_output_tokens=600)


def spent(running: Running) -> int:
    return sum(row["charged_nusd"] for row in running.rows() if row["budgeted"])


def test_twenty_turns_against_a_cap_worth_ten(fresh: type[Running]) -> None:
    running = fresh(budgets=TEN, latency=NO_LATENCY, wait_s=0)
    since = Since(running)
    with SocketClient(running, running.add("alice"), **TURN) as socket:
        said = [socket.turn(**asked())[-1]["type"] for _ in range(20)]
    assert said == ["response.completed"] * 10 + ["response.failed"] * 10
    rows = since.rows(21)
    assert [row["charged_nusd"] for row in rows] == [TURN_NUSD] * 10 + [0] * 11
    assert {row["refusal_code"] for row in rows[10:20]} == {"budget_spent"}


def test_a_spent_cap_is_refused_inside_with_its_words_each_time(fresh: type[Running]) -> None:
    running = fresh(budgets=TEN.replace("0.00963", "0.000972"), latency=NO_LATENCY, wait_s=0)
    with SocketClient(running, running.add("alice"), **TURN) as socket:
        assert socket.turn(**asked())[-1]["type"] == "response.completed"
        for _ in range(2):
            (no,) = socket.turn(**asked())
            error = no["response"]["error"]
            assert error["code"] == "invalid_prompt"
            assert "the budget 'core-day'" in error["message"]
            assert "Ask #ai-platform" in error["message"]
    assert [row["refusal_code"] for row in running.rows(4)] == [None, "budget_spent", "budget_spent", None]


def test_several_sockets_at_once_never_pass_the_cap(fresh: type[Running]) -> None:
    running = fresh(budgets=TEN, latency=NO_LATENCY, wait_s=2)
    proxy = running.add("alice")

    def talk(_: int) -> int:
        whole = 0
        with SocketClient(running, proxy, **TURN) as socket:
            for _ in range(5):
                whole += socket.turn(**asked())[-1]["type"] == "response.completed"
        return whole

    with ThreadPoolExecutor(6) as pool:
        whole = sum(pool.map(talk, range(6)))
    assert len(running.rows(36)) == 36
    assert (whole, spent(running)) == (10, 10 * TURN_NUSD)
    assert running.service.store
    assert running.service.store.verify() == []


def test_an_answer_that_outgrows_the_cap_ends_as_at_its_output_limit(fresh: type[Running]) -> None:
    running = fresh(budgets=TEN, latency=NO_LATENCY)
    since = Since(running)
    with SocketClient(
        running, running.add("alice"), x_demo_output_tokens="60000", x_demo_events="900"
    ) as socket:
        events = socket.turn(**ask())
        code, why = socket.ended()
    assert (code, why.startswith(f"{USED_UP[1:]}, so this answer ends here. It resets at 20")) == (1008, True)
    assert events[-1]["type"] == "response.incomplete"
    assert USED_UP in str(events[-1]["response"]["output"])
    row, _ = since.rows(2)
    assert (row["outcome"], row["usage_source"]) == ("capped", "estimated")
    assert LIMIT_NUSD * 0.9 < spent(running) <= LIMIT_NUSD * 1.02  # at most one chunk over


VOICE = "[{name: core-day, scope: {team: core}, limit_usd: 0.05, window: day}]"


def audio(sample: bytes, seconds: int) -> str:
    return b64encode(sample * 48_000 * seconds).decode()


def test_a_long_realtime_answer_is_cancelled_and_billed_for_what_was_said(fresh: type[Running]) -> None:
    running = fresh(budgets=VOICE, latency=NO_LATENCY)
    since = Since(running)
    with SocketClient(
        running, running.add("alice"), REALTIME, x_demo_output_tokens="6000", x_demo_events="300"
    ) as socket:
        socket.next()
        socket.send({"type": "response.create"})
        events = socket.answer()  # our error
        assert USED_UP in events[-1]["error"]["message"]
        done = socket.answer()
    assert (done[-1]["type"], done[-1]["response"]["status"]) == ("response.done", "cancelled")
    row, _ = since.rows(2)
    (served,) = since.served
    assert served.usage is not None
    assert (row["outcome"], row["output_tokens"]) == ("capped", served.usage["output_tokens"])
    assert 0 < row["output_tokens"] < 6000


def test_what_the_provider_begins_by_itself_is_cancelled_when_the_cap_is_spent(fresh: type[Running]) -> None:
    running = fresh(budgets=VOICE.replace("0.05", "0.000001"), latency=NO_LATENCY, wait_s=0)
    since = Since(running)
    with SocketClient(running, running.add("alice"), REALTIME, x_demo_events="50") as socket:
        socket.next()
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\1", 2)})
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\0", 1)})
        seen: list[Any] = [socket.next()]
        while seen[-1]["type"] != "error":
            seen.append(socket.next())
        code, reason = socket.ended()
    assert not any(event["type"].startswith("response.") for event in seen)
    assert (seen[-1]["error"]["code"], code) == ("insufficient_quota", 1008)
    assert reason.startswith("Sluiceway: the budget 'core-day'")
    row, _ = since.rows(2)
    (served,) = since.served
    assert served.usage is not None
    assert (row["outcome"], row["refusal_code"]) == ("refused", "budget_spent")
    assert row["input_tokens"] == served.usage["input_tokens"]  # the provider heard it, and bills it
    assert row["charged_nusd"] > 0


def test_live_ends_with_the_reason_when_the_cap_is_spent(fresh: type[Running]) -> None:
    running = fresh(budgets=VOICE.replace("0.05", "0.000001"), latency=NO_LATENCY, wait_s=0)
    with SocketClient(running, running.add("alice"), LIVE) as socket:
        socket.send({"setup": {"model": "models/gemini-3.8-live"}})
        socket.next()
        turn = {"role": "user", "parts": [{"text": "hello"}]}
        socket.send({"clientContent": {"turns": [turn], "turnComplete": True}})
        code, reason = socket.ended()
    assert (code, reason[:37]) == (1008, "Sluiceway: the budget 'core-day' (tea")
    refused, _ = running.rows(2)
    assert (refused["outcome"], refused["cost_nusd"], running.providers.billed) == ("refused", 0, [])


AT_ONCE = "[{name: one-at-once, scope: {team: core}, limit_concurrent: 1}]"


def test_an_open_socket_is_no_request_until_a_turn_runs(fresh: type[Running]) -> None:
    running = fresh(budgets=AT_ONCE, latency=NO_LATENCY, wait_s=0)
    proxy = running.add("alice")
    with SocketClient(running, proxy) as one, SocketClient(running, proxy) as other:
        for socket in (one, other, one):
            assert socket.turn(**ask())[-1]["type"] == "response.completed"
        running.providers.fault("openai", "hold", times=1)
        one.send({"type": "response.create", **ask()})
        while one.next()["type"] != "response.output_text.delta":
            pass
        (no,) = other.turn(**ask())
        assert no["response"]["error"]["code"] == "server_error"  # worth trying again
        running.on.call(running.providers.release)
        assert one.answer()[-1]["type"] == "response.completed"
        assert other.turn(**ask())[-1]["type"] == "response.completed"


def test_the_lanes_of_one_socket_are_told_apart(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    since = Since(running)
    with SocketClient(running, running.add("alice")) as socket:
        for lane in ("a", "b"):
            socket.send({"type": "response.create", "stream_id": lane, **ask(f"lane {lane}")})
        ended: list[str] = []
        while len(ended) < 2:
            event = socket.next()
            if event["type"] == "response.completed":
                ended.append(event["stream_id"])
    assert sorted(ended) == ["a", "b"]
    *turns, _ = since.rows(3)
    assert {row["usage_source"] for row in turns} == {"reported"}
    assert len({row["response_id"] for row in turns}) == 2
