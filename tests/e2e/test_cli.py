"""The command line as people and programs meet it: what it prints, where, and with which exit code."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluiceway.app.deployment import Deployment
from sluiceway.app.serve import Service
from sluiceway.errors import SluicewayError
from sluiceway.front import ca
from tests.command_line import Said, sluiceway
from tests.heavy.asking import Answered, Question, clients
from tests.heavy.processes import SCRIPTS, Child

pytestmark = pytest.mark.e2e

PASSPHRASE = "correct horse battery staple"
# The contract's ledger row, in its order.
ROW = """
kind corrects request_id attempt turn response_id started_at ended_at principal principal_kind team project
cost_center key_fingerprint key_class client_name client_version agent conversation_id provider_requested
provider host operation dialect upstream_dialect stream service_tier model_requested model_routed model_served
route_rule route_path task input_tokens cache_read_tokens cache_write_tokens cache_write_1h_tokens
output_tokens reasoning_tokens audio_input_tokens audio_output_tokens image_tokens tool_units usage_source
cost_usd cost_basis price_version ttft_ms duration_ms overhead_ms status upstream_status outcome metered
refusal_code refusal_rule error_type guard_findings audit policy_version cost_as_requested_usd identity_path
"""


def program(*arguments: str, folder: Path) -> Said:
    """Runs the installed program."""
    done = subprocess.run(
        [str(SCRIPTS / "sluiceway"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "SLUICEWAY_ANCHOR_PASSPHRASE": PASSPHRASE},
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(autouse=True, scope="module")
def passphrase() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICEWAY_ANCHOR_PASSPHRASE", PASSPHRASE)
        yield


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment as `init` makes it, on a free port; tests copy it."""
    folder = tmp_path_factory.mktemp("made") / "here"
    said = sluiceway("init", "here", folder=folder.parent)
    assert said.code == 0
    edit(folder / "sluiceway.yaml", "address: 127.0.0.1:8080", "address: 127.0.0.1:0")
    return folder


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    """A deployment of a test's own."""
    return Path(shutil.copytree(made, tmp_path / "mine"))


def serving(folder: Path) -> Child:
    return Child(
        [str(SCRIPTS / "sluiceway"), "serve", "--config", str(folder / "sluiceway.yaml")],
        folder / "serve.txt",
        "listening on ",
    )


@pytest.fixture(scope="module")
def served(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Child]]:
    """A deployment with a running `serve`."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("served") / "here"))
    child = serving(folder)
    yield folder, child
    child.stop()


def ask(folder: Path, child: Child, name: str, token: str) -> Answered:
    """A request of somebody's; no provider is there, so nobody answers it but Sluiceway."""
    port = child.ready_line.rpartition(":")[2]

    async def asked() -> Answered:
        async with clients(str(folder / "certs" / "ca.pem")) as asking:
            return await asking.ask(f"http://{name}:{token}@127.0.0.1:{port}", Question())

    return asyncio.run(asked())


def events(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(folder / "sluiceway.db")) as connection:
        rows = connection.execute("SELECT kind, detail FROM events ORDER BY id").fetchall()
    return [(kind, json.loads(detail)) for kind, detail in rows]


# A deployment's beginning


def test_init_says_what_comes_next_and_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    first = program("init", "here", folder=tmp_path)
    assert first.code == 0
    assert "sluiceway employee add alice --team core --config" in first.out
    assert PASSPHRASE not in first.out
    key = (tmp_path / "here" / "sluiceway.key").read_bytes()
    second = program("init", "here", folder=tmp_path)
    assert (second.code, second.out) == (1, "")
    assert second.err.endswith("there is a deployment here already; choose another folder\n")
    assert (tmp_path / "here" / "sluiceway.key").read_bytes() == key


