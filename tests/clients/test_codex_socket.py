"""Codex CLI over its WebSocket, unmodified: answer, stream, tool, and a no that it shows at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from sluiceway.demo import answers
from sluiceway.demo.pace import NO_LATENCY
from tests.clients.cli import CODEX
from tests.clients.desk import ELSEWHERE, PATIENCE_S, Desk
from tests.clients.seen import Seen
from tests.e2e.running import Running

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * PATIENCE_S)]

# Its own trace tells of each frame as it comes.
TRACED = {"RUST_LOG": "error,tungstenite=trace,codex_api=trace"}
ROUTE = 'routes:\n  - {name: no-models, match: {model: "*"}, deny: {reason: not approved yet}}\n'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(
        tmp_path_factory.mktemp("sluiceway"), latency=NO_LATENCY, patience_s=40, names=ELSEWHERE
    )
    yield started
    started.stop()


@pytest.fixture
def seen(running: Running) -> Seen:
    return Seen(running)


def only_by_socket(seen: Seen) -> None:
    """Every turn came over one socket, and nothing was sent as a POST."""
    turns = [row for row in seen.rows() if row["metered"]]
    assert all(row["dialect"] == "openai_responses_socket" for row in turns)
    assert [row["turn"] for row in turns] == list(range(1, len(turns) + 1))
    (socket,) = seen.sockets()
    assert (socket["status"], socket["outcome"]) == (101, "ok")
    assert {row["request_id"] for row in turns} == {socket["request_id"]}


def test_a_prompt_is_answered_and_each_turn_has_its_exact_row(desk: Desk, seen: Seen) -> None:
    ran = desk.run(CODEX, CODEX.plain, "Say something.")
    assert ran.code == 0, ran.shown
    assert any(known in "".join(ran.out) for known in answers.TEXTS), ran.shown
    turns = seen.answers(CODEX, len(seen.billed))
    only_by_socket(seen)
    assert turns[-1]["output_tokens"] > 0
    assert len({row["conversation_id"] for row in turns}) == 1


def test_words_come_before_the_provider_sent_the_last(desk: Desk, seen: Seen, running: Running) -> None:
    running.providers.fault("openai", "slow;first=0;between=0", times=1)  # the warm-up says nothing
    running.providers.fault("openai", "hold", times=1)
    held: list[bool] = []

    def on_line(line: str) -> None:
        if "response.output_text.delta" in line and not held:
            held.append(not seen.billed[-1].complete)
            running.on.call(running.providers.release)

    too_long = threading.Timer(PATIENCE_S / 2, lambda: running.on.call(running.providers.release))
    too_long.start()
    try:
        cli = replace(CODEX, environment=CODEX.environment | TRACED)
        ran = desk.run(cli, CODEX.streamed, "Say something.", on_line)
    finally:
        too_long.cancel()
        running.on.call(running.providers.release)
        running.providers.clear_faults()
    assert held == [True], ran.shown[-3000:]
    assert ran.code == 0


def test_a_tool_is_run_and_its_result_reaches_the_model(desk: Desk, seen: Seen) -> None:
    note = desk.work / "note.txt"
    secret = uuid4().hex  # nobody can know it who has not read the file
    note.write_text(f"{secret}\n")
    order = 'exec: text(await tools.exec_command({cmd: "cat note.txt"}))'
    ran = desk.run(CODEX, CODEX.plain, f"Please use the tool {order}")
    assert ran.code == 0, ran.shown
    assert re.search(rf"The tool says: [\s\S]*{secret}", "".join(ran.out)), ran.shown
    only_by_socket(seen)
    assert len(seen.answers(CODEX, len(seen.billed))) >= 2


def test_a_no_inside_the_socket_is_shown_at_once_and_not_tried_again(tmp_path: Path) -> None:
    running = Running(tmp_path / "sluiceway", latency=NO_LATENCY, names=ELSEWHERE)
    try:
        running.set_rules("20-routes", ROUTE)
        seen = Seen(running)
        desk = Desk(tmp_path / "desk", running, running.add("alice"))
        ran = desk.run(CODEX, CODEX.plain, "Say something.")
        assert ran.code != 0
        message = "this request is not allowed by the rule 'no-models': not approved yet"
        assert message in ran.shown, ran.shown
        refused = [row for row in seen.rows() if row["refusal_code"] == "denied"]
        assert 1 <= len(refused) <= 2  # the warm-up, and the turn
        assert seen.billed == []
    finally:
        running.stop()
