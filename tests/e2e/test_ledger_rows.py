"""What client and ledger are told of each request: headers, rows, and caps in every dialect's own words."""

from __future__ import annotations

import gzip
import itertools
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as gemini_errors
from google.genai import types as gemini_types

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.raw_provider import RawProvider
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import CANARY, Tunnel, claude, gemini, gpt
from tests.sdks import gemini_http

NUMBERS = itertools.count()

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

ASKED: Any = [{"role": "user", "content": "hi"}]
# 0.0015 USD: a hundred of Claude Sonnet's output tokens at 15,000 nano-dollars.
CAP_NUSD = 1_500_000
CAP = "{name: little, scope: {employee: '*'}, limit_usd: 0.0015, window: month}"
USED_UP = "[Sluiceway: the budget 'little' is used up, so this answer ends here. It resets at 20"
PACED = {"x-demo-fault": "slow;first=0;between=0.004", "x-demo-events": "300"}


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture(scope="module")
def capped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Every employee has a hundred output tokens of Claude Sonnet a month."""
    running = Running(tmp_path_factory.mktemp("capped"), budgets=f"[{CAP}]", latency=NO_LATENCY)
    yield running
    running.stop()


@pytest.fixture
def new_person(capped: Running) -> Callable[[], str]:
    """Adds an employee with an untouched cap; their proxy URL."""
    return lambda: capped.add(f"person-{next(NUMBERS)}")


class Clients:
    """The three SDKs of one employee, with their usual retries."""

    def __init__(self, running: Running, proxy: str) -> None:
        context = ssl.create_default_context(cafile=running.anchor)
        self.http = httpx2.Client(proxy=proxy, verify=context)
        self.claude = anthropic.Anthropic(api_key="sk-ant-api03-test", http_client=self.http)
        self.openai = openai.OpenAI(api_key="sk-test", http_client=self.http)
        library = gemini_http()
        self.gemini_http = self.http if library is httpx2 else library.Client(proxy=proxy, verify=context)
        options = gemini_types.HttpOptions(httpx_client=self.gemini_http)
        self.gemini = genai.Client(api_key="AIza-test", http_options=options)


@pytest.fixture
def clients(capped: Running, new_person: Callable[[], str]) -> Iterator[Clients]:
    made = Clients(capped, new_person())
    with made.http:
        yield made
    made.gemini_http.close()


# Headers


def test_every_kind_of_answer_names_its_request_its_route_and_its_audit(
    quick: Running, alice: str, since: Since
) -> None:
    with Tunnel(quick, alice, "api.openai.com") as tunnel:
        answers = [
            tunnel.ask("/v1/chat/completions", gpt()),
            tunnel.ask("/v1/chat/completions", gpt(stream=True)),
            tunnel.ask("/v1/models"),
            tunnel.ask("/v1/fine_tuning/jobs", {}),
            tunnel.ask("/v1/chat/completions", b"{"),
            tunnel.ask("/v1/chat/completions", gpt(), x_demo_fault="500"),
            tunnel.ask("/v1/chat/completions", gpt(), x_demo_fault="refuse"),
            tunnel.ask("/v1/embeddings", connection="upgrade", upgrade="websocket"),
            tunnel.ask("/ /", {}),
        ]
    assert [answer.status for answer in answers] == [200, 200, 200, 403, 400, 500, 502, 426, 400]
    rows = since.rows(len(answers))
    assert [row["request_id"] for row in rows] == [
        answer.header("x-sluiceway-request-id") for answer in answers
    ]
    routes = [answer.header("x-sluiceway-route") for answer in answers]
    asked = "openai/gpt-4.1-mini"
    assert routes == [asked, asked, "openai", "openai", "openai", asked, asked, "openai", "openai"]
    assert [row["route_path"] for row in rows] == routes
    assert {answer.header("x-sluiceway-audit") for answer in answers} == {"off"}
    codes = [answer.header("x-sluiceway-refused") for answer in answers]
    no_answer = ["path_not_listed", "malformed_request", None, "connection_lost", "websocket_not_supported"]
    assert codes == [None, None, None, *no_answer, "malformed_http"]


def test_what_is_left_of_the_tightest_cap_is_told(capped: Running, new_person: Callable[[], str]) -> None:
    with Tunnel(capped, new_person()) as tunnel:
        left = tunnel.ask("/v1/messages", claude(max_tokens=16)).header("x-sluiceway-budget-remaining-usd")
    assert left is not None
    assert 0 < float(left) < 0.0015


def test_only_headers_that_concern_both_ends_travel(
    fresh: type[Running], tmp_path: Path, since: Since
) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"
        b'set-cookie: a=1\r\nset-cookie: b=2\r\nrequest-id: req_1\r\nalt-svc: h3=":443"\r\n'
        b"x-sluiceway-route: somewhere/else\r\nkeep-alive: timeout=5\r\nx-odd: 1\r\n"
        b"connection: keep-alive, x-odd\r\nproxy-authenticate: Basic\r\n\r\n{}"
    )
    with RawProvider(tmp_path, lambda provider: provider.send(head)) as provider:
        running = fresh(upstream=provider.upstream)
        proxy = running.add("alice")
        with Tunnel(running, proxy) as tunnel:
            answer = tunnel.ask(
                "/v1/messages",
                claude(),
                proxy_authorization="Basic c2VjcmV0",
                connection="keep-alive, X-Mine",
                x_mine="1",
                te="trailers",
                x_sluiceway_route="forged",
                x_other="kept",
                anthropic_beta="a",
                accept_encoding="gzip",
            )
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.header("request-id") == "req_1"
    assert answer.all("x-sluiceway-route") == ["anthropic/claude-sonnet-4-5"]
    assert {"alt-svc", "keep-alive", "x-odd", "proxy-authenticate", "connection"}.isdisjoint(
        name for name, _ in answer.headers
    )
    # Nothing of our own making either: no Date, no Server.
    assert {"date", "server"}.isdisjoint(name for name, _ in answer.headers)
    lines = provider.requests[0].partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert lines[0] == "post /v1/messages http/1.1"
    assert sorted(lines[1:]) == sorted(
        [
            "host: api.anthropic.com",
            f"x-api-key: sk-ant-api03-{CANARY}",
            "anthropic-version: 2023-06-01",
            "content-type: application/json",
            f"content-length: {len(json.dumps(claude(), separators=(',', ':')))}",
            "x-other: kept",
            "anthropic-beta: a",
            "accept-encoding: gzip",
        ]
    )


# Rows


def test_a_row_tells_who_with_which_client_and_key_and_how_long_it_took(
    quick: Running, alice: str, since: Since
) -> None:
    with Tunnel(quick, alice) as tunnel:
        tunnel.ask(
            "/v1/messages",
            claude(stream=True, metadata={"user_id": "user_a_account_b_session_0f0e"}),
            user_agent="claude-cli/2.1.0 (external, cli)",
        )
    row = since.matching()
    told = {
        "principal": "alice",
        "principal_kind": "employee",
        "team": "core",
        "client_name": "claude-code",
        "client_version": "2.1.0",
        "agent": "cli",
        "conversation_id": "0f0e",
        "provider": "anthropic",
        "provider_requested": "anthropic",
        "host": "api.anthropic.com",
        "operation": "chat",
        "dialect": "anthropic_messages",
        "upstream_dialect": "anthropic_messages",
        "model_requested": "claude-sonnet-4-5",
        "model_routed": "claude-sonnet-4-5",
        "model_served": "claude-sonnet-4-5-20250929",
        "service_tier": "standard",
        "key_class": "unknown",
        "cost_basis": "list",
        "status": 200,
        "upstream_status": 200,
        "metered": True,
        "budgeted": True,
        "audit": "off",
        "refusal_code": None,
        "error_type": None,
    }
    assert {name: row[name] for name in told} == told
    assert len(row["key_fingerprint"]) == 16
    assert 0 <= row["overhead_ms"] <= row["duration_ms"]
    assert 0 < row["ttft_ms"] <= row["duration_ms"]
    assert row["policy_version"]
    assert row["started_at"] <= row["ended_at"]


@pytest.mark.parametrize(
    ("key", "key_class", "basis", "capped"),
    [
        pytest.param({"x-api-key": "sk-ant-api03-x"}, "unknown", "list", True, id="key"),
        pytest.param(
            {"authorization": "Bearer sk-ant-oat01-x"}, "subscription", "notional", False, id="login"
        ),
        pytest.param(
            {"authorization": "Bearer sk-ant-oat01-x", "x-api-key": "sk-ant-api03-x"},
            "unknown",
            "list",
            True,
            id="both",
        ),
    ],
)
def test_a_login_is_metered_apart_and_a_made_up_one_lifts_no_key_out_of_its_caps(
    quick: Running, alice: str, since: Since, key: dict[str, str], key_class: str, basis: str, capped: bool
) -> None:
    with Tunnel(quick, alice) as tunnel:
        head = "".join(f"{name}: {value}\r\n" for name, value in key.items())
        body = json.dumps(claude())
        tunnel.send(
            "POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nanthropic-version: 2023-06-01\r\n"
            f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        assert tunnel.answer().status == 200
    row = since.matching()
    assert (row["key_class"], row["cost_basis"], row["budgeted"]) == (key_class, basis, True)
    assert ((row["charged_nusd"] > 0), (row["charged_tokens"] > 0)) == (capped, capped)


def test_wrong_credentials_are_refused_in_the_providers_form_whoever_it_is(
    quick: Running, since: Since
) -> None:
    proxy = quick.url("alice", "swy_wrong")
    forms = []
    for host, path, body in (
        ("api.anthropic.com", "/v1/messages", claude()),
        ("api.openai.com", "/v1/chat/completions", gpt()),
        ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent", gemini()),
    ):
        with Tunnel(quick, proxy, host) as tunnel:
            answer = tunnel.ask(path, body)
            assert tunnel.ended()
        assert (answer.status, answer.header("x-sluiceway-refused")) == (401, "credentials_wrong_token")
        forms.append(answer.json["error"])
    assert [form.get("type") or form["status"] for form in forms] == [
        "authentication_error",
        "authentication_error",
        "UNAUTHENTICATED",
    ]
    assert {row["principal"] for row in since.rows(3)} == {""}  # a claim is not an identity
    assert since.served == []


def test_requests_of_a_person_disabled_since_are_refused_by_name(quick: Running, since: Since) -> None:
    with Tunnel(quick, quick.add("bob")) as tunnel:
        assert tunnel.ask("/v1/messages", claude()).status == 200
        quick.operate("person.disable", name="bob")
        assert quick.service.store
        quick.on.run(quick.service.store.refresh_directory())
        assert tunnel.ask("/v1/messages", claude()).header("x-sluiceway-refused") == "credentials_disabled"
    assert [(row["principal"], row["outcome"]) for row in since.rows(2)] == [
        ("bob", "ok"),
        ("bob", "refused"),
    ]


# Caps


def spend(capped: Running, proxy: str) -> None:
    """Uses a person's cap up, to the last token that fits."""
    with Tunnel(capped, proxy) as tunnel:
        answer = tunnel.ask(
            "/v1/messages",
            claude(stream=True, max_tokens=4000),
            **{name.replace("-", "_"): value for name, value in PACED.items()},
        )
        assert answer.status == 200


