"""A running Sluiceway whose company audits: keys of auditors, a rule, people who were told or were not."""

from __future__ import annotations

import json
import ssl
import threading
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types as gemini_types
from typer.testing import CliRunner, Result

from sluiceway.cli import app
from sluiceway.errors import SluicewayError
from tests.e2e.running import Running
from tests.sdks import gemini_http

PASSPHRASE = "open sesame"
KEYS = {
    "anthropic": "sk-ant-api03-of-the-company",
    "openai": "sk-proj-of-the-company",
    "google": "AIza-of-the-company",
}
RULE = """\
audit:
  - name: incident
    mode: {mode}
    purpose: Finding out how customer data left
    agreement: Works agreement 7
    until: 2099-12-31
    keep_days: 30
    {more}
"""


class Company:
    """Somebody at the terminal of a running deployment, the company's keys, and auditors' keys elsewhere."""

    def __init__(self, running: Running, mode: str = "redacted", more: str = "match: {team: core}") -> None:
        self.running = running
        self.keys = running.folder / "keys"
        self.keys.mkdir()
        for provider, secret in KEYS.items():
            running.add_key(f"{provider}-main", provider, secret)
        self.register("carol", "dave")
        self.rule(mode, more)

    def rule(self, mode: str = "redacted", more: str = "match: {team: core}") -> None:
        self.running.set_rules("30-audit", RULE.format(mode=mode, more=more))

    def register(self, *auditors: str, council: tuple[str, ...] = ()) -> None:
        """They stand in rules/auditors.yaml, in force with the next reload."""
        lines = ["version: 1", "auditors:"]
        for name in (*auditors, *council):
            role = "council" if name in council else "auditor"
            if not self.key(name).exists():
                made = ("audit", "keygen", name, "--role", role, "--out", str(self.key(name)), "--work", "4")
                assert self.type(*made, config=False).exit_code == 0
            public = json.loads(self.key(name).read_text())["public_key"]
            lines.append(f"  - {{name: {name}, role: {role}, public_key: {public}}}")
        self.file.write_text("\n".join(lines) + "\n")

    @property
    def file(self) -> Path:
        return self.running.deployment.settings.rules / "auditors.yaml"

    def key(self, name: str) -> Path:
        return self.keys / f"{name}.json"

    def type(self, *words: str, config: bool = True) -> Result:
        options = ["--config", str(self.running.deployment.config)] if config else []
        found = CliRunner().invoke(app, [*words, *options], env={"SLUICEWAY_AUDIT_PASSPHRASE": PASSPHRASE})
        assert isinstance(found.exception, SluicewayError | SystemExit | None), found.exception
        return found

    def answer(self, *words: str) -> Any:
        found = self.type("audit", *words, "--json")
        assert found.exit_code == 0, found.exception or found.output
        return json.loads(found.stdout)

    def says(self, *words: str) -> str:
        """What somebody is told whose command failed."""
        found = self.type("audit", *words)
        assert found.exit_code == 1
        return str(found.exception) if isinstance(found.exception, SluicewayError) else found.output

    def tell(self, person: str, *more: str) -> None:
        """Given the notice on paper and signed it."""
        self.answer("disclose", person, "--rule", "incident", "--acknowledged", "signed form 12", *more)

    def settled(self) -> None:
        """What was asked so far is on disk."""
        for _ in range(500):
            if not self.running.service.gateway.in_flight:
                break  # a client may have its whole answer before its request has ended
            threading.Event().wait(0.02)
        recording = self.running.service.recording
        assert recording and recording._recorder
        assert recording._recorder.flush(60)

    def entries(self) -> list[dict[str, Any]]:
        self.settled()
        found: list[dict[str, Any]] = self.answer("list")["entries"]
        return found

    def read(self, person: str = "alice") -> list[dict[str, Any]]:
        """All of a person's entries in clear, as carol and dave read them together."""
        self.settled()
        number = self.answer("request", person, "--key", str(self.key("carol")), "--reason", "test")[
            "request"
        ]
        self.answer("approve", number, "--key", str(self.key("dave")))
        found = self.type("audit", "open", number, "--key", str(self.key("carol")), "--json")
        assert found.exit_code == 0, found.exception
        return [json.loads(line) for line in found.stdout.splitlines()]


class Clients:
    """The three SDKs of one employee, each with the company's key, without retries."""

    def __init__(self, running: Running, proxy: str, keys: dict[str, str] = KEYS) -> None:
        context = ssl.create_default_context(cafile=running.anchor)
        self.http = httpx2.Client(proxy=proxy, verify=context)
        self.claude = anthropic.Anthropic(api_key=keys["anthropic"], http_client=self.http, max_retries=0)
        self.openai = openai.OpenAI(api_key=keys["openai"], http_client=self.http, max_retries=0)
        library = gemini_http()
        self._gemini = self.http if library is httpx2 else library.Client(proxy=proxy, verify=context)
        options = gemini_types.HttpOptions(httpx_client=self._gemini)
        self.gemini = genai.Client(api_key=keys["google"], http_options=options)

    def close(self) -> None:
        self._gemini.close()
        self.http.close()

    def ask_claude(self, text: str, **more: Any) -> str:
        asked: Any = [{"role": "user", "content": text}]
        found = self.claude.messages.create(model="claude-sonnet-4-5", max_tokens=300, messages=asked, **more)
        return "".join(block.text for block in found.content if block.type == "text")

    def stream_claude(self, text: str, **more: Any) -> str:
        asked: Any = [{"role": "user", "content": text}]
        with self.claude.messages.stream(
            model="claude-sonnet-4-5", max_tokens=300, messages=asked, **more
        ) as stream:
            return "".join(stream.text_stream)

    def ask_chat(self, text: str) -> str:
        asked: Any = [{"role": "user", "content": text}]
        found = self.openai.chat.completions.create(model="gpt-4.1-mini", messages=asked)
        return found.choices[0].message.content or ""

    def stream_chat(self, text: str) -> str:
        asked: Any = [{"role": "user", "content": text}]
        found = self.openai.chat.completions.create(model="gpt-4.1-mini", messages=asked, stream=True)
        return "".join(each.choices[0].delta.content or "" for each in found if each.choices)

    def ask_responses(self, text: str) -> str:
        return self.openai.responses.create(model="gpt-4.1-mini", input=text).output_text

    def ask_gemini(self, text: str) -> str:
        return self.gemini.models.generate_content(model="gemini-2.5-flash", contents=text).text or ""

    def stream_gemini(self, text: str) -> str:
        found = self.gemini.models.generate_content_stream(model="gemini-2.5-flash", contents=text)
        return "".join(each.text or "" for each in found)
