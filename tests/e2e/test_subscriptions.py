"""Logins through a real proxy: forwarded untouched, at notional cost, their windows kept for each person."""

from __future__ import annotations

import json
import re
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from sluiceway.app import authority
from sluiceway.app.seats import listing
from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import CANARY

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

PASSPHRASE = "correct horse battery staple"
LOGIN = f"sk-ant-oat01-{CANARY}"
GOOGLE_LOGIN = f"ya29.{CANARY}"
# {"iss":"https://auth.openai.com"}, not signed by anybody
CHATGPT_LOGIN = f"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2F1dGgub3BlbmFpLmNvbSJ9.{CANARY}"
ASKED: Any = [{"role": "user", "content": "hi"}]
CODE_ASSIST = "https://cloudcode-pa.googleapis.com/v1internal"


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


def web(running: Running, proxy: str) -> httpx2.Client:
    context = ssl.create_default_context(cafile=running.anchor)
    return httpx2.Client(proxy=proxy, verify=context, trust_env=False, timeout=10)


def seats(running: Running, name: str) -> dict[str, tuple[float | None, str | None]]:
    assert running.service.store
    found = listing(running.service.store, name)
    return {f"{each['provider']} {each['window']}": (each["utilisation"], each["status"]) for each in found}


def test_claude_with_a_login_costs_nothing_real_and_tells_its_windows(quick: Running, since: Since) -> None:
    with (
        web(quick, quick.add("carol")) as http,
        anthropic.Anthropic(auth_token=LOGIN, http_client=http) as client,
    ):
        client.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=ASKED)
    (row,) = since.rows(1)
    assert (row["key_class"], row["cost_basis"], row["charged_nusd"]) == ("subscription", "notional", 0)
    assert row["cost_nusd"] > 0
    assert seats(quick, "carol") == {
        "anthropic 5h": (0.42, "allowed"),
        "anthropic 7d": (0.91, "allowed_warning"),
    }
    assert quick.on.call(quick.service.status)["seats"]


def test_an_api_key_has_no_seat(quick: Running) -> None:
    with (
        web(quick, quick.add("dave")) as http,
        anthropic.Anthropic(api_key="sk-ant-api03-x", http_client=http) as client,
    ):
        client.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=ASKED)
    assert seats(quick, "dave") == {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_gemini_cli_with_a_login_is_metered_in_its_envelope(
    quick: Running, since: Since, stream: bool
) -> None:
    body = {
        "model": "gemini-2.5-pro",
        "project": "p",
        "request": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "session_id": "s-1"},
    }
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    with web(quick, quick.add(f"gem-{stream}".lower())) as http:
        answer = http.post(
            f"{CODE_ASSIST}:{method}", json=body, headers={"authorization": f"Bearer {GOOGLE_LOGIN}"}
        )
    assert answer.status_code == 200
    assert '"response"' in answer.text
    (row,) = since.rows(1)
    told = re.findall(r'"promptTokenCount":(\d+)', answer.text)[-1]
    assert (row["input_tokens"], row["usage_source"]) == (int(told), "reported")
    assert (row["provider"], row["dialect"], row["conversation_id"]) == (
        "google-code-assist",
        "gemini_cloudcode",
        "s-1",
    )
    assert (row["key_class"], row["cost_basis"], row["charged_nusd"]) == ("subscription", "notional", 0)
    assert row["cost_nusd"] > 0


@pytest.mark.parametrize("method", ["loadCodeAssist", "retrieveUserQuota", "completeCode"])
def test_what_gemini_cli_asks_besides_passes_unmetered(quick: Running, since: Since, method: str) -> None:
    with web(quick, quick.add(method.lower())) as http:
        http.post(f"{CODE_ASSIST}:{method}", json={}, headers={"authorization": f"Bearer {GOOGLE_LOGIN}"})
    (row,) = since.rows(1)
    assert (row["metered"], row["outcome"], row["upstream_status"]) == (
        False,
        "ok" if method != "completeCode" else row["outcome"],
        200 if method != "completeCode" else 404,
    )


def test_no_login_is_kept_anywhere(quick: Running) -> None:
    database = quick.deployment.folder / "sluiceway.db"
    with closing(sqlite3.connect(database)) as connection:
        kept = "\n".join(connection.iterdump())
    assert CANARY not in kept


def test_chatgpt_is_not_decrypted_unless_the_company_says_so(quick: Running) -> None:
    assert quick.service.store
    with pytest.raises(httpx2.ConnectError), web(quick, quick.add("erin-none")) as http:
        http.get("https://chatgpt.com/")  # the simulated site's own certificate, which nobody trusts


def test_codex_with_a_chatgpt_login_is_metered_where_it_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICEWAY_ANCHOR_PASSPHRASE", PASSPHRASE)
    running = Opted(tmp_path, latency=NO_LATENCY, patience_s=1, names=("chatgpt.com",))
    try:
        body = {"model": "gpt-5.1", "input": "hi", "stream": True}
        headers = {"authorization": f"Bearer {CHATGPT_LOGIN}"}
        with web(running, running.add("alice")) as http:
            answer = http.post("https://chatgpt.com/backend-api/codex/responses", json=body, headers=headers)
            assert "response.completed" in answer.text
            other = http.get("https://chatgpt.com/backend-api/wham/accounts/check", headers=headers)
        assert other.status_code == 404  # the simulated site's word, passed on
        metered, passed = running.rows(2)
        assert (metered["provider"], metered["metered"], metered["cost_basis"]) == ("chatgpt", 1, "notional")
        assert (passed["metered"], passed["upstream_status"]) == (0, 404)
        assert seats(running, "alice") == {"chatgpt 5h": (0.125, "allowed"), "chatgpt 7d": (1.0, "rejected")}
    finally:
        running.stop()


class Opted(Running):
    """Where the company decided to meter Codex logins."""

    def set_budgets(self, budgets: str) -> None:
        super().set_budgets(budgets)
        file = self.deployment.settings.rules / "providers.yaml"
        text = file.read_text()
        assert "enabled: false" in text
        file.write_text(text.replace("enabled: false", "enabled: true"))
        authority.rotate(self.deployment, PASSPHRASE, None)


def test_the_listing_shows_no_more_than_windows(quick: Running) -> None:
    found = quick.on.call(quick.service.status)["seats"]
    assert {key for each in found for key in each} <= {
        "person", "provider", "window", "utilisation", "resets_at", "status", "seen_at"
    }  # fmt: skip
    json.dumps(found)