def test_a_stream_at_its_cap_ends_as_at_a_token_limit_for_anthropics_sdk(
    capped: Running, clients: Clients
) -> None:
    since = Since(capped)
    with clients.claude.messages.stream(
        model="claude-sonnet-4-5", max_tokens=4000, messages=ASKED, extra_headers=PACED
    ) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "max_tokens"
    assert USED_UP in final.content[-1].text  # type: ignore[union-attr]  # a text block
    assert_capped(since)


def test_a_stream_at_its_cap_ends_as_at_a_token_limit_for_openais_chat(
    capped: Running, clients: Clients
) -> None:
    since = Since(capped)
    with clients.openai.chat.completions.stream(
        model="gpt-4.1", messages=ASKED, extra_headers=PACED
    ) as stream:
        stream.until_done()
        chunk = stream.current_completion_snapshot.choices[0]
    assert chunk.finish_reason == "length"
    assert USED_UP in (chunk.message.content or "")
    assert_capped(since)


def test_a_stream_at_its_cap_ends_as_incomplete_for_openais_responses(
    capped: Running, clients: Clients
) -> None:
    since = Since(capped)
    events = list(
        clients.openai.responses.create(model="gpt-4.1", input="hi", stream=True, extra_headers=PACED)
    )
    last = events[-1]
    assert last.type == "response.incomplete"
    assert USED_UP in last.response.output_text
    assert_capped(since)


