"""Guard and audit on WebSockets: every frame is looked at, values come back in answers, turns are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.audited import KEYS, Company
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.socket_client import LIVE, REALTIME, SocketClient, ask

pytestmark = pytest.mark.e2e

RULES = """guard:
  - {name: secrets, detect: [SECRET], action: block}
  - {name: mail, detect: [EMAIL_ADDRESS], action: mask}
"""
SECRET = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"  # made up, of GitHub's shape


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("sluiceway"), latency=NO_LATENCY, more="guard: {workers: 1}")
    started.set_rules("20-guard", RULES)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture
def since(running: Running) -> Since:
    return Since(running)


def item(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": content},
    }


def test_a_secret_in_a_turn_is_refused_inside(running: Running, alice: str, since: Since) -> None:
    with SocketClient(running, alice) as socket:
        (no,) = socket.turn(**ask(f"my token is {SECRET}"))
        assert "secrets" in no["response"]["error"]["message"]
        assert SECRET not in str(no)
    row, _ = since.rows(2)
    assert (row["outcome"], row["guard_findings"]) == ("refused", '{"SECRET":1}')
    assert since.served == []


@pytest.mark.parametrize(
    ("url", "first", "frame"),
    [
        (REALTIME, [], item(f"my token is {SECRET}")),
        (REALTIME, [], {"type": "session.update", "session": {"instructions": f"use {SECRET}"}}),
        (
            LIVE,
            [{"setup": {"model": "models/gemini-3.8-live"}}],
            {"clientContent": {"turns": [{"role": "user", "parts": [{"text": SECRET}]}]}},
        ),
        (
            LIVE,
            [],
            {
                "setup": {
                    "model": "models/gemini-3.8-live",
                    "systemInstruction": {"parts": [{"text": SECRET}]},
                }
            },
        ),
    ],
    ids=["realtime item", "realtime instructions", "live content", "live setup"],
)
def test_a_secret_in_a_frame_that_asks_for_nothing_is_refused_too(
    running: Running, alice: str, since: Since, url: str, first: list[Any], frame: Any
) -> None:
    with SocketClient(running, alice, url) as socket:
        for each in first:
            socket.send(each)
        if first or url is REALTIME:
            socket.next()
        socket.send(frame)
        if url is REALTIME:
            assert socket.next()["type"] == "error"
        else:
            assert socket.ended()[0] == 1008
    row = since.rows(2)[0]
    assert (row["outcome"], row["guard_findings"]) == ("refused", '{"SECRET":1}')


REPEAT = "Repeat after me: write to bob@example.com"


def text(events: list[Any]) -> str:
    return "".join(event["delta"] for event in events if event["type"].endswith(".delta"))


def test_an_address_is_masked_for_the_provider_and_whole_in_the_answer(
    running: Running, alice: str, since: Since
) -> None:
    with SocketClient(running, alice, x_demo_events="9") as socket:
        events = socket.turn(**ask(REPEAT))
    assert text(events) == "write to bob@example.com"
    assert "write to bob@example.com" in str(events[-1]["response"]["output"])
    row, _ = since.rows(2)
    assert (row["outcome"], row["guard_findings"]) == ("ok", '{"EMAIL_ADDRESS":1}')


def test_an_item_that_was_masked_before_comes_back_in_a_later_answer(running: Running, alice: str) -> None:
    with SocketClient(running, alice, REALTIME, x_demo_events="9") as socket:
        socket.next()
        socket.send(item(REPEAT))
        socket.next()
        events = socket.turn(response={"output_modalities": ["text"]})
    assert text(events) == "write to bob@example.com"


def test_a_live_answer_has_the_values(running: Running, alice: str) -> None:
    with SocketClient(running, alice, LIVE, x_demo_events="9") as socket:
        config = {"responseModalities": ["TEXT"]}
        socket.send({"setup": {"model": "models/gemini-3.8-live", "generationConfig": config}})
        socket.next()
        turn = {"role": "user", "parts": [{"text": REPEAT}]}
        socket.send({"clientContent": {"turns": [turn], "turnComplete": True}})
        messages = [socket.next()]
        while not messages[-1]["serverContent"].get("turnComplete"):
            messages.append(socket.next())
    parts = [
        part for each in messages for part in each["serverContent"].get("modelTurn", {}).get("parts", ())
    ]
    assert "".join(part["text"] for part in parts) == "write to bob@example.com"


def test_an_audited_turn_is_kept_as_the_provider_had_it(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    running.set_rules("20-guard", "guard: [{name: mail, detect: [EMAIL_ADDRESS], action: mask}]\n")
    proxy = running.add("alice")
    key = {"authorization": f"Bearer {KEYS['openai']}"}
    with SocketClient(running, proxy, **key) as socket:
        (notice,) = socket.turn(**ask("hi"))  # nobody is audited who was not told
        assert notice["type"] == "response.failed"
        company.tell("alice")
        socket.turn(**ask(REPEAT))
        socket.turn(**ask("Repeat after me: twice"))
    found = company.read()
    assert [each["response"] for each in found] == ["write to <EMAIL_1>", "twice"]
    assert found[0]["request"][0]["text"] == "Repeat after me: write to <EMAIL_1>"
    assert [row["audit"] for row in running.rows(4) if row["turn"]] == ["off", "redacted", "redacted"]
