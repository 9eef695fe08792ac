"""Failover on the wire: whatever a provider does before its first byte, the client of a stream sees one clean
answer, each attempt is a row, and no reservation is left."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import anthropic
import openai
import pytest

from sluiceway.app.explain import explain
from sluiceway.app.question import Question
from sluiceway.demo.credentials import presented
from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway import degrading
from sluiceway.gateway.attempts import Tried
from sluiceway.gateway.breaker import Ending
from sluiceway.gateway.ways import Way
from sluiceway.settings.config import Upstream
from sluiceway.types import Step
from tests.e2e.running import Running
from tests.e2e.since import Row, Since

pytestmark = pytest.mark.e2e

KEYS = {
    "anthropic": "sk-ant-api03-the-companys",
    "openai": "sk-proj-the-companys",
    "openrouter": "sk-or-v1-the-companys",
    "vertex": "ya29.the-companys",
    "groq": "gsk_the-companys",
    "xai": "xai-the-companys",
    "mistral": "the-companys-mistral-key",
}
POLICY = """
routes:
  - {name: resilient, match: {model: claude-haiku-4-5},
     failover: [{provider: openrouter, model: anthropic/claude-haiku-4.5}, {provider: vertex, model:
     claude-haiku-4-5}]}
  - {name: gpt, match: {model: gpt-4.1}, failover: [{provider: groq, model: llama-3.3-70b-versatile}]}
  - {name: dear, match: {model: gpt-4.1-nano}, failover: [{model: gpt-4}]}
  - {name: compare, match: {model: gpt-4o-mini},
     mirror: {to: {provider: groq, model: llama-3.3-70b-versatile}, percent: 100, budget_usd_per_day: 1}}
  - {name: poor, match: {model: gpt-4.1-mini},
     mirror: {to: {provider: groq, model: llama-3.3-70b-versatile}, percent: 100, budget_usd_per_day:
     0.000001}}
inject:
  - {name: elsewhere, match: {model: "codestral-*"}, keys: [{key: mistral-key, host: codestral.mistral.ai}]}
  - {name: pool, match: {model: gpt-4o}, keys: [{key: pool-a}, {key: pool-b, weight: 2}]}
  - {name: small, match: {model: o4-mini}, keys: [{key: pool-a, limit_requests_per_minute: 2}]}
  - {name: for-all}