def test_a_stream_at_its_cap_ends_as_at_a_token_limit_for_gemini(capped: Running, clients: Clients) -> None:
    since = Since(capped)
    config = gemini_types.GenerateContentConfig(http_options=gemini_types.HttpOptions(headers=PACED))
    pieces = list(
        clients.gemini.models.generate_content_stream(model="gemini-2.5-pro", contents="hi", config=config)
    )
    assert pieces[-1].candidates[0].finish_reason == gemini_types.FinishReason.MAX_TOKENS  # type: ignore[index]
    assert USED_UP in "".join(piece.text or "" for piece in pieces)
    assert_capped(since)


def assert_capped(since: Since) -> None:
    row = since.row()
    assert (row["outcome"], row["status"], row["usage_source"]) in (
        ("capped", 200, "partial"),
        ("capped", 200, "estimated"),
    )
    # Nearly all of the cap is used. Its last chunk may go over by its own size, and by no more.
    assert 0.6 * CAP_NUSD < row["charged_nusd"] < 1.1 * CAP_NUSD


def test_a_spent_cap_is_told_at_once_and_not_retried(capped: Running, new_person: Callable[[], str]) -> None:
    proxy = new_person()
    spend(capped, proxy)
    clients, since = Clients(capped, proxy), Since(capped)
    with clients.http:
        with pytest.raises(anthropic.APIStatusError, match="budget 'little'") as claudes:
            clients.claude.messages.create(model="claude-sonnet-4-5", max_tokens=50, messages=ASKED)
        for ask in (
            lambda: clients.openai.chat.completions.create(model="gpt-4.1", messages=ASKED),
            lambda: clients.openai.responses.create(model="gpt-4.1", input="hi"),
            lambda: clients.openai.embeddings.create(model="text-embedding-3-small", input="hi " * 100_000),
        ):
            with pytest.raises(openai.RateLimitError, match="budget 'little'") as openais:
                ask()
            assert openais.value.code == "insufficient_quota"
        with pytest.raises(gemini_errors.ClientError, match="PERMISSION_DENIED"):
            clients.gemini.models.generate_content(model="gemini-2.5-pro", contents="hi")
    assert (claudes.value.status_code, claudes.value.body["error"]["type"]) == (402, "billing_error")  # type: ignore[index]
    rows = since.rows(5)  # five calls, five requests
    assert {(row["outcome"], row["refusal_code"], row["refusal_rule"]) for row in rows} == {
        ("refused", "budget_spent", "little")
    }
    assert since.served == []


