"""Requests that are wrong, hostile or odd: a clear no, a row, and nothing forwarded that was not judged."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import brotli
import orjson
import pytest
import zstandard

from sluiceway.demo.pace import NO_LATENCY
from sluiceway.gateway.parts import GatewayParts
from sluiceway.types import Call, Outcome
from sluiceway.wire.anthropic import AnthropicMessages
from sluiceway.wire.dialect import Reading, Tap, Target
from tests.e2e.raw_provider import RawProvider
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import CANARY, Answer, Tunnel, claude, gemini, gpt

pytestmark = pytest.mark.e2e

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture
def tunnel(quick: Running, alice: str) -> Iterator[Tunnel]:
    with Tunnel(quick, alice) as tunnel:
        yield tunnel


@pytest.fixture
def openai(quick: Running, alice: str) -> Iterator[Tunnel]:
    with Tunnel(quick, alice, "api.openai.com") as tunnel:
        yield tunnel


def refused(answer: Answer, since: Since, status: int, code: str) -> None:
    """The no came, is in the ledger, and nothing was forwarded."""
    assert (answer.status, answer.header("x-sluiceway-refused")) == (status, code)
    row = since.row()
    assert (row["outcome"], row["status"], row["refusal_code"]) == ("refused", status, code)
    assert (row["cost_nusd"], row["charged_nusd"], row["principal"]) == (0, 0, "alice")
    assert since.served == []
    assert row["request_id"] == answer.header("x-sluiceway-request-id")


# Bodies


@pytest.mark.parametrize(
    ("host", "path", "body", "words"),
    [
        pytest.param("api.anthropic.com", "/v1/messages", b"", "the body is empty", id="empty"),
        pytest.param(
            "api.anthropic.com", "/v1/messages", b'{"model":"' + CANARY.encode(), "not valid JSON", id="cut"
        ),
        pytest.param("api.anthropic.com", "/v1/messages", b"[]", "not a JSON object", id="list"),
        pytest.param("api.anthropic.com", "/v1/messages", b"{}", "messages: a list", id="nothing in it"),
        pytest.param("api.anthropic.com", "/v1/messages", b"\xff\xfe{}", "not valid JSON", id="not UTF-8"),
        pytest.param(
            "api.anthropic.com",
            "/v1/messages",
            orjson.dumps(claude() | {"max_tokens": CANARY}),
            "max_tokens: must be a positive whole number",
            id="max_tokens a string",
        ),
        pytest.param(
            "api.anthropic.com",
            "/v1/messages",
            b'{"messages":' + b"[" * 1000 + b"]" * 1000 + b"}",
            "nested more than",
            id="deep",
        ),
        pytest.param(
            "api.openai.com", CHAT, orjson.dumps(gpt() | {"model": 7}), "model: ", id="model a number"
        ),
        pytest.param(
            "api.openai.com", CHAT, orjson.dumps(gpt() | {"stream": CANARY}), "stream: ", id="stream a string"
        ),
        pytest.param(
            "api.openai.com", CHAT, orjson.dumps(gpt() | {"n": 10**6}), "n: must be at most", id="n too many"
        ),
        pytest.param(
            "generativelanguage.googleapis.com",
            "/v1beta/models/gemini-2.5-flash:generateContent",
            orjson.dumps(gemini(model="models/gemini-2.5-pro")),
            "model: differs from the model in the path",
            id="two models",
        ),
    ],
)
def test_a_body_that_is_wrong_is_400_and_names_the_field(
    quick: Running, alice: str, since: Since, host: str, path: str, body: bytes, words: str
) -> None:
    with Tunnel(quick, alice, host) as tunnel:
        answer = tunnel.ask(path, body)
    refused(answer, since, 400, "malformed_request")
    assert words in answer.json["error"]["message"]
    assert CANARY.encode() not in answer.body


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_of_a_key_given_twice_the_one_that_was_judged_is_forwarded(
    tunnel: Tunnel, since: Since, encoding: str | None
) -> None:
    body = orjson.dumps(claude()).replace(b'{"model"', b'{"model":"claude-opus-4-5","model"', 1)
    if encoding:
        answer = tunnel.ask("/v1/messages", gzip.compress(body), content_encoding="gzip")
    else:
        answer = tunnel.ask("/v1/messages", body)
    assert answer.json["model"].startswith("claude-sonnet-4-5")
    assert since.matching()["model_requested"] == "claude-sonnet-4-5"
    assert "content-encoding" not in since.header_names


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_an_encoded_body_is_judged_decoded_and_forwarded_as_it_came(
    fresh: type[Running], tmp_path: Path, encoding: str
) -> None:
    body = ENCODERS[encoding](orjson.dumps(claude()))
    empty = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    with RawProvider(tmp_path, lambda provider: provider.send(empty)) as provider:
        running = fresh(upstream=provider.upstream)
        proxy, since = running.add("alice"), Since(running)
        with Tunnel(running, proxy) as tunnel:
            assert tunnel.ask("/v1/messages", body, content_encoding=encoding).status == 200
    assert since.row()["model_requested"] == "claude-sonnet-4-5"
    (request,) = provider.requests
    assert request.endswith(b"\r\n\r\n" + body)
    assert f"content-encoding: {encoding}".encode() in request.lower()


@pytest.mark.parametrize("encoding", ENCODERS)
def test_two_hundred_megabytes_in_a_small_body_are_413(tunnel: Tunnel, since: Since, encoding: str) -> None:
    text = b'{"model":"x","messages":"' + b" " * 200_000_000
    answer = tunnel.ask("/v1/messages", ENCODERS[encoding](text), content_encoding=encoding)
    refused(answer, since, 413, "body_too_large")


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        pytest.param("compress", b"{}", 415, "content_encoding", id="unknown"),
        pytest.param("gzip, gzip", gzip.compress(gzip.compress(b"{}")), 415, "content_encoding", id="twice"),
        pytest.param("gzip", b"{}", 400, "malformed_request", id="not encoded at all"),
        pytest.param("gzip", gzip.compress(b"{}")[:-4], 400, "malformed_request", id="cut"),
        pytest.param(
            "gzip", gzip.compress(b"{}") * 2, 400, "malformed_request", id="a second body behind it"
        ),
        pytest.param("zstd", zstandard.compress(b"{}") * 2, 400, "malformed_request", id="a second frame"),
    ],
)
def test_an_encoding_that_does_not_hold_what_it_says(
    tunnel: Tunnel, since: Since, encoding: str, body: bytes, status: int, code: str
) -> None:
    refused(tunnel.ask("/v1/messages", body, content_encoding=encoding), since, status, code)


def test_a_body_that_says_it_is_too_large_is_413_before_it_is_sent(tunnel: Tunnel, since: Since) -> None:
    head = tunnel.request("/v1/messages", None, content_length="33554433", expect="100-continue")
    tunnel.send(head)
    refused(tunnel.answer(), since, 413, "body_too_large")
    assert tunnel.ended()


def test_a_body_that_turns_out_too_large_is_413(fresh: type[Running]) -> None:
    running = fresh(more="limits: {body_bytes: 100000}")
    proxy, since = running.add("alice"), Since(running)
    with Tunnel(running, proxy) as tunnel:
        tunnel.send(tunnel.request("/v1/messages", None, transfer_encoding="chunked"))
        for _ in range(3):
            tunnel.send(b"a000\r\n" + b" " * 0xA000 + b"\r\n")
        refused(tunnel.answer(), since, 413, "body_too_large")


def test_a_body_of_two_megabytes_is_forwarded_whole(tunnel: Tunnel, since: Since) -> None:
    assert tunnel.ask("/v1/messages", claude("long " * 400_000)).status == 200
    assert since.matching()["input_tokens"] > 400_000


# What is not HTTP, or two things at once


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"nonsense " + CANARY.encode() + b"\r\n\r\n", id="nonsense"),
        pytest.param(b"POST /v1/messages HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nhost: x\r\n\r\n", id="two Hosts"
        ),
        pytest.param(
            b"POST /%b HTTP/1.1\r\nhost: api.anthropic.com\r\n\r\n" % (b"x" * 20_000), id="long path"
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nx-a: %b\r\n\r\n" % (b"x" * 70_000),
            id="long header",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n%b\r\n" % (b"x-a: b\r\n" * 300),
            id="many headers",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n"
            b"content-length: 10\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            id="both lengths",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n"
            b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
            id="two lengths",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\ncontent-length: +2\r\n\r\n{}",
            id="signed length",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\n"
            b"transfer-encoding: chunked, identity\r\n\r\n",
            id="chunked is not last",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\ncontent-length : 2\r\n\r\n{}",
            id="space before the colon",
        ),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nx-a: b\r\n c: d\r\n\r\n",
            id="folded header",
        ),
        pytest.param(b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nx-a: b\0c\r\n\r\n", id="NUL"),
        pytest.param(
            b"POST /v1/messages HTTP/1.1\r\nhost: api.anthropic.com\r\nx-a: b\rc\r\n\r\n", id="bare CR"
        ),
        pytest.param(b"POST /v1/messages HTTP/1.1\nhost: api.anthropic.com\n\n", id="bare LF"),
        pytest.param(b"CONNECT api.openai.com:443 HTTP/1.1\r\n\r\n", id="CONNECT without Host"),
        pytest.param(b"GET /v1/models?x=\xe4 HTTP/1.1\r\nhost: api.anthropic.com\r\n\r\n", id="not ASCII"),
    ],
)
def test_bytes_that_are_no_sound_http_request_end_the_connection(
    tunnel: Tunnel, since: Since, head: bytes
) -> None:
    tunnel.send(head)
    answer = tunnel.answer()
    refused(answer, since, 400, "malformed_http")
    assert answer.json["type"] == "error"
    assert CANARY.encode() not in answer.body
    assert tunnel.ended()


@pytest.mark.parametrize("piece", [b"zz\r\n", b"-1\r\n", b"2\r\n{}x\r\n0\r\n\r\n", b"fffffffffffffffff\r\n"])
def test_a_broken_chunk_ends_the_request_and_the_connection(
    tunnel: Tunnel, since: Since, piece: bytes
) -> None:
    tunnel.send(tunnel.request("/v1/messages", None, transfer_encoding="chunked", expect="100-continue"))
    assert tunnel.secure.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    tunnel.send(piece)
    refused(tunnel.answer(), since, 400, "malformed_request")
    assert tunnel.ended()


def test_headers_that_are_too_large_in_sum_are_400(tunnel: Tunnel, since: Since) -> None:
    many = {f"x-{number}": "v" * 8000 for number in range(9)}
    refused(tunnel.ask("/v1/messages", claude(), **many), since, 400, "headers_too_large")


def test_requests_sent_without_waiting_are_answered_in_their_order(tunnel: Tunnel, since: Since) -> None:
    tunnel.send(
        tunnel.request("/v1/messages", claude()) + tunnel.request("/v1/messages", claude(stream=True))
    )
    assert tunnel.answer().header("content-type") == "application/json"
    assert b"message_stop" in tunnel.answer().body
    assert [row["stream"] for row in since.rows(2)] == [0, 1]


def test_a_request_of_http_1_0_is_answered_and_the_connection_closed(tunnel: Tunnel, since: Since) -> None:
    tunnel.send(tunnel.request("/v1/messages", claude(stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    answer = tunnel.answer()
    assert b"message_stop" in answer.body
    assert answer.header("transfer-encoding") is None
    since.matching()


# Where to


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "https://api.anthropic.com/v1/messages"),
        ("POST", "http://api.anthropic.com/v1/messages"),
        ("GET", "https://evil.example/"),
        ("OPTIONS", "*"),
        ("CONNECT", "api.openai.com:443"),
    ],
)
def test_a_target_that_is_no_path_is_refused(tunnel: Tunnel, since: Since, method: str, target: str) -> None:
    refused(tunnel.ask(target, method=method), since, 400, "malformed_target")


@pytest.mark.parametrize(
    "path",
    [
        "//v1/messages",
        "/v1//messages",
        "/v1/messages/",
        "/v1/../v1/messages",
        "/v1/x/../messages",
        "/v1/./messages",
        "/v1/%2e%2e/v1/messages",
        "/v1/messages%2f",
        "/v1%2fmessages",
        "/v1/messages;x=1",
        "/v1\\messages",
        "/V1/messages",
        "/v1/messages#x",
        "/api/../v1/messages",
        "/api/..%2fv1/messages",
        "/v1/skills",
    ],
)
def test_a_path_that_is_not_on_the_list_is_refused_in_the_providers_form(
    tunnel: Tunnel, since: Since, path: str
) -> None:
    answer = tunnel.ask(path, claude())
    refused(answer, since, 400, "path_not_listed")
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert "#ai-platform" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "path", ["/v1/videos", "/v1/responses/#/cancel", "/v1/responses//cancel", "/v1/fine_tuning/jobs"]
)
def test_openais_unlisted_paths_are_403(openai: Tunnel, since: Since, path: str) -> None:
    answer = openai.ask(path, {})
    refused(answer, since, 403, "path_not_listed")
    assert answer.json["error"]["type"] == "permission_error"


def test_a_method_that_is_not_listed_is_refused(tunnel: Tunnel, since: Since) -> None:
    refused(tunnel.ask("/v1/messages", method="GET"), since, 400, "path_not_listed")


def test_a_provider_whose_unlisted_paths_may_pass_still_gets_no_foreign_target(fresh: type[Running]) -> None:
    running = fresh()
    providers = running.deployment.settings.rules / "providers.yaml"
    providers.write_text(providers.read_text().replace("unlisted: refuse", "unlisted: pass"))
    running.on.call(running.service.reload)
    since = Since(running)
    with Tunnel(running, running.add("alice")) as tunnel:
        passed = tunnel.ask("/v1/skills", method="GET")
        row = since.row()
        # Behind the host's name this would be https://api.anthropic.community://x
        foreign = tunnel.ask("munity://x", method="GET")
    assert (passed.status, passed.header("x-sluiceway-refused")) == (404, None)
    assert (row["operation"], row["metered"], row["cost_nusd"]) == ("unlisted", False, None)
    assert (foreign.status, foreign.header("x-sluiceway-refused")) == (400, "malformed_target")


@pytest.mark.parametrize("agent", ["codex_cli_rs/0.169.0", "curl/8"])
def test_a_websocket_that_is_not_listed_is_answered_426_and_the_connection_serves_the_post_that_follows(
    openai: Tunnel, since: Since, quick: Running, agent: str
) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    answer = openai.ask(
        "/v1/embeddings", sec_websocket_key="x3JJHMbDL1EzLkh9GBhXDw==", user_agent=agent, **upgrade
    )
    refused(answer, since, 426, "websocket_not_supported")
    assert since.row()["operation"] == "websocket"
    later = Since(quick)
    assert openai.ask("/v1/responses", {"model": "gpt-4.1-mini", "input": "hi"}).status == 200
    later.matching()


def test_an_upgrade_with_wrong_credentials_is_426_too_and_says_why(quick: Running, since: Since) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    with Tunnel(quick, quick.url("nobody", "swy_wrong"), "api.openai.com") as tunnel:
        answer = tunnel.ask("/v1/responses", sec_websocket_key="x3JJHMbDL1EzLkh9GBhXDw==", **upgrade)
    assert "no employee or service named 'nobody'" in answer.json["error"]["message"]
    assert (answer.status, answer.header("x-sluiceway-refused")) == (426, "credentials_unknown_user")
    row = since.row()
    assert (row["status"], row["refusal_code"], row["operation"]) == (
        426,
        "credentials_unknown_user",
        "websocket",
    )


# Harmless paths


def test_telemetry_passes_unmetered(tunnel: Tunnel, since: Since) -> None:
    answer = tunnel.ask("/api/event_logging/batch", {"events": [CANARY]})
    assert (answer.status, answer.header("x-sluiceway-route")) == (200, "anthropic")
    row = since.row()
    assert (row["metered"], row["outcome"], row["cost_nusd"], row["dialect"]) == (False, "ok", 0, None)
    assert (row["operation"], row["principal"], row["budgeted"]) == ("pass", "alice", False)


def test_a_passed_upload_may_wait_for_100_continue(tunnel: Tunnel, since: Since) -> None:
    head, _, body = tunnel.request("/api/event_logging/batch", {}, expect="100-continue").partition(
        b"\r\n\r\n"
    )
    tunnel.send(head + b"\r\n\r\n")
    assert tunnel.secure.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
    tunnel.send(body)
    assert tunnel.answer().status == 200
    assert since.row()["outcome"] == "ok"


def test_a_head_request_passes_without_a_body(tunnel: Tunnel, quick: Running, since: Since) -> None:
    assert tunnel.ask("/api/hello", method="HEAD").body == b""
    assert tunnel.ask("/v1/messages", claude()).status == 200
    assert [row["outcome"] for row in since.rows(2)] == ["ok", "ok"]


def test_the_list_of_models_passes(openai: Tunnel, since: Since) -> None:
    assert openai.ask("/v1/models").json["data"]
    assert (since.row()["metered"], since.row()["outcome"]) == (False, "ok")


# Our own faults


class Broken:
    """Stands for any part of ours that fails, with a text that must not get out."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"{CANARY} while using {name}")


