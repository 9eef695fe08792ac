"""Tasks on the way of a request: told where the settings want it, kept as one word and no text."""

from __future__ import annotations

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.tunnel import CANARY, Tunnel, claude

pytestmark = pytest.mark.e2e

ASKED = {"write a poem about the sea": "creative", "fix the failing test in app.py": "coding", " ": None}


def test_the_ledger_gets_one_word_where_the_settings_ask_for_all(fresh: type[Running]):
    running = fresh(more="task_types: all", latency=NO_LATENCY)
    with Tunnel(running, running.add("alice"), "api.anthropic.com") as tunnel:
        for text in ASKED:
            assert (
                tunnel.ask("/v1/messages", claude(f"{text} {CANARY}" if text.strip() else text)).status == 200
            )
    rows = running.rows(settled=len(ASKED))
    assert [row["task"] for row in rows] == list(ASKED.values())
    assert CANARY not in repr(rows)


def test_nobody_looks_at_the_text_where_nobody_asked(quick: Running):
    with Tunnel(quick, quick.add("bob"), "api.anthropic.com") as tunnel:
        assert tunnel.ask("/v1/messages", claude("write a poem about the sea")).status == 200
    assert quick.rows(settled=1)[-1]["task"] is None


def test_a_route_that_looks_at_the_task_gets_it(fresh: type[Running]):
    running = fresh(latency=NO_LATENCY)
    running.set_rules(
        "20-verse", "routes: [{name: no-verse, match: {task: creative}, deny: {reason: 'No verse here.'}}]"
    )
    with Tunnel(running, running.add("alice"), "api.anthropic.com") as tunnel:
        statuses = [tunnel.ask("/v1/messages", claude(text)).status for text in list(ASKED)[:2]]
    assert statuses == [400, 200]
    assert [row["task"] for row in running.rows(settled=2)] == ["creative", "coding"]