def test_codex_is_told_of_a_spent_cap_in_its_own_words(
    capped: Running, new_person: Callable[[], str]
) -> None:
    proxy = new_person()
    spend(capped, proxy)
    with Tunnel(capped, proxy, "api.openai.com") as tunnel:
        answer = tunnel.ask(
            "/v1/responses",
            {"model": "gpt-5.1", "input": "hi", "stream": True},
            user_agent="codex_cli_rs/0.169.0",
        )
    assert (answer.status, answer.json["error"]["type"]) == (429, "usage_limit_reached")
    assert answer.json["error"]["resets_at"] > 0
    assert "budget 'little'" in (answer.header("x-codex-promo-message") or "")


def test_counting_tokens_is_free_also_when_the_cap_is_spent(
    capped: Running, new_person: Callable[[], str]
) -> None:
    proxy = new_person()
    spend(capped, proxy)
    since = Since(capped)
    with Tunnel(capped, proxy) as tunnel:
        body = claude()
        del body["max_tokens"]
        assert tunnel.ask("/v1/messages/count_tokens", body).json["input_tokens"] > 0
    assert (since.row()["outcome"], since.row()["charged_nusd"]) == ("ok", 0)


@pytest.mark.parametrize(
    ("host", "path", "body", "cut"),
    [
        pytest.param(
            "api.openai.com",
            "/v1/chat/completions",
            gpt() | {"model": "gpt-4.1"},
            lambda answer: answer["choices"][0]["finish_reason"] == "length",
            id="chat",
        ),
        pytest.param(
            "api.openai.com",
            "/v1/chat/completions",
            gpt(n=3) | {"model": "gpt-4.1"},
            lambda answer: {choice["finish_reason"] for choice in answer["choices"]} == {"length"},
            id="three choices",
        ),
        pytest.param(
            "api.anthropic.com",
            "/v1/messages",
            claude() | {"max_tokens": 5000},
            lambda answer: answer["stop_reason"] == "max_tokens",
            id="anthropic",
        ),
        pytest.param(
            "generativelanguage.googleapis.com",
            "/v1beta/models/gemini-2.5-pro:generateContent",
            gemini(),
            lambda answer: answer["candidates"][0]["finishReason"] == "MAX_TOKENS",
            id="gemini",
        ),
    ],
)
def test_a_json_answer_is_limited_to_what_the_cap_carries(
    capped: Running,
    new_person: Callable[[], str],
    host: str,
    path: str,
    body: dict[str, Any],
    cut: Callable[[Any], bool],
) -> None:
    proxy, since = new_person(), Since(capped)
    with Tunnel(capped, proxy, host) as tunnel:
        answer = tunnel.ask(path, body, x_demo_output_tokens="5000")
    assert answer.status == 200
    assert cut(answer.json)
    limit = int(answer.header("x-sluiceway-output-limited-to") or 0)
    row = since.matching()
    assert row["output_tokens"] == limit * body.get("n", 1)
    assert 0.8 * CAP_NUSD < row["charged_nusd"] <= CAP_NUSD


