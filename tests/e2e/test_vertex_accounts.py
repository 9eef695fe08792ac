"""A Google service account as the company's key: tokens are minted, renewed and given up by themselves."""

from __future__ import annotations

import io
import json
import logging
import re
import ssl
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import orjson
import pytest
from google import genai
from google.genai import types as gemini_types
from google.oauth2.credentials import Credentials

from sluiceway.demo.accounts import PREFIX, Accounts
from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway.minting import Google
from sluiceway.gateway.tokens import Tokens
from sluiceway.settings.config import Upstream
from tests.command_line import Said, sluiceway
from tests.e2e.raw_provider import RawProvider
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.socket_client import SocketClient
from tests.e2e.tunnel import Answer, Tunnel, claude, gemini
from tests.sdks import gemini_http

pytestmark = pytest.mark.e2e

EMAIL = "gateway@acme-1.iam.gserviceaccount.com"
HOST = "us-east5-aiplatform.googleapis.com"
MODELS = "/v1/projects/acme-1/locations/us-east5/publishers"
LIVE = f"wss://{HOST}/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
OAUTH, POOLED, HAIKU = "google-oauth", "gemini-2.0-flash", "claude-haiku-4-5@20251001"
FIXED = "ya29.fixed-token-of-the-company"
RULES = f"""\
routes:
  - {{name: by-vertex, match: {{model: claude-haiku-4-5}}, to: {{provider: vertex, model: {HAIKU}}},
     failover: [{{provider: anthropic, model: claude-haiku-4-5}}]}}
inject:
  - {{name: pooled, match: {{model: {POOLED}}}, keys: [{{key: main-vertex, weight: 1000}}, {{key: fixed}}]}}
  - {{name: by-account, match: {{provider: vertex}}, label: main-vertex}}
  - {{name: for-all}}
"""


