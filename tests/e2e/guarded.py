"""A running Sluiceway with guard rules, and what tests of the guard ask of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.running import Running
from tests.e2e.test_front import curl

KEY = "sk-ant-api03-x"
HOSTS = {
    "anthropic_messages": "https://api.anthropic.com",
    "openai_chat": "https://api.openai.com",
    "openai_responses": "https://api.openai.com",
    "openai_embeddings": "https://api.openai.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
MODELS = {
    "anthropic_messages": "claude-haiku-4-5",
    "openai_chat": "gpt-4o",
    "openai_responses": "gpt-4o",
    "openai_embeddings": "text-embedding-3-small",
}
# Made up, of the right shape; split so that no other scanner takes this file for a leak.
SECRET = "ghp_" + "J4kQ9ZtXw2Lr8VbN5mCs7HdPf3GyTe6RuA0o"
MAIL = "carol.weber@firm-mail.net"


class Guarded:
    """A deployment with one file of guard rules; the bodies that reach the providers are kept."""

    def __init__(self, folder: Path, rules: str, more: str = "") -> None:
        self.running = Running(folder, more=more)
        self.running.providers.keep_bodies = True
        self.write(rules)
        self.alice = self.running.add("alice")

    def write(self, rules: str) -> None:
        """Other guard rules from now on."""
        policy = self.running.deployment.settings.rules / "policy"
        (policy / "20-guard.yaml").write_text(f"version: 1\nguard:\n{rules}")
        self.running.on.call(self.running.service.reload)

    def post(self, name: str, path: str, body: Any, *fields: str, proxy: str | None = None) -> str:
        """The answer to a request in a dialect, head and all."""
        keys = [f"x-api-key: {KEY}", f"authorization: Bearer {KEY}", f"x-goog-api-key: {KEY}"]
        usual = [*keys, "anthropic-version: 2023-06-01", *fields]
        head = [word for field in usual for word in ("-H", field)]
        data = body if isinstance(body, str) else json.dumps(body)
        file = self.running.folder / "body.json"
        file.write_text(data)
        asked = ("-i", HOSTS[name] + path, *head, "--data-binary", f"@{file}")
        return curl(self.running, *asked, proxy=proxy or self.alice).stdout

    def heard(self) -> bytes:
        """Everything that reached a provider since the last look."""
        bodies = self.running.providers.bodies
        heard, bodies[:] = b"\n".join(bodies), []
        return heard

    @property
    def pids(self) -> tuple[int, ...]:
        return self.running.service.gateway.parts.detection.pids

    def metric(self, line: str) -> float:
        """The value of a Prometheus line by its beginning; 0 where there is none."""
        text = self.running.service.gateway.parts.metrics.text().decode()
        return sum(float(each.rsplit(" ", 1)[1]) for each in text.splitlines() if each.startswith(line))

    def stop(self) -> None:
        self.running.stop()