class BrokenReading(AnthropicMessages):
    """A dialect that cannot read."""

    def read(
        self, target: Target, headers: Mapping[str, str], body: bytes, add_usage: bool = True
    ) -> Reading:
        raise RuntimeError(f"{CANARY}: {body!r}")


class BrokenMetering(AnthropicMessages):
    """A dialect whose tap fails at the fourth chunk."""

    def tap(self, call: Call, status: int, content_type: str) -> Tap:
        tap = super().tap(call, status, content_type)
        feed, left = tap.feed, iter(range(3))

        def failing(chunk: bytes) -> bytes:
            if next(left, None) is None:
                raise RuntimeError(f"{CANARY}: {chunk!r}")
            return feed(chunk)

        tap.feed = failing  # type: ignore[method-assign]  # a tap like any other until then
        return tap


@pytest.fixture
def own(fresh: type[Running]) -> Running:
    """A deployment to break."""
    return fresh(latency=NO_LATENCY, budgets="[{name: all, scope: company, limit_usd: 100, window: month}]")


def break_prices(parts: GatewayParts) -> None:
    parts.rules.prices = Broken()  # type: ignore[assignment]  # that is the point


def break_reading(parts: GatewayParts) -> None:
    parts.dialect_of = lambda name: BrokenReading()