"""
POOL = {"pool-a": "sk-proj-of-pool-a", "pool-b": "sk-proj-of-pool-b"}
HI: list[Any] = [{"role": "user", "content": "Say hello."}]
SONNET, ROUTER = "anthropic/claude-haiku-4-5", "openrouter/anthropic/claude-haiku-4.5"
VERTEX = "vertex/claude-haiku-4-5@20251001"
# What a provider may do before the first byte, and the word for it in the route and the row.
FAULTS = {
    "refuses": ("refuse", "connection_lost", None),
    "hangs": ("hang", "first_byte_timeout", None),
    "is slow to begin": ("slow;first=5", "first_byte_timeout", None),
    "429": ("429;retry-after=30", "429", 429),
    "500": ("500", "500", 500),
    "503": ("503", "503", 503),
    "529": ("529", "529", 529),
    "an error event first": ("stream-error;after=0", "error_event", 200),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("failover"), latency=NO_LATENCY, patience_s=3)
    providers = started.deployment.settings.rules / "providers.yaml"
    text = providers.read_text()
    own = "  - name: vertex\n    fills: {project: acme-1, location: global}\n"
    providers.write_text(text.replace("  - name: vertex\n", own))
    started.set_rules("20-routes", POLICY)
    for provider, secret in KEYS.items():
        if provider != "openai":
            started.add_key(f"{provider}-key", provider, secret)
    for label, secret in POOL.items():
        started.add_key(label, "openai", secret)
    started.add_key("newest", "openai", KEYS["openai"])
    started.service.gateway.parts.bounds = Upstream(first_event_s=0.4, retry_s=1)
    yield started
    started.stop()


@pytest.fixture(autouse=True)
def sound(running: Running) -> Iterator[None]:
    """Each test begins with providers that answer, keys that do not rest and closed breakers; it ends with
    nothing reserved and counters that equal the ledger."""
    yield
    running.on.call(running.providers.clear_faults)
    assert running.service.store
    store = running.service.store
    for _ in range(100):
        if store.status()["open_reservations"] == 0:
            break
        threading.Event().wait(0.02)
    assert store.status()["open_reservations"] == 0
    assert store.verify() == []
    parts = running.service.gateway.parts
    running.on.call(lambda: parts.breakers.__init__(changed=parts.breakers.changed))  # type: ignore[misc]


@pytest.fixture(scope="module")
def alice(running: Running) -> str:
    return running.add("alice")


@pytest.fixture(autouse=True)
def environment(running: Running, alice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", alice)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setenv("SSL_CERT_FILE", str(running.deployment.settings.certs / "bundle.pem"))


@pytest.fixture
def claude() -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sluiceway", max_retries=0)


@pytest.fixture
def gpt() -> openai.OpenAI:
    return openai.OpenAI(api_key="sluiceway", max_retries=0)


@pytest.fixture
def since(running: Running) -> Since:
    return Since(running)


def streamed(
    claude: anthropic.Anthropic, model: str = "claude-haiku-4-5"
) -> tuple[str, anthropic.types.Message]:
    """The route by its header, and the message as the SDK put it together from its events."""
    with claude.messages.stream(model=model, max_tokens=40, messages=HI) as stream:
        message = stream.get_final_message()
        return stream.response.headers["x-sluiceway-route"], message


def told(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(row["attempt"], row["provider"], row["outcome"], row["status"]) for row in rows]


@pytest.mark.parametrize(("fault", "reason", "status"), FAULTS.values(), ids=FAULTS.keys())
def test_the_client_of_a_stream_sees_one_clean_answer(
    running: Running,
    claude: anthropic.Anthropic,
    since: Since,
    fault: str,
    reason: str,
    status: int | None,
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", fault))
    route, message = streamed(claude)
    assert route == f"{SONNET}({reason})>{ROUTER}"
    assert message.stop_reason == "end_turn"
    failed, served = since.rows(2)
    assert told([failed, served]) == [
        (1, "anthropic", "upstream_error", None),
        (2, "openrouter", "ok", 200),
    ]
    assert (failed["upstream_status"], failed["route_path"]) == (status, SONNET)
    assert (served["route_path"], served["route_rule"]) == (route, "resilient")
    assert served["request_id"] == failed["request_id"]
    assert served["output_tokens"] == message.usage.output_tokens
    # What may have been seen may be billed: its input, by our estimate.
    charged = failed["charged_nusd"] > 0
    assert charged is (reason in ("connection_lost", "first_byte_timeout"))


def test_each_provider_gets_its_own_key_and_no_other(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "529"))
    running.on.call(lambda: running.providers.fault("openrouter", "529"))
    route, message = streamed(claude)
    assert route == f"{SONNET}(529)>{ROUTER}(529)>{VERTEX}"
    assert message.content
    for served, name in zip(since.served, ("anthropic", "openrouter", "vertex"), strict=True):
        header = "x-api-key" if name == "anthropic" else "authorization"
        assert served.credentials == presented({header: KEYS[name]}, {}), name


def test_anthropic_on_vertex_comes_back_as_anthropic(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    for provider in ("anthropic", "openrouter"):
        running.on.call(lambda provider=provider: running.providers.fault(provider, "500"))
    message = claude.messages.create(model="claude-haiku-4-5", max_tokens=400, messages=HI)
    assert message.stop_reason == "end_turn"
    row = since.rows(3)[-1]
    assert (row["provider"], row["dialect"], row["upstream_dialect"]) == (
        "vertex",
        "anthropic_messages",
        "anthropic_vertex",
    )
    assert since.served[-1].path.endswith(
        "/v1/projects/acme-1/locations/global/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict"
    )
    assert row["usage_source"] == "reported"


def test_an_answer_that_is_no_stream_is_only_passed_on_whole(
    running: Running, gpt: openai.OpenAI, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("openai", "cut"))
    answer = gpt.chat.completions.create(model="gpt-4.1", messages=HI)
    assert answer.choices[0].message.content
    failed, served = since.rows(2)
    assert (failed["outcome"], failed["error_type"], served["provider"]) == (
        "upstream_error",
        "connection_lost",
        "groq",
    )
    assert failed["charged_nusd"] > 0


def test_after_the_first_byte_there_is_an_honest_error_and_no_other_attempt(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "cut;after=3"))
    with pytest.raises(anthropic.APIStatusError) as caught:
        streamed(claude)
    assert caught.value.body["error"]["type"] == "api_error"
    assert told(since.rows(1)) == [(1, "anthropic", "truncated", 200)]


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_what_is_the_requests_own_fault_is_not_asked_elsewhere(
    running: Running, claude: anthropic.Anthropic, since: Since, status: int
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", str(status)))
    with pytest.raises(anthropic.APIStatusError) as caught:
        streamed(claude)
    assert caught.value.status_code == status
    assert told(since.rows(1)) == [(1, "anthropic", "upstream_error", status)]


def test_if_all_fail_the_client_gets_the_last_ones_own_answer(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    for provider, fault in (("anthropic", "529"), ("openrouter", "500"), ("vertex", "503;retry-after=9")):
        running.on.call(lambda p=provider, f=fault: running.providers.fault(p, f))
    with pytest.raises(anthropic.APIStatusError) as caught:
        streamed(claude)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "9"
    assert "x-sluiceway-refused" not in caught.value.response.headers
    assert [row["status"] for row in since.rows(3)] == [None, None, 503]


def test_a_key_of_ones_own_is_asked_once(running: Running, since: Since) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "529"))
    with pytest.raises(anthropic.APIStatusError) as caught:
        streamed(anthropic.Anthropic(api_key="sk-ant-api03-whose", max_retries=0))
    assert caught.value.status_code == 529
    assert len(since.rows(1)) == 1


def test_a_lone_target_that_asks_for_a_short_pause_is_asked_once_more(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "429;retry-after=1", times=1))
    route, _message = streamed(claude, "claude-opus-4-5")
    assert route == "anthropic/claude-opus-4-5(429)>anthropic/claude-opus-4-5"
    assert told(since.rows(2)) == [
        (1, "anthropic", "upstream_error", None),
        (2, "anthropic", "ok", 200),
    ]


def test_a_longer_pause_is_the_clients_to_make(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "429;retry-after=7", times=1))
    with pytest.raises(anthropic.RateLimitError) as caught:
        streamed(claude, "claude-opus-4-5")
    assert caught.value.response.headers["retry-after"] == "7"
    assert len(since.rows(1)) == 1


@pytest.mark.parametrize(("fault", "status"), [("529", 529), ("refuse", 502)], ids=["answered", "lost"])
def test_a_next_attempt_that_no_cap_carries_leaves_the_first_answer(
    running: Running, since: Since, monkeypatch: pytest.MonkeyPatch, fault: str, status: int
) -> None:
    """The header names who was asked, and not who would have been."""
    scope = f"scope: {{employee: bob-{fault}}}"
    tiny = f"{{name: tiny, {scope}, limit_usd: 0.0005, window: lifetime}}"
    running.set_rules("10-test", f"budgets: [{tiny}]\n")
    monkeypatch.setenv("HTTPS_PROXY", running.add(f"bob-{fault}"))
    gpt = openai.OpenAI(api_key="sluiceway", max_retries=0)
    try:
        running.on.call(lambda: running.providers.fault("openai", fault, times=1))
        with pytest.raises(openai.APIStatusError) as caught:
            gpt.chat.completions.create(model="gpt-4.1-nano", messages=HI, max_tokens=20)
        assert caught.value.status_code == status
        assert caught.value.response.headers["x-sluiceway-route"] == "openai/gpt-4.1-nano"
        failed, turned_down = since.rows(2)
    finally:
        running.set_rules("10-test", "budgets: []\n")
    assert (failed["attempt"], failed["outcome"]) == (1, "upstream_error")
    assert (failed["charged_nusd"] == 0) == (fault == "529")  # of what was lost the input may be billed
    assert (turned_down["attempt"], turned_down["outcome"]) == (2, "refused")
    assert (turned_down["refusal_code"], turned_down["status"]) == ("budget_spent", status)


def test_a_breaker_opens_spares_the_next_its_wait_and_lets_one_probe_through(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("anthropic", "500"))
    for _ in range(5):
        streamed(claude)
    rows = since.rows(10)
    assert len(rows) == 10
    now = Since(running)
    route, _message = streamed(claude)
    assert ROUTER in route
    assert [row["provider"] for row in now.rows(1)] == ["openrouter"]
    parts = running.service.gateway.parts
    (breaker,) = (each for each in parts.breakers._known.values() if each.state == "open")
    place = {"provider": "anthropic", "model": "claude-haiku-4-5", "key": "anthropic-key"}
    assert running.on.call(running.service.status)["breakers"] == [place | {"state": "open"}]
    running.on.call(running.providers.clear_faults)
    breaker.until_s = 0.0  # its time is over
    probing = Since(running)
    assert streamed(claude)[0] == SONNET
    assert [row["provider"] for row in probing.rows(1)] == ["anthropic"]
    assert running.service.store
    day = datetime.now(UTC)
    for _ in range(100):
        found = running.service.store.events.list(day - timedelta(days=1), day + timedelta(days=1))
        history = [each for each in found if each.kind.startswith("breaker_")]
        if len(history) >= 3:
            break
        threading.Event().wait(0.02)
    assert [each.kind for each in history] == ["breaker_open", "breaker_half_open", "breaker_closed"]
    assert history[0].detail == place | {"reason": "500"}
    assert running.on.call(running.service.status)["breakers"] == []
    figures = parts.metrics.text().decode()
    assert 'sluiceway_breaker_changes_total{provider="anthropic",state="open"} 1.0' in figures
    assert 'sluiceway_failovers_total{provider="anthropic",reason="500"}' in figures


def trip(running: Running, provider: str) -> None:
    """Opens the breaker of the one model that was asked at a provider."""
    breakers = running.service.gateway.parts.breakers
    (place,) = (place for place in breakers._known if place.target.provider == provider)

    def fail() -> None:
        for _ in range(5):
            breakers.ended(breakers.insist(place), Ending("failure", "500"), time.monotonic())

    running.on.call(fail)


def test_a_probe_that_streams_closes_its_breaker_with_its_first_event(
    running: Running, claude: anthropic.Anthropic
) -> None:
    streamed(claude)
    trip(running, "anthropic")
    breakers = running.service.gateway.parts.breakers
    (breaker,) = (each for each in breakers._known.values() if each.state == "open")
    breaker.until_s = 0.0  # its time is over
    running.on.call(lambda: running.providers.fault("anthropic", "hold", times=1))
    with claude.messages.stream(model="claude-haiku-4-5", max_tokens=40, messages=HI) as stream:
        assert next(iter(stream))
        for _ in range(100):
            if not breakers.states():
                break
            threading.Event().wait(0.02)
        assert breakers.states() == []
        running.on.call(running.providers.release)
        stream.until_done()


def test_explain_asks_the_running_serve_who_does_not_answer(
    running: Running, claude: anthropic.Anthropic
) -> None:
    streamed(claude)
    trip(running, "anthropic")
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": HI}
    url = "https://api.anthropic.com/v1/messages"
    found = explain(running.deployment, Question("alice", url, json.dumps(body).encode()))
    said = f"{SONNET} is not answering at the moment: {ROUTER} is asked at once"
    assert Step("breaker", "resilient", said) in found.trail


def test_a_failed_answer_is_let_go_when_the_next_attempt_breaks(
    running: Running, gpt: openai.OpenAI, since: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[int] = []
    paid, let_go = degrading.reserve_for, Tried.let_go

    async def breaks(way: Way, *more: Any) -> Any:
        if way.exchange.attempt > 1:
            raise ConnectionResetError  # the client has gone meanwhile
        return await paid(way, *more)

    def noted(self: Tried) -> None:
        gone.append(self.answer.status if self.answer else 0)
        let_go(self)

    monkeypatch.setattr(degrading, "reserve_for", breaks)
    monkeypatch.setattr(Tried, "let_go", noted)
    running.on.call(lambda: running.providers.fault("openai", "529", times=1))
    with pytest.raises(openai.APIConnectionError):
        gpt.chat.completions.create(model="gpt-4.1", messages=HI)
    since.rows(1)
    assert gone == [529]


# What is tried of one provider, and whether the next is asked.
SOUND, WRONG = ("", "400")
BROKEN = ("refuse", "429;retry-after=30", "500", "529", "stream-error;after=0")
CHAIN = (("anthropic", SONNET), ("openrouter", ROUTER), ("vertex", VERTEX))


@pytest.mark.parametrize("seed", range(24))
def test_whatever_the_faults_the_first_that_can_answer_does(
    running: Running, claude: anthropic.Anthropic, since: Since, seed: int
) -> None:
    chance = Random(seed)
    faults = [chance.choice((*BROKEN, SOUND, WRONG)) for _ in CHAIN]
    if faults[-1] == BROKEN[-1]:
        faults[-1] = "503"  # the simulated Vertex puts an error in a stream in Google's words, for any model
    for (provider, _target), fault in zip(CHAIN, faults, strict=True):
        if fault:
            running.on.call(lambda p=provider, f=fault: running.providers.fault(p, f, times=1))
    last = next((n for n, fault in enumerate(faults) if fault in (SOUND, WRONG)), len(CHAIN) - 1)
    try:
        route, message = streamed(claude)
        assert message.content
        said = "ok"
    except anthropic.APIError as error:
        response = getattr(error, "response", None)
        route, said = (response.headers["x-sluiceway-route"] if response else ""), "error"
    rows = since.rows(last + 1)
    assert said == ("ok" if faults[last] == SOUND else "error")
    assert [row["provider"] for row in rows] == [provider for provider, _ in CHAIN[: last + 1]]
    assert [row["attempt"] for row in rows] == list(range(1, last + 2))
    assert route.split(">")[-1] == CHAIN[last][1]
    assert sum(row["outcome"] == "ok" for row in rows) == (said == "ok")


def test_a_conversation_stays_where_it_failed_over_to(
    running: Running, claude: anthropic.Anthropic, since: Since
) -> None:
    told_apart: Any = {"user_id": "user_1_account__session_6f9c1a52-0000-4000-8000-000000000001"}
    ask: Any = {"model": "claude-haiku-4-5", "max_tokens": 20, "messages": HI, "metadata": told_apart}
    running.on.call(lambda: running.providers.fault("anthropic", "529", times=1))
    claude.messages.create(**ask)
    claude.messages.create(**ask)
    rows = since.rows(3)
    assert [row["provider"] for row in rows] == ["anthropic", "openrouter", "openrouter"]
    assert len({row["conversation_id"] for row in rows} - {None}) == 1


def test_a_429_of_one_key_is_answered_with_the_next_of_its_pool_and_rests_that_key_alone(
    running: Running, gpt: openai.OpenAI, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("openai", "429;retry-after=60", times=1))
    for _ in range(4):
        gpt.chat.completions.create(model="gpt-4o", messages=HI)
    rows = since.rows(5)
    assert [row["provider"] for row in rows] == ["openai"] * 5
    limited, *others = [row["key_fingerprint"] for row in rows]
    assert limited not in others
    assert len(set(others)) == 1


def test_a_key_past_its_own_limit_is_not_used(running: Running, gpt: openai.OpenAI, since: Since) -> None:
    for _ in range(2):
        gpt.chat.completions.create(model="o4-mini", messages=HI)
    with pytest.raises(openai.RateLimitError) as caught:
        gpt.chat.completions.create(model="o4-mini", messages=HI)
    assert caught.value.response.headers["x-sluiceway-refused"] == "keys_limited"
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 30
    assert [row["outcome"] for row in since.rows(3)] == ["ok", "ok", "refused"]
    assert len(since.served) == 2


def test_a_keys_limit_is_taken_before_the_wait_for_money_and_not_after(
    running: Running, since: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One streams, one waits for it to end: the key's two requests of this minute are both taken."""
    running.set_rules("10-test", "budgets: [{name: one, scope: {employee: erin}, limit_concurrent: 1}]\n")
    monkeypatch.setenv("HTTPS_PROXY", running.add("erin"))
    gpt = openai.OpenAI(api_key="sluiceway", max_retries=0)
    running.on.call(running.service.gateway.parts.key_limits._buckets.clear)
    running.on.call(lambda: running.providers.fault("openai", "hold", times=1))
    ask: Any = {"model": "o4-mini", "messages": HI}
    try:
        first = gpt.chat.completions.create(stream=True, **ask)
        assert next(iter(first))
        waits = threading.Thread(target=lambda: gpt.chat.completions.create(**ask))
        waits.start()
        for _ in range(100):
            if running.service.gateway.in_flight == 2:
                break
            threading.Event().wait(0.02)
        with pytest.raises(openai.RateLimitError) as caught:
            gpt.chat.completions.create(**ask)
        assert caught.value.response.headers["x-sluiceway-refused"] == "keys_limited"
        assert "the rule 'small'" in caught.value.message and "#ai-platform" in caught.value.message
        running.on.call(running.providers.release)
        assert list(first)
        waits.join(10)
    finally:
        running.set_rules("10-test", "budgets: []\n")
    assert sorted(row["outcome"] for row in since.rows(3)) == ["ok", "ok", "refused"]