def test_every_command_explains_itself(tmp_path: Path) -> None:
    said = program("--help", folder=tmp_path)
    assert said.code == 0
    for command in (
        "init",
        "serve",
        "demo",
        "reload",
        "status",
        "employee",
        "service",
        "budget",
        "rules",
        "ca",
    ):
        assert f"\n  {command}" in said.out
    assert "..." not in said.out.partition("Commands:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["frobnicate"], id="no such command"),
        pytest.param(["serve", "--daemon"], id="no such option"),
        pytest.param(["employee", "add", "alice"], id="a team is missing"),
        pytest.param(["ledger", "export", "--format", "xml"], id="no such format"),
        pytest.param(["ledger", "export", "--from", "yesterday"], id="no date"),
        pytest.param(["report", "--out", "nowhere/report.html"], id="no such folder"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_how_to_get_help(mine: Path, arguments: list[str]) -> None:
    said = sluiceway(*arguments, folder=mine)
    assert (said.code, said.out) == (2, "")
    assert "--help' for help" in said.err


def test_a_command_without_a_deployment_says_how_to_make_one(tmp_path: Path) -> None:
    said = sluiceway("employee", "list", folder=tmp_path)
    assert said.code == 1
    assert said.err == (
        "sluiceway: sluiceway.yaml: there is no such file. Make a deployment with `sluiceway init .`, "
        "or name its file with --config.\n"
    )


# What keeps serve from starting


def _expire_issuer(folder: Path) -> None:
    anchor = ca.load_anchor(folder / "certs", PASSPHRASE)
    ca.create_issuer(folder / "certs", anchor, ("api.openai.com",), datetime(2020, 1, 1, tzinfo=UTC))


def _foreign_issuer(folder: Path) -> None:
    other = folder / "other"
    now = datetime.now(UTC)
    ca.create_issuer(other, ca.create_anchor(other, "Other", PASSPHRASE, now), ("api.openai.com",), now)
    for name in ("issuer.pem", "issuer.key"):
        shutil.copyfile(other / name, folder / "certs" / name)


def _misspell_rules(folder: Path) -> None:
    edit(folder / "rules" / "policy" / "10-budgets.yaml", "limit_usd: 5000", "limt_usd: 5000")


def _new_provider(folder: Path) -> None:
    edit(
        folder / "rules" / "providers.yaml",
        "- api.openai.com\n",
        "- api.openai.com\n      - ai.example.com\n",
    )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        pytest.param(lambda folder: (folder / "certs/ca.pem").unlink(), "ca.pem", id="no anchor"),
        pytest.param(lambda folder: (folder / "certs/issuer.pem").unlink(), "issuer.pem", id="no issuer"),
        pytest.param(_expire_issuer, "sluiceway ca rotate", id="issuer expired"),
        pytest.param(_foreign_issuer, "issuer.pem", id="issuer of another anchor"),
        pytest.param(_new_provider, "sluiceway ca rotate", id="a host the issuer may not speak for"),
        pytest.param(lambda folder: (folder / "sluiceway.key").unlink(), "sluiceway.key", id="no key"),
        pytest.param(lambda folder: (folder / "sluiceway.db").unlink(), "`sluiceway init`", id="no store"),
        pytest.param(_misspell_rules, "10-budgets.yaml:28:", id="broken rules"),
        pytest.param(
            lambda folder: edit(folder / "sluiceway.yaml", "drain_timeout_s:", "drain_timeout:"),
            "drain_timeout_s",
            id="broken settings",
        ),
    ],
)
def test_serve_does_not_start_and_says_why(mine: Path, damage: Callable[[Path], None], why: str) -> None:
    damage(mine)

    async def start() -> None:
        service = Service(Deployment.load(mine / "sluiceway.yaml"))
        await service.start()
        await service.stop()

    with pytest.raises(SluicewayError) as refused:
        asyncio.run(start())
    assert why in str(refused.value)


def test_the_program_ends_with_the_reason_and_nothing_else(mine: Path) -> None:
    _misspell_rules(mine)
    said = program("serve", folder=mine)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("sluiceway: ")
    assert "10-budgets.yaml:28:43: budgets.0.limt_usd: unknown field (did you mean 'limit_usd'?)" in said.err


