"""The company's key on the wire: it reaches its own provider in place of the placeholder, and nobody else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types as gemini_types

from sluiceway.wire.credential_shapes import SHAPES
from tests.e2e.raw_provider import RawProvider
from tests.e2e.running import Running
from tests.e2e.test_front import connect
from tests.e2e.tunnel import CANARY, Answer, Tunnel, claude, gemini, gpt
from tests.sdks import gemini_http

pytestmark = pytest.mark.e2e

# The canary is in each: the log fixture of conftest.py watches for it.
OURS = f"sk-ant-api03-company-{CANARY}-a/b+c=="
SECRETS = {"anthropic": OURS, "openai": f"sk-proj-company-{CANARY}", "google": f"AIza-company-{CANARY}",
           "xai": f"xai-company-{CANARY}"}  # fmt: skip
RULES = """\
inject:
  - {name: core-key, match: {team: core}}
routes:
  - {name: elsewhere, match: {model: "gpt-moved*"}, to: {provider: xai}}
"""
GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("keys"))
    for provider, secret in SECRETS.items():
        started.add_key(f"{provider}-main", provider, secret)
    started.set_rules("20-keys", RULES)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def alice(keyed: Running) -> str:
    return keyed.add("alice", "core")


@pytest.fixture(scope="module")
def bob(keyed: Running) -> str:
    return keyed.add("bob", "data")


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def presented(running: Running) -> dict[str, str]:
    """The credentials of the last request that a provider saw."""
    return dict(running.providers.log[-1].credentials)


def code(answer: Answer) -> str | None:
    return answer.header("x-sluiceway-refused")


def test_the_sdks_work_with_the_placeholder_in_place_of_a_key(keyed: Running, alice: str) -> None:
    before = len(keyed.rows())
    context = ssl.create_default_context(cafile=keyed.anchor)
    with httpx2.Client(proxy=alice, verify=context) as http:
        sdk = anthropic.Anthropic(api_key="sluiceway", http_client=http, max_retries=0)
        question = claude(model="claude-haiku-4-5")
        assert sdk.messages.create(**question).content
        assert presented(keyed) == {"x-api-key": digest(OURS)}
        with sdk.messages.stream(**question) as stream:
            assert stream.get_final_text()
        assert presented(keyed) == {"x-api-key": digest(OURS)}
        chat = openai.OpenAI(api_key="Sluiceway", http_client=http, max_retries=0)
        assert chat.chat.completions.create(**gpt()).choices
        assert presented(keyed) == {"authorization": digest(SECRETS["openai"])}
        assert chat.models.list().data
        assert presented(keyed) == {"authorization": digest(SECRETS["openai"])}
    with gemini_http().Client(proxy=alice, verify=context) as client:
        asked = genai.Client(api_key="sluiceway", http_options=gemini_types.HttpOptions(httpx_client=client))
        assert asked.models.generate_content(model="gemini-2.5-flash", contents="hi").text
        assert presented(keyed) == {"x-goog-api-key": digest(SECRETS["google"])}
    rows = keyed.rows(before + 5)[before:]
    assert {row["key_class"] for row in rows} == {"company"}
    assert all(row["budgeted"] for row in rows if row["metered"])
    assert len({row["key_fingerprint"] for row in rows}) == 3


@pytest.mark.parametrize("headers", [{}, {"x_api_key": ""}, {"authorization": "Bearer SLUICEWAY"}], ids=str)
def test_no_key_at_all_is_as_good_as_the_placeholder(
    keyed: Running, alice: str, headers: dict[str, str]
) -> None:
    with Tunnel(keyed, alice) as tunnel:
        request = tunnel.request("/v1/messages", claude(), **({"x_api_key": ""} | headers))
        tunnel.send(request)
        assert tunnel.answer().status == 200
    assert presented(keyed) == {"x-api-key": digest(OURS)}


def test_a_key_in_the_query_does_not_travel_beside_the_companys(keyed: Running, alice: str) -> None:
    with Tunnel(keyed, alice, "generativelanguage.googleapis.com") as tunnel:
        assert tunnel.ask(f"{GEMINI}?key=sluiceway", gemini(), x_goog_api_key="").status == 200
        assert presented(keyed) == {"x-goog-api-key": digest(SECRETS["google"])}
        mine = f"AIza-mine-{CANARY}"
        assert tunnel.ask(f"{GEMINI}?key={mine}", gemini(), x_goog_api_key="").status == 200
    assert presented(keyed).get("?key") == digest(mine)
    assert digest(SECRETS["google"]) not in presented(keyed).values()


@pytest.mark.parametrize(
    ("own", "key_class"),
    [
        (f"sk-ant-api03-{CANARY}", "unknown"),
        (f"sk-ant-oat01-{CANARY}", "subscription"),
        (f"sk-ant-api03-dave-{CANARY}", "personal"),
    ],
    ids=["unknown", "subscription", "personal"],
)
def test_who_brings_an_own_credential_keeps_it(keyed: Running, alice: str, own: str, key_class: str) -> None:
    if key_class == "personal":
        keyed.add_key("dave-own", "anthropic", own, "personal")
    before = len(keyed.rows())
    with Tunnel(keyed, alice) as tunnel:
        assert tunnel.ask("/v1/messages", claude(), x_api_key=own).status == 200
    assert presented(keyed) == {"x-api-key": digest(own)}
    row = keyed.rows(before + 1)[-1]
    assert (row["key_class"], row["charged_nusd"], row["metered"]) == (key_class, 0, True)


@pytest.mark.parametrize("key_class", ["personal", "subscription"])
def test_whoever_pays_is_held_to_limits_of_requests_and_to_no_others(
    fresh: type[Running], key_class: str
) -> None:
    limits = ("limit_requests: 2", "limit_tokens: 1", "limit_usd: 0.000001")
    budgets = [f"{{name: b{n}, scope: company, {limit}, window: hour}}" for n, limit in enumerate(limits)]
    running = fresh(budgets=f"[{', '.join(budgets)}]")
    own = f"sk-ant-{'api03' if key_class == 'personal' else 'oat01'}-{CANARY}"
    if key_class == "personal":
        running.add_key("dave-own", "anthropic", own, "personal")
    with Tunnel(running, running.add("dave")) as tunnel:
        answers = [tunnel.ask("/v1/messages", claude(), x_api_key=own) for _ in range(3)]
    assert [code(answer) for answer in answers] == [None, None, "rate_limited"]
    assert "'b0'" in answers[-1].json["error"]["message"]
    rows = running.rows(3)
    assert {row["key_class"] for row in rows} == {key_class}
    assert {(row["charged_nusd"], row["charged_tokens"]) for row in rows} == {(0, 0)}
    assert running.service.store
    assert not running.service.store.verify()


@pytest.mark.parametrize("key", ["", "sluiceway"], ids=["none", "placeholder"])
def test_without_a_rule_the_request_is_refused_in_words(keyed: Running, bob: str, key: str) -> None:
    asked, before = len(keyed.providers.log), len(keyed.rows())
    with Tunnel(keyed, bob) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(), x_api_key=key)
    assert (answer.status, code(answer)) == (400, "no_company_key")
    assert "no rule gives it the company's" in answer.json["error"]["message"]
    assert "#ai-platform" in answer.json["error"]["message"]
    assert len(keyed.providers.log) == asked
    assert keyed.rows(before + 1)[-1]["refusal_code"] == "no_company_key"


def test_a_request_without_a_key_may_still_read_what_costs_nothing(keyed: Running, bob: str) -> None:
    with Tunnel(keyed, bob) as tunnel:
        answer = tunnel.ask("/api/hello", x_api_key="")
        assert code(answer) is None
        assert code(tunnel.ask("/v1/models", x_api_key="sluiceway")) == "no_company_key"


def test_a_key_of_another_provider_is_not_shown_to_this_one(keyed: Running, alice: str) -> None:
    asked = len(keyed.providers.log)
    with Tunnel(keyed, alice) as tunnel:
        for key in (f"sk-proj-somebodys-{CANARY}", SECRETS["openai"], f"swy_{CANARY}"):
            for path, body in (("/v1/messages", claude()), ("/v1/models", None)):
                answer = tunnel.ask(path, body, x_api_key=key)
                assert code(answer) == "foreign_key"
                assert CANARY.encode() not in answer.body
    assert len(keyed.providers.log) == asked


def test_a_route_elsewhere_takes_the_key_of_the_provider_it_leads_to(keyed: Running, alice: str) -> None:
    before = len(keyed.rows())
    with Tunnel(keyed, alice, "api.openai.com") as tunnel:
        for key in ("sluiceway", SECRETS["openai"]):
            answer = tunnel.ask("/v1/chat/completions", gpt(model="gpt-moved"), authorization=f"Bearer {key}")
            assert (answer.header("x-sluiceway-route"), code(answer)) == ("xai/gpt-moved", None)
            assert keyed.providers.log[-1].host == "api.x.ai"
            assert presented(keyed) == {"authorization": digest(SECRETS["xai"])}
        tunnel.ask(
            "/v1/chat/completions", gpt(model="gpt-moved"), authorization=f"Bearer sk-proj-mine-{CANARY}"
        )
        assert keyed.providers.log[-1].host == "api.openai.com"
    assert [row["key_class"] for row in keyed.rows(before + 3)[before:]] == ["company", "company", "unknown"]


def test_a_companys_key_of_a_team_without_a_rule_goes_nowhere_else(keyed: Running, bob: str) -> None:
    asked = len(keyed.providers.log)
    with Tunnel(keyed, bob, "api.openai.com") as tunnel:
        fields = {"authorization": f"Bearer {SECRETS['openai']}"}
        answer = tunnel.ask("/v1/chat/completions", gpt(model="gpt-moved"), **fields)
        assert code(answer) == "no_company_key"
        assert "'elsewhere'" in answer.json["error"]["message"]
        assert len(keyed.providers.log) == asked
        assert tunnel.ask("/v1/chat/completions", gpt(), **fields).status == 200
    assert presented(keyed) == {"authorization": digest(SECRETS["openai"])}


def test_keys_are_rotated_and_retired_without_touching_clients(fresh: type[Running]) -> None:
    running = fresh()
    running.set_rules("20-keys", "inject: [{name: all}]\n")
    alice = running.add("alice")
    first, second = (f"sk-ant-api03-{name}-{CANARY}" for name in ("first", "second"))
    running.add_key("first", "anthropic", first)
    with Tunnel(running, alice) as tunnel:
        tunnel.ask("/v1/messages", claude(), x_api_key="sluiceway")
        assert presented(running) == {"x-api-key": digest(first)}
        running.add_key("second", "anthropic", second)
        for brought in ("sluiceway", first, second):
            assert tunnel.ask("/v1/messages", claude(), x_api_key=brought).status == 200
            assert presented(running) == {"x-api-key": digest(second)}
        running.retire_key("first")
        answer = tunnel.ask("/v1/messages", claude(), x_api_key=first)
        assert code(answer) == "key_retired"
        assert "'first'" in answer.json["error"]["message"]
        running.retire_key("second")
        assert code(tunnel.ask("/v1/messages", claude(), x_api_key="sluiceway")) == "no_company_key"
    for file in (running.folder / "deployment").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


# --- what a client can see


def echoing(head: bytes, body: bytes) -> bytes:
    """An answer that tells the key wherever an answer has room."""
    return head.replace(b"KEY", OURS.encode()) + body.replace(b"KEY", OURS.encode())


def sized(status: bytes, body: bytes, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    length = len(body.replace(b"KEY", OURS.encode()))
    head = b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n" % (status, kind, length, more)
    return echoing(head, body)


ERROR = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key: KEY"}}'
STREAM = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"KEY"}}\n\n'
    b"event: ping\ndata: KEYKEY\n\n"
)
ECHOES = {
    "a 401": sized(b"401 Unauthorized", ERROR),
    "a 401 in its reason": sized(b"401 No KEY", ERROR),
    "a redirect": sized(b"307 Temporary Redirect", b"KEY", more=b"location: https://evil.example/?k=KEY\r\n"),
    "headers": sized(b"400 Bad Request", ERROR, more=b"x-debug: KEY\r\nset-cookie: k=KEY; path=/\r\n"),
    "an answer": sized(b"200 OK", b'{"id":"KEY","content":[{"type":"text","text":"KEY"}]}'),
    "a stream": sized(b"200 OK", STREAM, b"text/event-stream"),
    "another type": sized(b"502 Bad Gateway", b"<p>x-api-key: KEY", b"text/html"),
}


def seen(running: Running, proxy: str, body: dict[str, Any] | None, path: str = "/v1/messages") -> bytes:
    """Every byte a client gets for a request with the placeholder."""
    with Tunnel(running, proxy) as tunnel:
        method = "GET" if body is None else "POST"
        tunnel.send(tunnel.request(path, body, method=method, x_api_key="sluiceway", connection="close"))
        return tunnel.rest()


@pytest.mark.parametrize("whole", ["at once", "byte by byte"])
@pytest.mark.parametrize("name", ECHOES)
def test_a_provider_that_echoes_the_key_does_not_tell_the_client(
    fresh: type[Running], tmp_path: Path, name: str, whole: str
) -> None:
    answer = ECHOES[name]
    size = len(answer) if whole == "at once" else 1

    def echo(provider: RawProvider) -> None:
        for start in range(0, len(answer), size):
            provider.send(answer[start : start + size])

    with RawProvider(tmp_path / "raw", echo) as provider:
        running = fresh(upstream=provider.upstream)
        running.add_key("main", "anthropic", OURS)
        running.set_rules("20-keys", "inject: [{name: all}]\n")
        alice = running.add("alice")
        for body, path in ((claude(stream=name == "a stream"), "/v1/messages"), (None, "/v1/models")):
            told = seen(running, alice, body, path)
            assert OURS.encode() in provider.requests[-1]
            assert OURS.encode() not in told
            assert CANARY.encode() not in told
            assert b"[key]" in told
        assert all(b"sluiceway" not in request.lower() for request in provider.requests)


def test_an_encoded_answer_that_nobody_asked_for_is_not_passed_on(
    fresh: type[Running], tmp_path: Path
) -> None:
    odd = sized(b"401 Unauthorized", ERROR, more=b"content-encoding: br\r\n")
    with RawProvider(tmp_path / "raw", lambda provider: provider.send(odd)) as provider:
        running = fresh(upstream=provider.upstream)
        running.add_key("main", "anthropic", OURS)
        running.set_rules("20-keys", "inject: [{name: all}]\n")
        told = seen(running, running.add("alice"), claude())
    assert b"x-sluiceway-refused: content_encoding" in told.lower()
    assert b"accept-encoding: identity" in provider.requests[0].lower()


def test_a_redirect_is_not_followed_with_the_key(keyed: Running, alice: str) -> None:
    asked = len(keyed.providers.log)
    with Tunnel(keyed, alice) as tunnel:
        fields = {"x_api_key": "sluiceway", "x_demo_fault": "redirect;to=https://api.openai.com/v1/models"}
        answer = tunnel.ask("/v1/messages", claude(), **fields)
    assert (answer.status, answer.header("location")) == (307, "https://api.openai.com/v1/models")
    assert len(keyed.providers.log) == asked + 1


@pytest.mark.parametrize("host", ["evil.example", "api.openai.com", "api.anthropic.com.evil.example", ""])
def test_a_spoofed_host_gets_no_key(keyed: Running, alice: str, host: str) -> None:
    asked = len(keyed.providers.log)
    with Tunnel(keyed, alice) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(), x_api_key="sluiceway", host=host)
    assert answer.status in (400, 421)
    assert len(keyed.providers.log) == asked


@pytest.mark.parametrize(
    "target", ["https://evil.example/v1/messages", "//evil.example/v1/messages", "@evil.example"]
)
def test_a_target_that_names_another_host_gets_no_key(keyed: Running, alice: str, target: str) -> None:
    asked = len(keyed.providers.log)
    with Tunnel(keyed, alice) as tunnel:
        answer = tunnel.ask(target, claude(), x_api_key="sluiceway")
    assert code(answer) is not None
    assert len(keyed.providers.log) == asked


def test_a_spoofed_server_name_gets_no_key(fresh: type[Running], tmp_path: Path) -> None:
    """Neither in a tunnel to another host that says a provider's name, nor between two providers."""
    with RawProvider(tmp_path / "raw") as provider:
        running = fresh(allowed_port=provider.port)
        running.add_key("main", "anthropic", OURS)
        running.set_rules("20-keys", "inject: [{name: all}]\n")
        alice = running.add("alice")
        request = b"GET /v1/models HTTP/1.1\r\nhost: api.anthropic.com\r\nx-api-key: sluiceway\r\n\r\n"
        context = ssl.create_default_context(cafile=str(provider.ca_file))
        elsewhere = f"127.0.0.1:{provider.port}"
        with connect(running, alice, elsewhere) as plain, pytest.raises(OSError):
            context.wrap_socket(plain, server_hostname="api.anthropic.com").sendall(request)
        assert not provider.requests
        context = ssl.create_default_context(cafile=running.anchor)
        context.check_hostname = False
        with (
            connect(running, alice, "api.openai.com:443") as plain,
            context.wrap_socket(plain, server_hostname="api.anthropic.com") as secure,
        ):
            secure.sendall(request)
            assert secure.recv(4096).startswith(b"HTTP/1.1 421")
        assert not running.providers.log


def test_no_credential_of_any_shape_is_told_to_anybody(keyed: Running, alice: str) -> None:
    """The log fixture of conftest.py sees to the logs; rows and refusals are looked at here."""
    with Tunnel(keyed, alice) as tunnel:
        for shape in SHAPES:
            for field in ("x_api_key", "authorization"):
                value = f"{shape.prefix}{shape.holds}{CANARY}"
                answer = tunnel.ask("/v1/messages", claude("hi"), **{"x_api_key": "", field: value})
                assert CANARY.encode() not in answer.body
                assert not any(CANARY in text for _, text in answer.headers)
    assert all(CANARY not in repr(row) for row in keyed.rows())