def test_a_key_of_a_pool_may_be_for_an_endpoint_of_its_own(running: Running, since: Since) -> None:
    mistral = openai.OpenAI(base_url="https://api.mistral.ai/v1", api_key="sluiceway", max_retries=0)
    mistral.chat.completions.create(model="codestral-2508", messages=HI)
    assert since.row()["host"] == "codestral.mistral.ai"
    (served,) = since.served
    assert served.host == "codestral.mistral.ai"
    assert served.credentials == presented({"authorization": KEYS["mistral"]}, {})


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_mirror_has_a_row_and_a_budget_of_its_own_and_shows_nobody_its_answer(
    running: Running, gpt: openai.OpenAI, since: Since, stream: bool
) -> None:
    asked: Any = {"model": "gpt-4o-mini", "messages": HI, "stream": stream}
    answer = gpt.chat.completions.create(**asked)
    if stream:
        assert list(answer)
    own, copied = sorted(since.rows(2), key=lambda row: str(row["principal"]))
    assert (own["principal"], own["provider"], own["outcome"]) == ("alice", "openai", "ok")
    assert (copied["principal"], copied["team"], copied["project"]) == ("mirror", "mirror", "compare")
    assert (copied["provider"], copied["outcome"], copied["status"]) == ("groq", "ok", None)
    assert (copied["route_rule"], copied["upstream_status"]) == ("compare", 200)
    assert copied["route_path"] == "mirror>groq/llama-3.3-70b-versatile"
    assert copied["usage_source"] == "reported"
    assert copied["request_id"].startswith(own["request_id"])


