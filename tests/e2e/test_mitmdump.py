"""`mitmdump -s addons/gateway.py`: the same rows as `serve`, or no start at all."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.free_ports import free_range
from tests.heavy.asking import Answered, Question, clients
from tests.heavy.forked import run
from tests.heavy.processes import SCRIPTS, Billing, Child, Proxy

pytestmark = pytest.mark.e2e

ENTRY = Path(__file__).parents[2] / "addons" / "gateway.py"
QUESTIONS = [
    Question("anthropic", stream=False),
    Question("anthropic", stream=True),
    Question("openai", stream=False),
    Question("openai", stream=True),
]
# What differs from one request to the next, whoever serves it.
TIMES = {"started_at", "ended_at", "ttft_ms", "duration_ms", "overhead_ms"}
VOLATILE = {"id", "request_id", "response_id", *TIMES}


class Deployed(Proxy):
    """A deployment that mitmdump can serve, too, with a home folder of its own to watch."""

    def __init__(self, folder: Path, billing: Billing) -> None:
        super().__init__(folder, billing, people=("alice", "bob", "carol"))
        self.home = folder / "home"
        self.home.mkdir()

    def mitmdump(self, *more: str, config: Path | None = None, port: int = 0) -> list[str]:
        return [
            *(str(SCRIPTS / "mitmdump"), "-s", str(ENTRY)),
            *("--set", f"sluiceway_config={config or self.deployment.config}"),
            *("--set", f"confdir={self.home / 'confdir'}"),
            *("--listen-host", "127.0.0.1", "--listen-port", str(port), *more),
        ]

    @contextmanager
    def under_mitmdump(self) -> Iterator[Child]:
        child = Child(self.mitmdump(), self.home / "mitmdump.txt", "listening at ", {"HOME": str(self.home)})
        self.port = int(child.ready_line.rpartition(":")[2].strip(". "))
        try:
            yield child
        finally:
            child.stop()

    def settled_rows(self, child: Child) -> list[dict[str, Any]]:
        """The rows so far, after a clean end."""
        child.terminate()
        assert child.ended(60) == 0
        return self.rows()


@pytest.fixture(scope="module")
def billing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Billing]:
    billing = Billing.start(tmp_path_factory.mktemp("billing"), (0, 0), (0, 0))
    yield billing
    billing.child.stop()


@pytest.fixture(scope="module")
def deployed(billing: Billing, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return Deployed(tmp_path_factory.mktemp("deployed"), billing)


def ask(deployed: Deployed, url: str, *questions: Question) -> list[Answered]:
    async def one_by_one() -> list[Answered]:
        async with clients(deployed.anchor) as asking:
            return [await asking.ask(url, question) for question in questions]

    return asyncio.run(one_by_one())


def comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in VOLATILE}


def test_the_rows_are_those_of_serve_and_the_home_folder_stays_as_it_was(deployed: Deployed) -> None:
    with deployed.serving() as serve:
        assert all(answer.whole for answer in ask(deployed, deployed.urls[0], *QUESTIONS))
        by_serve = deployed.settled_rows(serve)

    with deployed.under_mitmdump() as mitmdump:
        assert all(answer.whole for answer in ask(deployed, deployed.urls[0], *QUESTIONS))
        by_mitmdump = deployed.settled_rows(mitmdump)[len(by_serve) :]

    assert [comparable(row) for row in by_mitmdump] == [comparable(row) for row in by_serve]
    assert {row["outcome"] for row in by_mitmdump} == {"ok"}
    assert not (deployed.home / ".mitmproxy").exists()
    assert "Traceback" not in mitmdump.said()


def test_under_mitmdump_people_can_be_shut_out_and_streams_finish_at_the_end(deployed: Deployed) -> None:
    slow = Question(output_tokens=40, events=10, fault="slow;first=0;between=0.15")

    async def terminated_midway(mitmdump: Child, proxy: str) -> Answered:
        async with clients(deployed.anchor) as asking:
            began = asyncio.Event()
            stream = asyncio.create_task(asking.ask(proxy, slow, began.set))
            await began.wait()
            mitmdump.terminate()
            return await stream

    with deployed.under_mitmdump() as mitmdump:
        alice, bob, _ = deployed.urls
        assert deployed.command("employee", "disable", "alice").returncode == 0
        assert ask(deployed, alice, Question())[0].refused == "credentials_disabled"
        assert asyncio.run(terminated_midway(mitmdump, bob)).whole
        assert mitmdump.ended(60) == 0
    assert deployed.command("ledger", "verify").returncode == 0


def test_under_mitmdump_people_have_ports_of_their_own_too(deployed: Deployed, tmp_path: Path) -> None:
    ports = free_range()
    config = deployed.deployment.config.with_name("with-ports.yaml")
    identity = f"identity: {{ports: {{first: {ports[0]}, last: {ports[-1]}}}}}\n"
    config.write_text(deployed.deployment.config.read_text() + identity)

    def given(name: str) -> str:
        command = [str(SCRIPTS / "sluiceway"), "employee", "port", name, "--json", "--config", str(config)]
        done = run(command, tmp_path)
        return str(json.loads(done.stdout)["proxy_url"])

    bobs = given("bob")  # before anything runs
    child = Child(
        deployed.mitmdump(config=config), tmp_path / "m.txt", "listening at ", {"HOME": str(deployed.home)}
    )
    try:
        accepts(ports[0])
        assert ask(deployed, bobs, Question())[0].whole
        carols = given("carol")
        assert ask(deployed, carols, Question())[0].whole
    finally:
        child.stop()
    rows = [(row["principal"], row["identity_path"]) for row in deployed.rows()[-2:]]
    assert rows == [("bob", "port"), ("carol", "port")]


GUARD = "version: 1\nguard:\n  - {name: mail, detect: [EMAIL_ADDRESS], action: mask}\n"


def test_under_mitmdump_requests_are_guarded_and_no_worker_is_left(deployed: Deployed) -> None:
    rules = deployed.deployment.settings.rules / "policy" / "20-guard.yaml"
    rules.write_text(GUARD)
    said = "carol.weber@firm-mail.net " + "lorem ipsum " * 3000  # long enough for a worker
    message = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": said}]}
    (deployed.home / "body.json").write_text(json.dumps(message))
    fields = ("x-api-key: sk-ant-api03-x", "anthropic-version: 2023-06-01")
    try:
        with deployed.under_mitmdump() as mitmdump:
            pid = mitmdump.process.pid
            asked = subprocess.run(
                ["curl", "-sSi", "--cacert", deployed.anchor, "--proxy", deployed.urls[1],
                 *(word for field in fields for word in ("-H", field)),
                 "-d", f"@{deployed.home / 'body.json'}", "https://api.anthropic.com/v1/messages"],
                capture_output=True, text=True, timeout=90,
            )  # fmt: skip
            workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            mitmdump.terminate()
            assert mitmdump.ended(60) == 0
    finally:
        rules.unlink()
    assert "x-sluiceway-guard: masked EMAIL_ADDRESS=1" in asked.stdout
    assert len(workers) == 1
    assert not Path(f"/proc/{workers[0]}").exists()
    assert "Traceback" not in mitmdump.said()


@pytest.mark.parametrize(
    ("more", "config", "why"),
    [
        pytest.param((), "nowhere.yaml", "there is no such file", id="no deployment"),
        pytest.param((), "broken.yaml", "broken.yaml:1:1: listenrs: unknown field", id="a broken file"),
        pytest.param(("--mode", "socks5"), None, "works in mode regular only", id="another mode"),
        pytest.param(("--proxyauth", "a:b"), None, "proxyauth: not used under Sluiceway", id="its own users"),
        pytest.param(
            ("--ignore-hosts", "openai"), None, "ignore_hosts: not used under Sluiceway", id="its own hosts"
        ),
    ],
)
def test_what_would_not_give_the_same_rows_does_not_start(
    deployed: Deployed, tmp_path: Path, more: tuple[str, ...], config: str | None, why: str
) -> None:
    (tmp_path / "broken.yaml").write_text("listenrs: []\n")
    command = deployed.mitmdump(*more, config=tmp_path / config if config else None)
    ended = run(command, tmp_path, {"HOME": str(deployed.home)})
    assert ended.returncode != 0
    assert why in ended.stderr
    assert "Traceback" not in ended.stderr


def test_beside_a_running_serve_it_forwards_nothing_and_ends(deployed: Deployed, billing: Billing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    counted = len(billing.served())
    with deployed.serving():
        deployed.port = port
        command = deployed.mitmdump(port=port)
        child = Child(command, deployed.home / "second.txt", None, {"HOME": str(deployed.home)})
        answers = tried_until_ended(deployed, child)
    assert child.ended(1) == 1
    assert "in use by process" in child.said()
    assert answers <= {b""}
    assert len(billing.served()) == counted


def accepts(port: int) -> None:
    """Waits until somebody listens; ports of one's own come last, after the control socket."""
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
    raise AssertionError(port)


def tried_until_ended(deployed: Deployed, child: Child) -> set[bytes]:
    """Asks for a tunnel again and again while the process lives; all that was ever answered."""
    host = "api.anthropic.com:443"
    credentials = base64.b64encode(
        deployed.urls[1].removeprefix("http://").partition("@")[0].encode()
    ).decode()
    request = f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"
    answers = set()
    while child.process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", deployed.port), timeout=5) as connection:
                connection.sendall(request.encode())
                answers.add(connection.recv(1024))
        except OSError:
            continue
    return answers