@pytest.fixture(scope="module")
def key_file() -> str:
    return Accounts().key_file(EMAIL)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("vertex"), latency=NO_LATENCY, patience_s=5)
    providers = started.deployment.settings.rules / "providers.yaml"
    own = "  - name: vertex\n    fills: {project: acme-1, location: us-east5}\n"
    providers.write_text(providers.read_text().replace("  - name: vertex\n", own))
    started.add_key("fixed", "vertex", FIXED)
    started.add_key("anthropic-main", "anthropic", "sk-ant-api03-the-companys")
    started.add_key("main-vertex", "vertex", started.providers.accounts.key_file(EMAIL))
    started.set_rules("20-test", RULES)
    started.service.gateway.parts.bounds = Upstream(first_event_s=0.4)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def afresh(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins without a token, with a Google that gives them and tries that follow at once."""
    if "running" not in request.fixturenames:
        yield
        return
    running: Running = request.getfixturevalue("running")
    parts, accounts = running.service.gateway.parts, running.providers.accounts
    known = dict(accounts.keys)

    async def at_once(pause_s: float) -> None:
        assert pause_s > 0

    running.on.run(parts.tokens.close())
    parts.tokens = Tokens(Google(parts.upstream).mint, pause=at_once)
    yield
    running.on.call(running.providers.clear_faults)
    running.on.call(lambda: parts.breakers.__init__(changed=parts.breakers.changed))  # type: ignore[misc]
    running.providers.ahead_s = 0.0
    accounts.keys.update(known)
    assert running.service.store
    assert running.service.store.verify() == []


@pytest.fixture(autouse=True)
def no_token_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    formatter = logging.Formatter()
    texts = [formatter.format(record) for record in caplog.get_records("call")]
    for secret in (PREFIX, "PRIVATE KEY", EMAIL, "assertion="):
        assert not any(secret in text for text in texts if "tests" not in text), secret


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture
def since(running: Running) -> Since:
    return Since(running)


def ask(running: Running, proxy: str, model: str = "gemini-2.5-flash", stream: bool = False) -> Answer:
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    with Tunnel(running, proxy, HOST) as tunnel:
        return tunnel.ask(
            f"{MODELS}/google/models/{model}:{method}", gemini(), authorization="Bearer sluiceway"
        )


def mints(since: Since) -> list[int | None]:
    """How the token endpoint answered."""
    return [served.status for served in since.served if served.provider == OAUTH]


def presented(since: Since) -> list[str]:
    """Digests of what Vertex AI was shown, in order."""
    return [served.credentials["authorization"] for served in since.served if served.provider == "vertex"]


def given(running: Running) -> list[str]:
    """Digests of the tokens that were minted, in order."""
    return [sha256(token.encode()).hexdigest() for token in running.providers.accounts.tokens]


def lose_tokens(running: Running) -> None:
    """Google takes them back: from now on they are answered 401."""
    running.providers.accounts.tokens.clear()


def test_the_sdks_work_with_the_placeholder(running: Running, alice: str, since: Since) -> None:
    context = ssl.create_default_context(cafile=running.anchor)
    with httpx2.Client(proxy=alice, verify=context) as http:
        sdk = anthropic.AnthropicVertex(
            region="us-east5", project_id="acme-1", access_token="sluiceway", http_client=http, max_retries=0
        )
        question = {name: value for name, value in claude().items() if name != "model"}
        assert sdk.messages.create(**question, model="claude-sonnet-4-5@20250929").content
        with sdk.messages.stream(**question, model="claude-sonnet-4-5@20250929") as stream:
            assert stream.get_final_text()
    with gemini_http().Client(proxy=alice, verify=context) as client:
        asked = genai.Client(
            vertexai=True,
            project="acme-1",
            location="us-east5",
            credentials=Credentials(token="sluiceway"),
            http_options=gemini_types.HttpOptions(httpx_client=client),
        )
        assert asked.models.generate_content(model="gemini-2.5-flash", contents="hi").text
    assert mints(since) == [200]
    assert presented(since) == [given(running)[-1]] * 3
    rows = since.rows(3)
    assert {(row["key_class"], row["outcome"]) for row in rows} == {("company", "ok")}
    labels = {row["label"]: row["fingerprint"] for row in listed(running)}
    assert {row["key_fingerprint"] for row in rows} == {labels["main-vertex"]}


def listed(running: Running) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = sluiceway("key", "list", "--json", folder=running.deployment.folder).json
    return rows


def test_many_at_once_wait_for_one_token(running: Running, alice: str, since: Since) -> None:
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(running, alice))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 8
    assert mints(since) == [200]


def test_a_401_gives_the_token_up_once_and_another_is_minted(
    running: Running, alice: str, since: Since
) -> None:
    assert ask(running, alice).status == 200
    lose_tokens(running)
    assert ask(running, alice).status == 200
    first, gone, second = presented(since)
    assert first == gone != second == given(running)[-1]
    running.on.call(lambda: running.providers.fault("vertex", "401"))
    refused = ask(running, alice)
    assert (refused.status, refused.json["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert mints(since) == [200, 200]
    assert [row["outcome"] for row in since.rows(3)] == ["ok", "ok", "upstream_error"]


def test_a_socket_is_opened_with_a_token_and_after_a_401_with_another(
    running: Running, alice: str, since: Since
) -> None:
    for _ in range(2):
        with SocketClient(running, alice, LIVE, authorization="Bearer sluiceway") as client:
            client.send({"setup": {"model": f"{MODELS}/google/models/gemini-3.8-live"[4:]}})
            assert "setupComplete" in client.next()
        lose_tokens(running)
    assert mints(since) == [200, 200]


@pytest.mark.parametrize(
    ("fault", "times", "answers"),
    [("500", 2, [500, 500, 200]), ("bad-json", 1, [200, 200]), ("refuse", 1, [None, 200])],
    ids=["500", "not JSON", "no answer"],
)
def test_a_fault_of_googles_that_passes_is_waited_out(
    running: Running, alice: str, since: Since, fault: str, times: int, answers: list[int]
) -> None:
    running.on.call(lambda: running.providers.fault(OAUTH, fault, times=times))
    assert ask(running, alice).status == 200
    assert mints(since) == answers


def test_a_wrong_clock_of_this_machine_is_made_up_for(
    running: Running, alice: str, since: Since, caplog: pytest.LogCaptureFixture
) -> None:
    running.providers.ahead_s = -7200.0
    assert ask(running, alice).status == 200
    assert mints(since) == [400, 200]
    assert re.search(r"this machine's clock is \+720\d s off Google's; set it", caplog.text)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_without_a_token_nothing_is_sent_and_the_client_is_told(
    running: Running, alice: str, since: Since, stream: bool
) -> None:
    running.providers.accounts.keys.clear()
    for _ in range(2):
        refused = ask(running, alice, stream=stream)
        assert (refused.status, refused.header("x-sluiceway-refused")) == (502, "no_access_token")
        message = refused.json["error"]["message"]
        for said in ("(invalid_grant)", "nothing was forwarded", "by-account", "Try again", "#ai-platform"):
            assert said in message
        assert "acme-1" not in message
    assert mints(since) == [400], "Google said no for good, so nobody asks again for a while"
    assert presented(since) == []
    for row in since.rows(2):
        assert (row["outcome"], row["error_type"]) == ("upstream_error", "no_access_token")
        assert (row["charged_nusd"], row["key_class"]) == (0, "company")
    status = sluiceway("status", folder=running.deployment.folder)
    assert "main-vertex: NOT RENEWED (invalid_grant: Google does not take the key" in status.out


@pytest.mark.parametrize("fault", ["400", "hang"], ids=["refused", "no answer"])
def test_a_token_that_cannot_be_had_is_a_target_that_failed(
    running: Running, alice: str, since: Since, fault: str
) -> None:
    running.on.call(lambda: running.providers.fault(OAUTH, fault))
    with Tunnel(running, alice) as tunnel:
        answer = tunnel.ask(
            "/v1/messages", claude(model="claude-haiku-4-5", stream=True), x_api_key="sluiceway"
        )
    assert answer.status == 200
    assert answer.header("x-sluiceway-route") == (
        f"vertex/{HAIKU}(no_access_token)>anthropic/claude-haiku-4-5"
    )
    assert presented(since) == []
    assert [(row["outcome"], row["cost_nusd"] == 0) for row in since.rows(2)] == [
        ("upstream_error", True),
        ("ok", False),
    ]


def test_another_key_of_the_pool_takes_over(running: Running, alice: str, since: Since) -> None:
    running.providers.accounts.keys.clear()
    assert ask(running, alice, POOLED).status == 200
    assert presented(since) == [sha256(FIXED.encode()).hexdigest()]


# --- the token that is echoed, and what is on disk


def test_a_token_that_a_provider_echoes_does_not_reach_the_client(
    fresh: type[Running], tmp_path: Path, key_file: str
) -> None:
    token = "ya29.c.c0-echoed/and+encoded" + "." * 40
    minted = orjson.dumps({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
    echo = orjson.dumps({"error": {"code": 400, "message": f"bad token {token}", "status": "INVALID"}})

    def answer(provider: RawProvider) -> None:
        is_oauth = provider.requests[-1].startswith(b"POST /token")
        status, body = (b"200 OK", minted) if is_oauth else (b"400 Bad Request", echo)
        kind = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        provider.send(b"HTTP/1.1 " + status + b"\r\n" + kind + body)

    with RawProvider(tmp_path / "raw", answer) as provider:
        running = fresh(upstream=provider.upstream)
        running.add_key("main-vertex", "vertex", key_file)
        running.set_rules("20-keys", "inject: [{name: all}]\n")
        refused = ask(running, running.add("alice"))
        assert any(token.encode() in request for request in provider.requests)
        assert all(EMAIL.encode() not in request for request in provider.requests)
        assert b"bad token [key]" in refused.body
        assert token.encode() not in refused.body
    pem = json.loads(key_file)["private_key"].splitlines()[3].encode()
    for file in (running.folder / "deployment").rglob("*"):
        assert not file.is_file() or (
            pem not in file.read_bytes() and token.encode() not in file.read_bytes()
        )


# --- as an operator


def add(running: Running, label: str, text: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> Said:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return sluiceway("key", "add", label, "--provider", "vertex", *more, folder=running.deployment.folder)


def test_an_operator_adds_rotates_and_retires_an_account(
    running: Running, alice: str, since: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = running.providers.accounts.key_file("newer@acme-1.iam.gserviceaccount.com")
    added = add(running, "rotated", newer, monkeypatch)
    assert (added.code, added.err) == (0, "")
    assert "as access tokens that are minted for it and renewed by themselves" in added.out
    compact = json.dumps(dict(reversed(json.loads(newer).items())))
    again = add(running, "other", compact, monkeypatch)
    assert (again.code, "registered already, as 'rotated'" in again.err) == (1, True)
    kinds = {row["label"]: (row["kind"], row["state"]) for row in listed(running)}
    assert kinds["rotated"] == ("service account", "current")
    assert kinds["fixed"] == ("key", "by label")
    running.set_rules("20-test", RULES.replace("label: main-vertex", "label: rotated"))
    assert ask(running, alice).status == 200
    status = sluiceway("status", "--json", folder=running.deployment.folder).json["access_tokens"]
    states = {each["key"]: (each["good_until"] is not None, each["problem"]) for each in status}
    assert states == {"rotated": (True, None), "main-vertex": (False, None)}
    assert sluiceway("key", "retire", "rotated", folder=running.deployment.folder).code == 0
    refused = ask(running, alice)
    assert (refused.status, refused.header("x-sluiceway-refused")) == (403, "no_company_key")
    assert "'rotated'" in refused.json["error"]["message"]
    running.set_rules("20-test", RULES)
    assert mints(since) == [200]
    for said in (added, again, sluiceway("key", "list", folder=running.deployment.folder)):
        assert "PRIVATE" not in said.out + said.err
        assert "newer@" not in said.out + said.err


def test_a_login_is_registered_with_the_advice_to_give_an_account(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = add(running, "login", "ya29.a-login-of-somebody", monkeypatch)
    assert "give the JSON key file of a service account instead" in said.err
    assert sluiceway("key", "retire", "login", folder=running.deployment.folder).code == 0