def test_a_mirror_whose_provider_fails_is_nothing_to_the_client(
    running: Running, gpt: openai.OpenAI, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("groq", "refuse"))
    gpt.chat.completions.create(model="gpt-4o-mini", messages=HI)
    assert sorted(row["outcome"] for row in since.rows(2)) == ["ok", "upstream_error"]


def test_a_mirror_that_breaks_off_is_charged_for_what_came(
    running: Running, gpt: openai.OpenAI, since: Since
) -> None:
    running.on.call(lambda: running.providers.fault("groq", "cut;after=3", times=1))
    assert list(gpt.chat.completions.create(model="gpt-4o-mini", messages=HI, stream=True))
    _own, copied = sorted(since.rows(2), key=lambda row: str(row["principal"]))
    assert (copied["principal"], copied["outcome"], copied["upstream_status"]) == ("mirror", "truncated", 200)
    assert copied["usage_source"] == "estimated" and copied["output_tokens"] > 0


def test_a_mirror_without_money_or_room_is_dropped_and_counted(
    running: Running, gpt: openai.OpenAI, since: Since
) -> None:
    gpt.chat.completions.create(model="gpt-4.1-mini", messages=HI)
    own, copied = sorted(since.rows(2), key=lambda row: str(row["principal"]))
    assert (own["outcome"], copied["outcome"], copied["refusal_rule"]) == ("ok", "refused", "poor")
    parts, now = running.service.gateway.parts, Since(running)
    parts.copies._most = 0
    try:
        gpt.chat.completions.create(model="gpt-4o-mini", messages=HI)
        for _ in range(100):
            figures = parts.metrics.text().decode()
            if 'ending="busy"' in figures:
                break
            threading.Event().wait(0.02)
    finally:
        parts.copies._most = parts.bounds.mirrors
    assert len(now.rows(1)) == 1
    assert 'sluiceway_mirrors_total{ending="busy"} 1.0' in figures
    assert 'sluiceway_mirrors_total{ending="no_money"} 1.0' in figures


