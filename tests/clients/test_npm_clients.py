"""Answer, stream, tool and refusal, with Claude Code, Codex CLI and Gemini CLI as npm installs them."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from uuid import uuid4

import pytest

from sluiceway.demo import answers
from tests.clients.cli import CLAUDE, CODEX, GEMINI, Cli
from tests.clients.desk import PATIENCE_S, Desk, Ran
from tests.clients.seen import Seen
from tests.e2e.running import Running
from tests.e2e.tunnel import Tunnel, claude

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * PATIENCE_S)]


@pytest.fixture
def seen(running: Running) -> Seen:
    return Seen(running)


def said(text: str) -> bool:
    """Whether one of the simulated model's texts is in it, whole."""
    return any(known in text for known in answers.TEXTS)


def stays_at_home(ran: Ran) -> bool:
    return not ran.strangers


def test_a_prompt_is_answered_and_each_request_has_its_exact_row(cli: Cli, desk: Desk, seen: Seen) -> None:
    ran = desk.run(cli, cli.plain, "Say something.")
    assert ran.code == 0, ran.shown
    assert said("".join(ran.out)), ran.shown
    assert stays_at_home(ran), ran.strangers
    rows = seen.answers(cli, cli.requests)
    assert rows[-1]["stream"] is True
    assert seen.refused() == []


@pytest.mark.parametrize(
    ("cli", "variable"),
    [
        (CLAUDE, "NODE_EXTRA_CA_CERTS"),
        (CLAUDE, "SSL_CERT_FILE"),
        (CODEX, "SSL_CERT_FILE"),
        (CODEX, "CODEX_CA_CERTIFICATE"),
        (GEMINI, "NODE_EXTRA_CA_CERTS"),
    ],
    ids=lambda value: value.command if isinstance(value, Cli) else value,
)
def test_one_ca_variable_is_enough(
    cli: Cli, variable: str, running: Running, alice: str, tmp_path: Path, seen: Seen
) -> None:
    ran = Desk(tmp_path / "desk", running, alice, (variable,)).run(cli, cli.plain, "Say something.")
    assert ran.code == 0, ran.shown
    seen.answers(cli, cli.requests)


def test_claude_codes_own_endpoints_pass_unmetered(desk: Desk, seen: Seen) -> None:
    desk.run(CLAUDE, CLAUDE.plain, "Say something.")
    rows = [row for row in seen.rows() if not row["metered"]]
    assert len(rows) >= 5
    assert {(row["operation"], row["cost_nusd"], row["budgeted"]) for row in rows} == {("pass", 0, False)}
    assert {served.path.split("/")[1] for served in seen.served if served.usage is None} == {"api"}


def test_codex_asks_for_a_socket_once_and_then_posts(desk: Desk, seen: Seen) -> None:
    desk.run(CODEX, CODEX.plain, "Say something.")
    (socket,) = seen.sockets()
    assert (socket["status"], socket["refusal_code"]) == (426, "websocket_not_supported")
    (row,) = seen.answers(CODEX, 1)
    assert row["conversation_id"] == socket["conversation_id"] is not None


def test_the_client_shows_words_before_the_provider_sent_the_last(
    cli: Cli, desk: Desk, seen: Seen, running: Running
) -> None:
    running.providers.fault(cli.provider, "hold")
    held: list[bool] = []

    def on_line(line: str) -> None:
        if cli.delta in line and not held:
            held.append(not seen.billed[-1].complete)
            running.on.call(running.providers.release)

    too_long = threading.Timer(PATIENCE_S / 2, lambda: running.on.call(running.providers.release))
    too_long.start()
    try:
        ran = desk.run(cli, cli.streamed, "Say something.", on_line)
    finally:
        too_long.cancel()
        running.on.call(running.providers.release)
        running.providers.clear_faults()
    assert held == [True], ran.shown[-3000:]
    assert ran.code == 0
    assert all(served.complete for served in seen.billed)
    seen.answers(cli, cli.requests)


TOOLS = [
    pytest.param(CLAUDE, 'Read: {{"file_path": "{path}"}}', id="claude reads"),
    pytest.param(CLAUDE, 'Bash: {{"command": "cat note.txt", "description": "Look"}}', id="claude runs"),
    pytest.param(CODEX, 'exec: text(await tools.exec_command({{cmd: "cat note.txt"}}))', id="codex runs"),
    pytest.param(GEMINI, 'read_file: {{"file_path": "note.txt"}}', id="gemini reads"),
    pytest.param(GEMINI, 'run_shell_command: {{"command": "cat note.txt"}}', id="gemini runs"),
]


