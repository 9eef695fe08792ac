"""The clients, unmodified, each served by another vendor's API: words, and a tool they run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from sluiceway.demo import answers
from sluiceway.demo.pace import NO_LATENCY
from tests.clients.cli import CLAUDE, CODEX, GEMINI, Cli
from tests.clients.conftest import POSTS
from tests.clients.desk import ELSEWHERE, PATIENCE_S, Desk
from tests.clients.seen import Seen
from tests.e2e.running import Running
from tests.e2e.since import billed_tokens, tokens_of

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * PATIENCE_S)]

# Each way has employees of its own, whose names begin with its route's.
ROUTES = """\
routes:
  - {name: chat, match: {employee: chat-*}, to: {provider: openai, model: gpt-5.1}}
  - {name: responses, match: {employee: responses-*}, to: {provider: openai, model: gpt-5.4}}
  - {name: claude, match: {employee: claude-*}, to: {provider: anthropic, model: claude-opus-4-5}}
  - {name: gemini, match: {employee: gemini-*}, to: {provider: google, model: gemini-3-flash-preview}}
  - {name: mistral, match: {employee: mistral-*}, to: {provider: mistral, model: magistral-medium-2509}}
inject: [{name: for-all}]
"""
KEYS = {
    "anthropic": "sk-ant-api03-test",
    "openai": "sk-proj-ours",
    "google": "AIza-of-the-company",
    "mistral": "mistral-ours",
}
# What an employee sets for the company's key to be used; Claude Code's is the company's own here.
OURS = {"CODEX_API_KEY": "sluiceway", "GEMINI_API_KEY": "sluiceway"}
BASH = 'Bash: {{"command": "cat {path}", "description": "Look"}}'
EXEC = r"""exec: {{"input": "text(await tools.exec_command({{cmd: \"cat note.txt\"}}))"}}"""
SHELL = 'run_shell_command: {{"command": "cat note.txt"}}'
UNBILLED = ("count_tokens", "websocket")  # Codex asks for a socket first, and is told to send posts
MESSAGES, CHAT, RESPONSES, CONTENTS = "anthropic_messages", "openai_chat", "openai_responses", "gemini"
WAYS = [
    pytest.param(CLAUDE, "chat", (MESSAGES, CHAT, "gpt-5.1"), BASH, id="claude code on gpt"),
    pytest.param(CLAUDE, "responses", (MESSAGES, RESPONSES, "gpt-5.4"), BASH, id="claude code on responses"),
    pytest.param(
        CLAUDE, "gemini", (MESSAGES, CONTENTS, "gemini-3-flash-preview"), BASH, id="claude code on gemini"
    ),
    pytest.param(CODEX, "claude", (RESPONSES, MESSAGES, "claude-opus-4-5"), EXEC, id="codex on claude"),
    pytest.param(
        CODEX, "gemini", (RESPONSES, CONTENTS, "gemini-3-flash-preview"), EXEC, id="codex on gemini"
    ),
    pytest.param(CODEX, "mistral", (RESPONSES, CHAT, "magistral-medium-2509"), EXEC, id="codex on mistral"),
    pytest.param(GEMINI, "claude", (CONTENTS, MESSAGES, "claude-opus-4-5"), SHELL, id="gemini cli on claude"),
    pytest.param(GEMINI, "responses", (CONTENTS, RESPONSES, "gpt-5.4"), SHELL, id="gemini cli on gpt"),
]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(
        tmp_path_factory.mktemp("moved"), latency=NO_LATENCY, patience_s=40, names=ELSEWHERE, more=POSTS
    )
    started.set_rules("20-routes", ROUTES)
    started.on.call(started.providers.be_strict)
    for provider, secret in KEYS.items():
        started.add_key(f"{provider}-key", provider, secret)
    yield started
    started.stop()


@pytest.fixture
def at_home(moved: Running, route: str, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", moved, moved.add(f"{route}-{uuid4().hex[:8]}"))


@pytest.mark.parametrize(("cli", "route", "apis", "order"), WAYS)
def test_a_client_works_on_another_vendors_model(
    cli: Cli, apis: tuple[str, str, str], order: str, at_home: Desk, moved: Running
) -> None:
    seen, cli = Seen(moved), replace(cli, environment=cli.environment | OURS)
    ran = at_home.run(cli, cli.plain, "Say something.")
    assert ran.code == 0, ran.shown
    assert any(known in "".join(ran.out) for known in answers.TEXTS), ran.shown
    note, secret = at_home.work / "note.txt", uuid4().hex
    note.write_text(f"{secret}\n")
    ran = at_home.run(cli, cli.plain, f"Please use the tool {order.format(path=note)}")
    assert ran.code == 0, ran.shown
    assert re.search(rf"The tool says: [\s\S]*{secret}", "".join(ran.out)), ran.shown
    rows = [row for row in seen.rows() if row["metered"] and row["operation"] not in UNBILLED]
    assert [(row["outcome"], row["dialect"], row["upstream_dialect"]) for row in rows] == [
        ("ok", *apis[:2])
    ] * len(rows)
    assert {row["model_routed"] for row in rows} == {apis[2]}
    for row, served in zip(rows, seen.billed, strict=True):
        assert tokens_of(row) == billed_tokens(served)
    assert seen.refused() == []