@pytest.mark.parametrize("break_it", [break_prices, break_reading])
def test_a_fault_of_our_own_is_503_in_the_providers_form_and_nothing_is_forwarded(
    own: Running, caplog: pytest.LogCaptureFixture, break_it: Callable[[GatewayParts], None]
) -> None:
    proxy, since = own.add("alice"), Since(own)
    break_it(own.service.gateway.parts)
    with Tunnel(own, proxy) as tunnel:
        answer = tunnel.ask("/v1/messages", claude(CANARY))
    assert_nothing_is_told(caplog)
    assert (answer.status, answer.json["error"]["type"]) == (503, "api_error")
    assert answer.header("x-sluiceway-refused") == "internal_error"
    assert CANARY.encode() not in answer.body
    row = since.row()
    assert (row["outcome"], row["status"], row["charged_nusd"]) == (Outcome.INTERNAL_ERROR, 503, 0)
    assert since.served == []


def test_a_fault_in_mid_stream_breaks_the_connection_and_what_was_seen_is_charged(
    own: Running, caplog: pytest.LogCaptureFixture
) -> None:
    proxy, since = own.add("alice"), Since(own)
    own.service.gateway.parts.dialect_of = lambda name: BrokenMetering()
    with Tunnel(own, proxy) as tunnel:
        question = claude(stream=True)
        tunnel.send(tunnel.request("/v1/messages", question, x_demo_fault="slow;first=0;between=0.02"))
        begun = tunnel.rest()
    assert_nothing_is_told(caplog)
    assert begun.startswith(b"HTTP/1.1 200 OK\r\n")
    assert begun.count(b"HTTP/1.1") == 1  # no second answer within the first
    assert not begun.endswith(b"0\r\n\r\n")
    row = since.row()
    assert (row["outcome"], row["status"]) == (Outcome.INTERNAL_ERROR, 200)
    assert row["charged_nusd"] > 0


def assert_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The fault is in the log by its class, with no word of its text; then the log is emptied."""
    assert "failed: RuntimeError" in caplog.text
    assert CANARY not in caplog.text
    caplog.clear()


def test_an_answer_that_cannot_be_priced_is_charged_what_was_reserved(
    own: Running, caplog: pytest.LogCaptureFixture
) -> None:
    proxy, since = own.add("alice"), Since(own)
    with Tunnel(own, proxy) as tunnel:
        tunnel.send(tunnel.request("/v1/messages", claude(), x_demo_fault="slow;first=0.5"))
        while not since.served:
            threading.Event().wait(0.01)
        break_prices(own.service.gateway.parts)
        assert tunnel.answer().status == 200
    row = since.row()
    assert "could not be priced: RuntimeError" in caplog.text
    assert row["outcome"] == Outcome.INTERNAL_ERROR
    # 7 input tokens at least, and 200 of output.
    assert (row["cost_nusd"], row["charged_nusd"] >= 7 * 3_000 + 200 * 15_000) == (None, True)
