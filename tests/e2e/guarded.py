"""A running Sluiceway with guard rules, and what tests of the guard ask of it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx2
import orjson

from tests.e2e.running import Running

KEY = "no-shape-of-anybody"  # sent to all providers, so of no provider in particular
HOSTS = {
    "anthropic_messages": "https://api.anthropic.com",
    "openai_chat": "https://api.openai.com",
    "openai_responses": "https://api.openai.com",
    "openai_embeddings": "https://api.openai.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "bedrock_converse": "https://bedrock-runtime.eu-central-1.amazonaws.com",
    "bedrock_invoke": "https://bedrock-runtime.eu-central-1.amazonaws.com",
    "anthropic_vertex": "https://us-east5-aiplatform.googleapis.com",
}
MODELS = {
    "anthropic_messages": "claude-haiku-4-5",
    "openai_chat": "gpt-4o",
    "openai_responses": "gpt-4o",
    "openai_embeddings": "text-embedding-3-small",
}
HEADERS = {
    "x-api-key": KEY,
    "authorization": f"Bearer {KEY}",
    "x-goog-api-key": KEY,
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
}
# Made up, of the right shape; in two pieces so that no other scanner takes this file for a leak.
SECRET = "ghp_" + "J4kQ9ZtXw2Lr8VbN5mCs7HdPf3GyTe6RuA0o"
MAIL = "carol.weber@firm-mail.net"


class Guarded:
    """A deployment with one file of guard rules; the bodies that reach the providers are kept."""

    def __init__(self, folder: Path, rules: str, more: str = "") -> None:
        self.running = Running(folder, more=more, patience_s=20)
        self.running.providers.keep_bodies = True
        self.write(rules)
        self.proxy = self.running.add("alice")
        self.http = self.client(self.proxy)

    def client(self, proxy: str) -> httpx2.Client:
        """A client of whoever the proxy URL names."""
        context = ssl.create_default_context(cafile=self.running.anchor)
        return httpx2.Client(proxy=proxy, verify=context, timeout=30)

    def write(self, rules: str) -> None:
        """Other guard rules from now on."""
        policy = self.running.deployment.settings.rules / "policy"
        (policy / "20-guard.yaml").write_text(f"version: 1\nguard:\n{rules}")
        self.running.on.call(self.running.service.reload)

    def post(self, name: str, path: str, body: Any, **headers: str) -> httpx2.Response:
        """The answer to a request in a dialect."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.http.post(HOSTS[name] + path, content=data, headers={**HEADERS, **headers})

    def ask(self, *said: str, **more: Any) -> httpx2.Response:
        """The answer of Claude; what is said is alternately the user's and the assistant's."""
        roles = ("user", "assistant")
        messages = [{"role": roles[turn % 2], "content": text} for turn, text in enumerate(said)]
        model = {"model": MODELS["anthropic_messages"], "max_tokens": 500}
        return self.post("anthropic_messages", "/v1/messages", {**model, "messages": messages, **more})

    def heard(self) -> bytes:
        """Everything that reached a provider since the last look."""
        bodies = self.running.providers.bodies
        heard, bodies[:] = b"\n".join(bodies), []
        return heard

    @property
    def pids(self) -> tuple[int, ...]:
        return self.running.service.gateway.parts.detection.pids

    def metric(self, line: str) -> float:
        """The sum of the Prometheus lines that begin so."""
        text = self.running.service.gateway.parts.metrics.text().decode()
        return sum(float(each.rsplit(" ", 1)[1]) for each in text.splitlines() if each.startswith(line))

    def stop(self) -> None:
        self.http.close()
        self.running.stop()
