"""kill -9 between a request and its sealing: the entry says that the text is lost, and it is nowhere."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.audited import KEYS, PASSPHRASE, RULE
from tests.heavy.forked import run
from tests.heavy.processes import SCRIPTS, Billing, Child, Proxy

pytestmark = pytest.mark.e2e

ENTRY = Path(__file__).parents[2] / "addons" / "gateway.py"
TEXT = "canary-between-answer-and-seal"


class Audited:
    """A deployment under audit whose serve is a process of its own."""

    def __init__(self, folder: Path, billing: Billing) -> None:
        self.folder = folder
        self.proxy = Proxy(folder, billing)
        rules = self.proxy.deployment.settings.rules
        (rules / "policy" / "40-audit.yaml").write_text(
            "version: 1\n" + RULE.format(mode="redacted", more="")
        )
        (folder / "key.txt").write_text(KEYS["anthropic"])
        self.command("key", "add", "main", "--provider", "anthropic", "--from-file", str(folder / "key.txt"))
        lines = ["version: 1", "auditors:"]
        for name in ("carol", "dave"):
            out = str(folder / f"{name}.json")
            words = ("keygen", name, "--role", "auditor", "--out", out, "--work", "4", "--json")
            secret = {"SLUICEWAY_AUDIT_PASSPHRASE": PASSPHRASE}
            made = run([str(SCRIPTS / "sluiceway"), "audit", *words], folder, secret)
            public = json.loads(made.stdout)["public_key"]
            lines.append(f"  - {{name: {name}, role: auditor, public_key: {public}}}")
        (rules / "auditors.yaml").write_text("\n".join(lines) + "\n")
        self.command("audit", "disclose", "alice", "--rule", "incident", "--acknowledged", "signed form 12")

    def command(self, *words: str) -> str:
        done = self.proxy.command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, **headers: str) -> subprocess.Popen[bytes]:
        """curl on its way with a stream."""
        body = {"model": "claude-sonnet-4-5", "max_tokens": 200, "stream": True,
                "messages": [{"role": "user", "content": TEXT}]}  # fmt: skip
        fields = {"x-api-key": KEYS["anthropic"], "anthropic-version": "2023-06-01", **headers}
        fields["content-type"] = "application/json"
        options = [part for field in fields.items() for part in ("-H", f"{field[0]}: {field[1]}")]
        proxy = ("-x", self.proxy.urls[0], "--cacert", self.proxy.anchor)
        url = "https://api.anthropic.com/v1/messages"
        return subprocess.Popen(
            ["curl", "-sN", *proxy, *options, "-d", json.dumps(body), url], stdout=subprocess.PIPE
        )

    def entries(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.command("audit", "list", "--json"))["entries"]
        return found

    def data(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Audited]:
    billing = Billing.start(tmp_path, (0, 1), (0, 1))
    yield Audited(tmp_path, billing)
    billing.child.stop()


@pytest.mark.parametrize("ended", [False, True], ids=["in the middle of the answer", "just after it"])
def test_after_kill_9_the_entry_says_that_its_text_is_lost(audited: Audited, ended: bool) -> None:
    serve = audited.proxy.start()
    pace = {} if ended else {"x-demo-fault": "slow;first=0;between=0.1", "x-demo-events": "100"}
    with audited.ask(**pace) as curl:
        assert curl.stdout
        for line in curl.stdout:
            if (b"message_stop" if ended else b"text_delta") in line:
                break
        serve.kill()
        curl.kill()
    assert TEXT.encode() not in audited.data()
    with audited.proxy.serving():
        for _ in range(100):
            if entries := audited.entries():
                break
            threading.Event().wait(0.1)
        ((content, outcome),) = [(each["content"], each["outcome"]) for each in entries]
        assert (content, outcome) == ("content_lost", None)
        assert "nothing was altered" in audited.command("audit", "verify")
        assert TEXT.encode() not in audited.data()
    assert [row["audit"] for row in audited.proxy.rows()] == ["redacted"]


def test_mitmdump_audits_as_serve_does(audited: Audited) -> None:
    command = [
        *(str(SCRIPTS / "mitmdump"), "-s", str(ENTRY)),
        *("--set", f"sluiceway_config={audited.proxy.deployment.config}"),
        *("--set", f"confdir={audited.folder / 'confdir'}"),
        *("--listen-host", "127.0.0.1", "--listen-port", "0"),
    ]
    child = Child(command, audited.folder / "mitmdump.txt", "listening at ", {"HOME": str(audited.folder)})
    try:
        audited.proxy.port = int(child.ready_line.rpartition(":")[2].strip(". "))
        with audited.ask() as curl:
            assert curl.stdout and b"message_stop" in curl.stdout.read()
        audited.command("audit", "shred", "--person", "alice", "--reason", "over the control socket", "--yes")
    finally:
        child.terminate()
    assert child.ended(60) == 0
    assert [each["content"] for each in audited.entries()] == ["sealed"]
    assert TEXT.encode() not in audited.data()