def test_a_port_that_is_taken_is_named_with_what_to_do(mine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        edit(mine / "sluiceway.yaml", "address: 127.0.0.1:0", f"address: {address}")
        said = program("serve", folder=mine)
    assert said.code == 1
    assert f"sluiceway: cannot listen on {address}: the port is taken. Stop what uses it" in said.err


def test_a_second_serve_names_the_first(served: tuple[Path, Child]) -> None:
    folder, first = served
    said = program("serve", folder=folder)
    assert said.code == 1
    assert f"in use by process {first.process.pid}" in said.err


# People


@pytest.mark.parametrize("running", [False, True], ids=["no serve runs", "serve runs"])
def test_people_are_added_listed_given_tokens_and_disabled(
    mine: Path, served: tuple[Path, Child], running: bool
) -> None:
    folder = served[0] if running else mine
    added = sluiceway("employee", "add", "alice", "--team", "core", "--json", folder=folder).json
    assert list(added) == ["employee", "team", "token", "proxy_url"]
    assert (added["employee"], added["team"]) == ("alice", "core")
    assert added["proxy_url"] == f"http://alice:{added['token']}@127.0.0.1:8080"

    words = sluiceway("employee", "add", "bob", "--team", "web", folder=folder)
    assert "export HTTPS_PROXY=http://bob:" in words.out
    assert "export NO_PROXY=localhost,127.0.0.1,::1" in words.out

    again = sluiceway("employee", "add", "alice", "--team", "core", folder=folder)
    assert (again.code, again.err) == (1, "sluiceway: 'alice' exists already; choose another name\n")

    token = sluiceway("employee", "token", "alice", "--json", folder=folder).json
    assert (token["employee"], token["team"]) == ("alice", "core")
    assert token["token"] != added["token"]

    assert sluiceway("employee", "disable", "bob", folder=folder).out == "bob is disabled\n"
    listed = sluiceway("employee", "list", "--json", folder=folder).json
    assert [(each["name"], each["state"], each["tokens"]) for each in listed] == [
        ("alice", "active", 1),
        ("bob", "disabled", 1),
    ]
    table = sluiceway("employee", "list", folder=folder).out
    assert table.splitlines()[0].split() == ["NAME", "TEAM", "PROJECT", "COST", "CENTER", "TOKENS", "STATE"]
    for secret in (added["token"], token["token"]):
        assert secret not in table


@pytest.mark.parametrize("name", ["", "Bad Name", "../etc", "a" * 65, "=cmd()"])
def test_a_name_that_would_not_fit_everywhere_is_refused(mine: Path, name: str) -> None:
    said = sluiceway("employee", "add", name, "--team", "core", folder=mine)
    assert said.code == 1
    assert "a name is 1 to 64 of a-z" in said.err


def test_an_old_token_is_refused_at_once_and_so_is_a_disabled_person(served: tuple[Path, Child]) -> None:
    folder, child = served
    old = sluiceway("employee", "add", "carol", "--team", "core", "--json", folder=folder).json["token"]
    new = sluiceway("employee", "token", "carol", "--json", folder=folder).json["token"]
    assert ask(folder, child, "carol", old).refused == "credentials_revoked"
    assert ask(folder, child, "carol", new).refused not in ("credentials_revoked", "credentials_wrong_token")
    sluiceway("employee", "disable", "carol", folder=folder)
    assert ask(folder, child, "carol", new).refused == "credentials_disabled"
    assert old not in child.said()
    assert new not in child.said()


# A running serve


def test_reload_takes_good_rules_and_keeps_what_runs_when_they_are_bad(served: tuple[Path, Child]) -> None:
    folder, child = served
    rules = folder / "rules" / "policy" / "10-budgets.yaml"
    good = rules.read_text()
    before = sluiceway("status", "--json", folder=folder).json["policy_version"]

    rules.write_text(good.replace("limit_usd: 5000", "limit_usd: 6000"))
    after = sluiceway("reload", "--json", folder=folder).json["policy_version"]
    assert after != before

    rules.write_text(good.replace("window: month", "window: fortnight"))
    refused = sluiceway("reload", folder=folder)
    assert (refused.code, refused.out) == (1, "")
    assert "10-budgets.yaml:28:" in refused.err
    child.process.send_signal(signal.SIGHUP)
    status = sluiceway("status", "--json", folder=folder).json
    assert status["policy_version"] == after

    rules.write_text(good)
    child.process.send_signal(signal.SIGHUP)
    assert _until(lambda: sluiceway("status", "--json", folder=folder).json["policy_version"]) == before
    said = [json.loads(line) for line in child.said().splitlines() if line.startswith("{")]
    messages = [each["message"] for each in said if each["logger"] == "sluiceway.app.serve"]
    assert any("the old ones stay in force" in message for message in messages)
    assert messages[-1] == "rules reloaded"


def _until(look: Callable[[], str]) -> str:
    """What is seen once two looks agree: a signal is handled a moment after it was sent."""
    seen = look()
    while (again := look()) != seen:
        seen = again
    return seen


def test_status_tells_people_and_programs(served: tuple[Path, Child], mine: Path) -> None:
    folder, child = served
    status = sluiceway("status", "--json", folder=folder).json
    assert status["listening"] == [child.ready_line.rpartition(" ")[2]]
    assert (status["draining"], status["requests_in_flight"], status["open_reservations"]) == (False, 0, 0)
    assert "requests in flight" in sluiceway("status", folder=folder).out
    nobody = sluiceway("status", folder=mine)
    assert nobody.code == 1
    assert "no serve is running for this deployment; start it: sluiceway serve" in nobody.err


# Rules, budgets, ledger, report, certificates


def test_rules_check_says_where_and_what_to_write_instead(mine: Path) -> None:
    good = sluiceway("rules", "check", folder=mine)
    assert good.code == 0
    assert good.out.startswith("ok: 2 budgets, ")
    _misspell_rules(mine)
    words = sluiceway("rules", "check", folder=mine)
    assert (words.code, words.out) == (1, "")
    assert "10-budgets.yaml:28:" in words.err
    assert "did you mean 'limit_usd'?" in words.err
    data = sluiceway("rules", "check", "--json", folder=mine)
    assert data.code == 1
    assert data.json["ok"] is False
    assert data.json["errors"] == words.err.splitlines()[: len(data.json["errors"])]


def test_budget_list_shows_every_cap_that_applies_to_somebody(mine: Path) -> None:
    nobody = sluiceway("budget", "list", "--json", folder=mine).json
    assert [row["scope"] for row in nobody] == ["company"]
    sluiceway("employee", "add", "alice", "--team", "core", folder=mine)
    rows = sluiceway("budget", "list", "--json", folder=mine).json
    assert {(row["budget"], row["scope"], row["window"]) for row in rows} == {
        ("company-month", "company", "month"),
        ("per-head-day", "employee=alice", "day"),
    }
    lines = sluiceway("budget", "list", folder=mine).out.splitlines()
    assert lines[0].startswith("BUDGET")
    assert "5,000.00" in lines[1]


@pytest.fixture(scope="module")
def with_a_row(served: tuple[Path, Child]) -> Path:
    """The running deployment after one request that was refused."""
    folder, child = served
    ask(folder, child, "nobody", "swy_wrong")
    return folder


def test_ledger_export_has_the_fields_of_the_contract_in_both_formats(with_a_row: Path) -> None:
    lines = sluiceway("ledger", "export", "--format", "jsonl", folder=with_a_row).out.splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows
    assert all(list(row) == ROW.split() for row in rows)
    assert rows[-1]["refusal_code"] == "credentials_unknown_user"
    sluiceway("ledger", "export", "--format", "csv", "--out", "rows.csv", folder=with_a_row)
    table = list(csv.reader(io.StringIO((with_a_row / "rows.csv").read_text("utf-8-sig"))))
    assert table[0] == ROW.split()
    assert len(table) == len(rows) + 1
    assert sluiceway("ledger", "export", "--to", "2020-01-02", folder=with_a_row).out == ""
    assert ("ledger_exported", {"format": "csv"}) in events(with_a_row)


def test_ledger_verify_finds_a_counter_that_somebody_changed(mine: Path) -> None:
    assert sluiceway("ledger", "verify", folder=mine).out == "every counter equals the ledger\n"
    with closing(sqlite3.connect(mine / "sluiceway.db")) as connection:
        connection.execute(
            'INSERT INTO counters (counter, scope, unit, "window", starts_at, spent, reserved) '
            "VALUES ('company|lifetime|x', '[]', 'usd', 'lifetime', 0, 5, 0)"
        )
        connection.commit()
    words = sluiceway("ledger", "verify", folder=mine)
    assert words.code == 1
    assert "company|lifetime|x" in words.err
    data = sluiceway("ledger", "verify", "--json", folder=mine)
    assert data.code == 1
    assert data.json["ok"] is False
    assert data.json["discrepancies"][0]["ledger_spent"] == 0


def test_a_report_with_names_is_written_and_recorded(with_a_row: Path) -> None:
    plain = sluiceway("report", "--out", "plain.html", folder=with_a_row)
    assert plain.out == "wrote plain.html; open it in a browser\n"
    assert "<html" in (with_a_row / "plain.html").read_text()
    assert all(kind != "report_with_names" for kind, _ in events(with_a_row))
    named = sluiceway("report", "--out", "named.html", "--names", "--json", folder=with_a_row)
    assert named.json == {"report": "named.html", "names": True}
    recorded = [detail for kind, detail in events(with_a_row) if kind == "report_with_names"]
    assert [detail["out"] for detail in recorded] == ["named.html"]


def test_a_report_says_what_was_verified_for_it_and_what_was_not(with_a_row: Path) -> None:
    sluiceway("report", "--out", "checked.html", folder=with_a_row)
    checked = (with_a_row / "checked.html").read_text()
    assert "all equal" in checked
    assert "Nothing was ever audited here." in checked
    sluiceway("report", "--out", "quick.html", "--no-verify", folder=with_a_row)
    quick = (with_a_row / "quick.html").read_text()
    assert "Not verified." in quick
    assert "all equal" not in quick


def test_the_settings_group_size_can_be_raised_and_not_lowered(with_a_row: Path) -> None:
    edit(with_a_row / "sluiceway.yaml", "min_group: 1}", "min_group: 5}")
    edit(with_a_row / "sluiceway.yaml", "contact: null", "contact: the works council")
    for words, told in (((), 5), (("--min-group", "7"), 7)):
        assert sluiceway("report", "--out", "r.html", *words, folder=with_a_row).code == 0
        assert f"fewer than {told} active people" in (with_a_row / "r.html").read_text()
    refused = sluiceway("report", "--out", "no.html", "--min-group", "4", folder=with_a_row)
    assert (refused.code, (with_a_row / "no.html").exists()) == (1, False)
    assert "fewer than 5 people (report.min_group in sluiceway.yaml)" in refused.err
    assert "ask the works council" in refused.err


def test_certificates_are_shown_and_the_issuer_renewed(mine: Path) -> None:
    shown = sluiceway("ca", "show", "--json", folder=mine).json
    assert "api.anthropic.com" in shown["hosts"]
    assert shown["problems"] == []
    assert "issuer speaks for" in sluiceway("ca", "show", folder=mine).out
    before = (mine / "certs/issuer.pem").read_bytes()
    anchor = (mine / "certs/ca.pem").read_bytes()
    key = (mine / "certs/anchor.key").rename(mine / "safe.key")

    without = sluiceway("ca", "rotate", folder=mine)
    assert without.code == 1
    assert "--anchor-key" in without.err
    _new_provider(mine)
    rotated = sluiceway("ca", "rotate", "--anchor-key", key, folder=mine)
    assert rotated.code == 0
    assert (mine / "certs/issuer.pem").read_bytes() != before
    assert (mine / "certs/ca.pem").read_bytes() == anchor
    assert "ai.example.com" in sluiceway("ca", "show", "--json", folder=mine).json["hosts"]
    assert not (mine / "certs/anchor.key").exists()