@pytest.mark.parametrize(("cli", "order"), TOOLS)
def test_a_tool_the_model_calls_is_run_here_and_its_result_reaches_the_model(
    cli: Cli, order: str, desk: Desk, seen: Seen
) -> None:
    note = desk.work / "note.txt"
    secret = uuid4().hex  # nobody can know it who has not read the file
    note.write_text(f"{secret}\n")
    ran = desk.run(cli, cli.plain, f"Please use the tool {order.format(path=note)}")
    assert ran.code == 0, ran.shown
    # The simulated model quotes what the second request brought it.
    assert re.search(rf"The tool says: [\s\S]*{secret}", "".join(ran.out)), ran.shown
    assert stays_at_home(ran), ran.strangers
    rows = seen.answers(cli, cli.requests + 1)
    assert rows[-1]["input_tokens"] > rows[-2]["input_tokens"]
    assert seen.refused() == []


# Refusals: shown once, in words, and not tried again.

# 5 tokens of prompt at 3,000 nano-dollars and 600 of answer at 15,000 are 0.009015 USD: a little over.
BUDGET = "[{name: core-month, scope: {team: core}, limit_usd: 0.009, window: month}]"
USED_UP = (
    r"Sluiceway: the budget 'core-month' \(team core; 0\.0090 USD per month\) is used up: "
    r"0\.0090 USD spent\. "
    r"It resets at \d{4}-\d\d-01 00:00 UTC\. Ask #ai-platform if you need more\."
)
DENIED = (
    r"Sluiceway: this request is not allowed by the rule 'no-models': not approved yet\. Ask #ai-platform\."
)
WRONG = (
    r"Sluiceway: your proxy credentials are not good: the token of 'alice' is not right\. Ask #ai-platform\."
)
ROUTE = 'version: 1\nroutes:\n  - {name: no-models, match: {model: "*"}, deny: {reason: not approved yet}}\n'


def assert_shown_and_given_up(ran: Ran, cli: Cli, seen: Seen, message: str, code: str) -> None:
    assert ran.code != 0
    assert len(re.findall(message, ran.shown)) == cli.repeats, ran.shown
    assert [row["refusal_code"] for row in seen.refused()] == [code] * cli.requests
    assert len(seen.sockets()) == (cli is CODEX)
    assert seen.billed == []
    assert stays_at_home(ran), ran.strangers


def test_a_used_up_budget_is_shown_with_its_reset_and_whom_to_ask(
    cli: Cli, fresh: Running, tmp_path: Path
) -> None:
    proxy = fresh.add("alice")
    with Tunnel(fresh, proxy) as tunnel:
        tunnel.ask("/v1/messages", claude("hi", max_tokens=600), x_demo_output_tokens="600")
    assert fresh.rows(1)[0]["cost_nusd"] == 9_015_000
    fresh.set_budgets(BUDGET)  # it opens with what was spent in its month
    fresh.on.call(fresh.service.reload)
    seen = Seen(fresh)
    ran = Desk(tmp_path / "desk", fresh, proxy).run(cli, cli.plain, "Say something.")
    assert_shown_and_given_up(ran, cli, seen, USED_UP, "budget_spent")
    assert {row["refusal_rule"] for row in seen.refused()} == {"core-month"}


def test_a_denied_model_is_shown_with_the_rule_and_its_reason(
    cli: Cli, fresh: Running, tmp_path: Path
) -> None:
    (fresh.deployment.settings.rules / "policy" / "20-routes.yaml").write_text(ROUTE)
    fresh.on.call(fresh.service.reload)
    seen = Seen(fresh)
    ran = Desk(tmp_path / "desk", fresh, fresh.add("alice")).run(cli, cli.plain, "Say something.")
    assert_shown_and_given_up(ran, cli, seen, DENIED, "denied")


def test_a_wrong_proxy_token_is_shown_as_that(cli: Cli, fresh: Running, tmp_path: Path) -> None:
    fresh.add("alice")
    seen = Seen(fresh)
    ran = Desk(tmp_path / "desk", fresh, fresh.url("alice", "swy_wrong")).run(
        cli, cli.plain, "Say something."
    )
    assert_shown_and_given_up(ran, cli, seen, WRONG, "credentials_wrong_token")