def test_caps_hold_while_attempts_fail_at_random(
    running: Running, since: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty requests at once over a provider that fails half of the time: nobody is over, nothing is lost.
    What cannot be paid elsewhere gets the first one's own answer."""
    some = "{name: some, scope: {employee: carol}, limit_usd: 0.005, window: lifetime}"
    running.set_rules("10-test", f"budgets: [{some}]\n")
    monkeypatch.setenv("HTTPS_PROXY", running.add("carol"))
    claude = anthropic.Anthropic(api_key="sluiceway", max_retries=0)
    words = ("529", "refuse", "429;retry-after=1", "cut")
    for word in words * 5:
        running.on.call(lambda word=word: running.providers.fault("anthropic", word, times=1))
    endings: list[str] = []

    def one() -> None:
        try:
            claude.messages.create(model="claude-haiku-4-5", max_tokens=40, messages=HI)
            endings.append("ok")
        except anthropic.APIStatusError as error:
            endings.append(str(error.status_code))

    threads = [threading.Thread(target=one) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    try:
        assert set(endings) <= {"ok", "402", "429", "502", "529"}
        spent = sum(row["charged_nusd"] for row in since.settled(40))
        assert 0 < spent <= int(Decimal("0.005") * 10**9)
    finally:
        running.set_rules("10-test", "budgets: []\n")