def test_an_encoded_body_that_is_limited_goes_on_without_its_encoding(
    capped: Running, new_person: Callable[[], str]
) -> None:
    proxy, since = new_person(), Since(capped)
    body = gzip.compress(json.dumps(claude() | {"max_tokens": 5000}).encode())
    with Tunnel(capped, proxy) as tunnel:
        answer = tunnel.ask("/v1/messages", body, content_encoding="gzip", x_demo_output_tokens="5000")
    assert answer.json["stop_reason"] == "max_tokens"
    assert "content-encoding" not in since.header_names
    since.matching()


def test_money_that_is_only_reserved_is_waited_for(capped: Running, new_person: Callable[[], str]) -> None:
    proxy, since = new_person(), Since(capped)
    first: list[int] = []

    def stream() -> None:
        with Tunnel(capped, proxy) as tunnel:
            # Holds 90 tokens' worth, and then needs ten.
            body = claude(stream=True) | {"max_tokens": 90}
            answer = tunnel.ask(
                "/v1/messages", body, x_demo_events="10", x_demo_fault="slow;first=0.1;between=0.05"
            )
            first.append(answer.status)

    thread = threading.Thread(target=stream)
    thread.start()
    while not since.served:
        threading.Event().wait(0.01)
    with Tunnel(capped, proxy) as tunnel:
        second = tunnel.ask("/v1/messages", claude() | {"max_tokens": 60}, x_demo_output_tokens="60")
    thread.join()
    assert (first, second.status) == ([200], 200)
    assert second.json["usage"]["output_tokens"] == 60
    rows = since.rows(2)
    assert rows[1]["started_at"] < rows[0]["ended_at"] < rows[1]["ended_at"]
    assert {row["outcome"] for row in rows} == {"ok"}


def test_money_that_stays_reserved_is_a_retryable_429(fresh: type[Running]) -> None:
    running = fresh(budgets=f"[{CAP}]", wait_s=0.2)
    proxy, since = running.add("alice"), Since(running)
    with Tunnel(running, proxy) as tunnel, Tunnel(running, proxy) as other:
        tunnel.send(tunnel.request("/v1/messages", claude() | {"max_tokens": 90}, x_demo_fault="hang"))
        while not since.served:
            threading.Event().wait(0.01)
        answer = other.ask("/v1/messages", claude() | {"max_tokens": 60})
    assert (answer.status, answer.json["error"]["type"]) == (429, "rate_limit_error")
    assert answer.header("x-should-retry") == "true"
    assert int(answer.header("retry-after") or 0) <= 30
    assert answer.header("x-sluiceway-refused") == "budget_busy"
