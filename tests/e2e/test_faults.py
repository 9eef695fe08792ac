"""What goes wrong on either side: the client is told in its provider's form, the row says what happened."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import orjson
import pytest
import zstandard

from tests.e2e.raw_provider import Flaw, RawProvider
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.tunnel import Answer, Tunnel, claude, gemini, gpt

pytestmark = pytest.mark.e2e

CLAUDE = ("api.anthropic.com", "/v1/messages")
CHAT = ("api.openai.com", "/v1/chat/completions")
RESPONSES = ("api.openai.com", "/v1/responses")
GEMINI = ("generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:generateContent")
GEMINI_SSE = (GEMINI[0], "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
GEMINI_ARRAY = (GEMINI[0], "/v1beta/models/gemini-2.5-flash:streamGenerateContent")

type Api = tuple[str, str]
type Scripted = Callable[[bytes], tuple[RawProvider, Tunnel, Since]]


def question(api: Api, stream: bool) -> dict[str, Any]:
    if api == CLAUDE:
        return claude(stream=stream)
    if api[0] == GEMINI[0]:
        return gemini()
    if api == RESPONSES:
        return {"model": "gpt-4.1-mini", "input": "hi", "stream": stream}
    return gpt(stream=stream)


JSON_APIS = [
    pytest.param(CLAUDE, id="anthropic"),
    pytest.param(CHAT, id="chat"),
    pytest.param(RESPONSES, id="responses"),
    pytest.param(GEMINI, id="gemini"),
]
STREAM_APIS = [
    pytest.param(CLAUDE, id="anthropic"),
    pytest.param(CHAT, id="chat"),
    pytest.param(RESPONSES, id="responses"),
    pytest.param(GEMINI_SSE, id="gemini events"),
    pytest.param(GEMINI_ARRAY, id="gemini array"),
]


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture
def ask(quick: Running, alice: str) -> Callable[..., Answer]:
    """One request on a connection of its own; keywords are header fields."""

    def ask(api: Api, *, stream: bool = False, fault: str, **headers: str) -> Answer:
        with Tunnel(quick, alice, api[0]) as tunnel:
            return tunnel.ask(api[1], question(api, stream), x_demo_fault=fault, **headers)

    return ask


# What the provider itself says


@pytest.mark.parametrize("api", JSON_APIS)
@pytest.mark.parametrize("status", [400, 429, 500, 503, 529])
def test_errors_of_the_provider_pass_as_they_are_and_cost_nothing(
    ask: Callable[..., Answer], since: Since, api: Api, status: int
) -> None:
    answer = ask(api, stream=True, fault=f"{status};retry-after=7")
    assert answer.status == status
    if api != GEMINI:
        assert answer.header("retry-after") == "7"
    assert "error" in answer.json
    assert answer.header("x-sluiceway-refused") is None
    row = since.row()
    assert (row["outcome"], row["status"], row["upstream_status"]) == ("upstream_error", status, status)
    assert (row["cost_nusd"], row["charged_nusd"]) == (0, 0)
    assert row["error_type"]


def test_a_redirect_is_passed_on_and_not_followed(ask: Callable[..., Answer], since: Since) -> None:
    answer = ask(CLAUDE, fault="redirect;to=https://elsewhere.example/v1/messages")
    assert (answer.status, answer.header("location")) == (307, "https://elsewhere.example/v1/messages")
    assert (since.row()["outcome"], since.row()["charged_nusd"]) == ("upstream_error", 0)
    assert len(since.served) == 1


def test_an_error_event_in_mid_stream_passes_and_what_was_said_is_charged(
    ask: Callable[..., Answer], since: Since
) -> None:
    answer = ask(CLAUDE, stream=True, fault="stream-error;after=5")
    assert answer.body.count(b"event: error") == 1
    row = since.row()
    assert (row["outcome"], row["error_type"]) == ("upstream_error", "overloaded_error")
    assert row["usage_source"] == "partial"
    assert row["cost_nusd"] > 0


@pytest.mark.parametrize("api", JSON_APIS)
@pytest.mark.parametrize("fault", ["usage-null", "no-usage", "bad-json"])
def test_an_answer_that_hides_its_usage_is_estimated_never_free(
    ask: Callable[..., Answer], since: Since, api: Api, fault: str
) -> None:
    assert ask(api, fault=fault).status == 200
    row = since.row()
    assert row["usage_source"] == "estimated"
    assert row["input_tokens"] > 0
    assert row["output_tokens"] > 0
    assert row["charged_nusd"] == row["cost_nusd"] > 0


@pytest.mark.parametrize("api", STREAM_APIS)
@pytest.mark.parametrize("fault", ["usage-null", "no-usage", "bad-json"])
def test_a_stream_that_hides_its_usage_is_estimated_never_free(
    ask: Callable[..., Answer], since: Since, api: Api, fault: str
) -> None:
    assert ask(api, stream=True, fault=fault).status == 200
    row = since.row()
    assert row["usage_source"] in ("estimated", "partial")
    assert row["charged_nusd"] > 0


# How it says it


@pytest.mark.parametrize("api", [*JSON_APIS, *STREAM_APIS[3:]])
@pytest.mark.parametrize("fault", ["slow;first=0.05;between=0.01", "trickle", "gzip", "br", "zstd"])
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_however_an_answer_is_delivered_it_is_metered_exactly(
    ask: Callable[..., Answer], since: Since, api: Api, fault: str, stream: bool
) -> None:
    assert ask(api, stream=stream, fault=fault, accept_encoding="gzip, br, zstd").status == 200
    since.matching()


UNPACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize("encoding", UNPACKED)
def test_an_encoded_answer_stays_encoded_for_the_client(
    ask: Callable[..., Answer], since: Since, encoding: str
) -> None:
    answer = ask(CLAUDE, fault=encoding, accept_encoding=encoding)
    assert answer.header("content-encoding") == encoding
    assert b'"stop_reason"' in UNPACKED[encoding](answer.body)
    since.matching()


def events(*parts: dict[str, Any]) -> bytes:
    """A stream of Anthropic's."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (part["type"].encode(), orjson.dumps(part)) for part in parts
    )


BEGIN = events(
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "model": "claude-sonnet-4-5",
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello there."}},
)
END = events(
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
)


def head(*fields: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"content-type: text/event-stream", *fields]
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def with_length(body: bytes, *fields: bytes) -> bytes:
    """A whole answer whose head says how long it is."""
    return head(b"content-length: %d" % len(body), *fields) + body


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def scripted(fresh: type[Running], tmp_path: Path) -> Iterator[Scripted]:
    """A provider that answers with these bytes, a tunnel to it, and what the ledger says since."""
    with contextlib.ExitStack() as open_until_the_end:

        def make(answer: bytes) -> tuple[RawProvider, Tunnel, Since]:
            provider = RawProvider(tmp_path, lambda each: each.send(answer))
            open_until_the_end.enter_context(provider)
            running = fresh(upstream=provider.upstream, patience_s=1)
            proxy = running.add("alice")
            tunnel = open_until_the_end.enter_context(Tunnel(running, proxy))
            return provider, tunnel, Since(running)

        yield make


def test_a_stream_is_asked_for_without_encoding_because_we_may_have_to_end_it(
    scripted: Scripted,
) -> None:
    provider, tunnel, since = scripted(with_length(BEGIN + END))
    answer = tunnel.ask("/v1/messages", claude(stream=True), accept_encoding="gzip, br")
    assert answer.body == BEGIN + END
    assert (answer.header("content-length"), answer.header("transfer-encoding")) == (None, "chunked")
    assert b"accept-encoding: identity\r\n" in provider.requests[0].lower()
    row = since.row()
    assert (row["outcome"], row["input_tokens"], row["output_tokens"]) == ("ok", 9, 4)


def test_a_stream_that_is_encoded_all_the_same_is_decoded_for_the_client(
    scripted: Scripted,
) -> None:
    _, tunnel, since = scripted(with_length(gzip.compress(BEGIN + END), b"content-encoding: gzip"))
    answer = tunnel.ask("/v1/messages", claude(stream=True))
    assert (answer.body, answer.header("content-encoding")) == (BEGIN + END, None)
    assert (since.row()["outcome"], since.row()["output_tokens"]) == ("ok", 4)


def test_a_stream_that_ends_in_good_order_but_not_with_its_last_event_is_truncated(
    scripted: Scripted,
) -> None:
    _, tunnel, since = scripted(with_length(BEGIN))
    assert tunnel.ask("/v1/messages", claude(stream=True)).body == BEGIN
    row = since.row()
    assert (row["outcome"], row["usage_source"], row["input_tokens"]) == ("truncated", "partial", 9)
    assert row["output_tokens"] == 4  # twelve bytes


def test_a_client_that_hangs_up_after_the_last_event_had_its_answer_though_the_provider_goes_on(
    scripted: Scripted,
) -> None:
    _, tunnel, since = scripted(head(b"transfer-encoding: chunked") + chunk(BEGIN + END))
    tunnel.send(tunnel.request("/v1/messages", claude(stream=True)))
    read_until(tunnel, b"event: message_stop")
    tunnel.close()
    row = since.row()
    assert (row["outcome"], row["usage_source"], row["output_tokens"]) == ("ok", "reported", 4)


def test_a_provider_that_breaks_off_behind_its_last_event_gave_its_answer(
    scripted: Scripted,
) -> None:
    _, tunnel, since = scripted(head(b"transfer-encoding: chunked") + chunk(BEGIN + END))
    answer = tunnel.ask("/v1/messages", claude(stream=True))  # it ends when nothing more comes for a second
    assert answer.body == BEGIN + END
    assert (since.row()["outcome"], since.row()["usage_source"]) == ("ok", "reported")


def test_an_encoding_we_cannot_read_is_not_asked_for(ask: Callable[..., Answer], since: Since) -> None:
    answer = ask(CLAUDE, fault="br", accept_encoding="dcb, gzip;q=0.5, *")
    assert answer.header("content-encoding") is None  # the simulator sends br only where it is accepted
    since.matching()


def test_an_answer_of_eight_megabytes_comes_whole(ask: Callable[..., Answer], since: Since) -> None:
    answer = ask(CHAT, fault="huge;mb=8")
    assert len(answer.json["choices"][0]["message"]["content"]) == 8 * 2**20
    since.matching()


# Where it breaks


@pytest.mark.parametrize(
    ("api", "form"),
    [
        pytest.param(CLAUDE, {"type": "error", "error": {"type": "api_error"}}, id="anthropic"),
        pytest.param(CHAT, {"error": {"type": "server_error", "code": "connection_lost"}}, id="chat"),
        pytest.param(
            RESPONSES, {"error": {"type": "server_error", "code": "connection_lost"}}, id="responses"
        ),
        pytest.param(GEMINI, {"error": {"code": 502, "status": "UNAVAILABLE"}}, id="gemini"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_provider_that_hangs_up_before_it_answers_is_502(
    ask: Callable[..., Answer], since: Since, api: Api, form: dict[str, Any], stream: bool
) -> None:
    answer = ask(api, stream=stream, fault="refuse")
    assert (answer.status, answer.header("x-sluiceway-refused")) == (502, "connection_lost")
    assert holds(answer.json, form)
    row = since.row()
    assert (row["outcome"], row["error_type"]) == ("upstream_error", "connection_lost")
    # The request arrived, so its input may be billed; of output there was none.
    assert (row["usage_source"], row["output_tokens"]) == ("estimated", 0)
    assert row["charged_nusd"] > 0


def holds(found: Any, expected: Any) -> bool:
    """Whether every field that is expected is found."""
    if not isinstance(expected, dict):
        return bool(found == expected)
    return all(holds(found.get(name), value) for name, value in expected.items())


@pytest.mark.parametrize(
    ("api", "form"),
    [
        pytest.param(CLAUDE, {"error": {"type": "timeout_error"}}, id="anthropic"),
        pytest.param(CHAT, {"error": {"type": "server_error"}}, id="chat"),
        pytest.param(GEMINI, {"error": {"code": 504, "status": "DEADLINE_EXCEEDED"}}, id="gemini"),
    ],
)
def test_a_provider_that_never_answers_is_504(
    ask: Callable[..., Answer], since: Since, api: Api, form: dict[str, Any]
) -> None:
    answer = ask(api, fault="hang")
    assert (answer.status, answer.header("x-sluiceway-refused")) == (504, "first_byte_timeout")
    assert holds(answer.json, form)
    row = since.row()
    assert (row["status"], row["error_type"], row["usage_source"]) == (504, "first_byte_timeout", "estimated")
    assert row["charged_nusd"] > 0


ENDINGS = {
    CLAUDE: b"event: error\ndata: ",
    CHAT: b'data: {"error":',
    RESPONSES: b"event: response.failed\ndata: ",
    GEMINI_SSE: b'data: {"error":',
    GEMINI_ARRAY: b'{"error":',
}


@pytest.mark.parametrize("api", STREAM_APIS)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param("cut;after=4", id="cut"),
        pytest.param("reset;after=4, slow;first=0;between=0.02", id="reset"),
        pytest.param("slow;first=0;between=9", id="silent"),
    ],
)
def test_a_stream_that_breaks_ends_with_the_providers_own_kind_of_error(
    ask: Callable[..., Answer], since: Since, api: Api, fault: str
) -> None:
    answer = ask(api, stream=True, fault=fault)
    ending = answer.body[answer.body.rindex(ENDINGS[api]) :]
    assert b"Sluiceway: " in ending
    row = since.row()
    assert (row["outcome"], row["status"], row["stream"]) == ("truncated", 200, True)
    assert row["usage_source"] in ("partial", "estimated")
    assert row["charged_nusd"] == row["cost_nusd"] > 0


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_json_answer_that_breaks_breaks_the_clients_connection_too(
    ask: Callable[..., Answer], since: Since, fault: str
) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(CLAUDE, fault=f"{fault}, slow;first=0")
    row = since.row()
    assert row["outcome"] == "truncated"
    assert row["charged_nusd"] > 0


# The client goes away


def test_a_client_that_leaves_in_the_middle_of_its_upload_leaves_a_row(
    quick: Running, alice: str, since: Since
) -> None:
    with Tunnel(quick, alice) as tunnel:
        tunnel.send(tunnel.request("/v1/messages", claude())[:-10])
        threading.Event().wait(0.3)  # a close can overtake what was sent: the kernel drops it with a reset
    row = since.row()
    assert (row["outcome"], row["status"], row["charged_nusd"]) == ("client_cancelled", 499, 0)
    assert since.served == []


def test_a_client_that_leaves_while_it_waits_owes_the_input(quick: Running, alice: str, since: Since) -> None:
    with Tunnel(quick, alice) as tunnel:
        tunnel.send(tunnel.request("/v1/messages", claude(), x_demo_fault="hang"))
        wait_for(lambda: len(since.served) == 1)
    row = since.row()
    assert (row["outcome"], row["status"]) == ("client_cancelled", 499)
    assert (row["usage_source"], row["output_tokens"]) == ("estimated", 0)
    assert row["charged_nusd"] > 0


@pytest.mark.parametrize("abrupt", [False, True], ids=["closes", "resets"])
def test_a_client_that_leaves_in_mid_stream_owes_what_it_saw_and_the_provider_is_told(
    quick: Running, alice: str, since: Since, abrupt: bool
) -> None:
    with Tunnel(quick, alice) as tunnel:
        body = claude(stream=True)
        tunnel.send(
            tunnel.request(
                "/v1/messages", body, x_demo_events="100", x_demo_fault="slow;first=0;between=0.03"
            )
        )
        read_until(tunnel, b"content_block_delta")
        if abrupt:
            tunnel.secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    row = since.row()
    assert (row["outcome"], row["usage_source"]) == ("client_cancelled", "partial")
    assert 0 < row["output_tokens"] < 100
    assert row["charged_nusd"] > 0
    (served,) = since.served
    assert served.usage is not None
    assert row["input_tokens"] == served.usage["input_tokens"]
    wait_for(lambda: since.served[0].events_sent > 0)  # put on record when the provider's connection ends
    assert since.served[0].complete is False


@pytest.mark.parametrize(
    ("api", "last"),
    [
        pytest.param(CLAUDE, b"event: message_stop", id="anthropic"),
        pytest.param(CHAT, b"data: [DONE]", id="chat"),
        pytest.param(RESPONSES, b"event: response.completed", id="responses"),
        pytest.param(GEMINI_SSE, b'"finishReason"', id="gemini"),
    ],
)
def test_a_client_that_hangs_up_right_after_the_last_event_is_metered_exactly(
    quick: Running, alice: str, since: Since, api: Api, last: bytes
) -> None:
    with Tunnel(quick, alice, api[0]) as tunnel:
        tunnel.send(tunnel.request(api[1], question(api, stream=True)))
        read_until(tunnel, last)
    since.matching()


def read_until(tunnel: Tunnel, wanted: bytes) -> None:
    seen = b""
    while wanted not in seen:
        piece = tunnel.secure.recv(1024)
        assert piece, seen
        seen += piece


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not happen within eight seconds")


# Standing still

DELTA = events(
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 50_000}}
)


def endless(provider: RawProvider) -> None:
    """A stream that never ends by itself."""
    provider.send(head(b"transfer-encoding: chunked"))
    while True:
        provider.send(chunk(DELTA))


def held_bytes(running: Running) -> int:
    """What the proxy itself holds for clients that do not read."""
    connections = running.service.gateway.server.connections
    return running.on.call(
        lambda: sum(each.transport.get_write_buffer_size() for each in connections if each.transport)
    )


def test_a_reader_that_stops_holds_the_provider_back_and_is_cut_off(
    fresh: type[Running], tmp_path: Path
) -> None:
    with RawProvider(tmp_path, endless) as provider:
        running = fresh(upstream=provider.upstream, patience_s=1.5)
        since = Since(running)
        with Tunnel(running, running.add("alice"), receive_bytes=65536) as tunnel:
            tunnel.send(tunnel.request("/v1/messages", claude(stream=True)))
            read_until(tunnel, b"content_block_delta")
            wait_for(lambda: held_bytes(running) > 0)
            assert held_bytes(running) < 2**20
            row = since.row()  # with the client still there: it is the proxy that gives up
            assert provider.closed.wait(10)
    assert row["outcome"] == "client_cancelled"
    assert row["charged_nusd"] > 0
    # Nearly all of it lies in the kernel's buffers, which grow to megabytes on loopback.
    assert provider.sent_bytes < 24 * 2**20


def test_a_client_that_stops_in_its_upload_is_told_so(quick: Running, alice: str, since: Since) -> None:
    with Tunnel(quick, alice) as tunnel:
        tunnel.send(tunnel.request("/v1/messages", claude())[:-10])
        answer = tunnel.answer()
        assert tunnel.ended()
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")
    assert answer.header("x-sluiceway-refused") == "request_timeout"
    assert (since.row()["outcome"], since.row()["refusal_code"]) == ("refused", "request_timeout")


def test_a_passed_upload_that_stops_is_ended(quick: Running, alice: str, since: Since) -> None:
    with Tunnel(quick, alice) as tunnel:
        tunnel.send(tunnel.request("/api/event_logging/batch", {"events": []})[:-3])
        assert tunnel.answer().status == 504
        assert tunnel.ended()
    assert since.row()["outcome"] == "upstream_error"


# A provider that cannot be reached or believed


def test_a_provider_that_cannot_be_reached_is_502_and_costs_nothing(
    fresh: type[Running], tmp_path: Path
) -> None:
    with RawProvider(tmp_path) as provider:
        nobody = provider.upstream
    running = fresh(upstream=nobody)
    since = Since(running)
    with Tunnel(running, running.add("alice")) as tunnel:
        answer = tunnel.ask("/v1/messages", claude())
        assert (answer.status, answer.json["error"]["type"]) == (502, "api_error")
        assert answer.header("x-sluiceway-refused") == "connect_error"
        assert tunnel.ask("/v1/messages", claude()).status == 502  # the connection is still good
    assert [(row["error_type"], row["cost_nusd"]) for row in since.rows(2)] == [("connect_error", 0)] * 2


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("expired", "certificate has expired"),
        ("wrong host", "Hostname mismatch"),
        ("self-signed", "self-signed certificate"),
    ],
)
def test_a_provider_whose_certificate_is_not_good_gets_no_byte_of_the_request(
    fresh: type[Running], tmp_path: Path, flaw: Flaw, words: str
) -> None:
    with RawProvider(tmp_path, flaw=flaw) as provider:
        running = fresh(upstream=provider.upstream)
        since = Since(running)
        with Tunnel(running, running.add("alice")) as tunnel:
            answer = tunnel.ask("/v1/messages", claude())
        assert provider.closed.wait(5)
    assert (answer.status, answer.header("x-sluiceway-refused")) == (502, "bad_certificate")
    assert words in answer.json["error"]["message"]
    assert provider.requests == []
    assert (since.row()["error_type"], since.row()["charged_nusd"]) == ("bad_certificate", 0)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        pytest.param(b"not HTTP at all\r\n\r\n", "connection_lost", id="no HTTP"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx-odd: a\x0bb\r\ncontent-length: 2\r\n\r\n{}",
            "malformed_answer",
            id="control character in a header",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx-odd: a\x00b\r\ncontent-length: 2\r\n\r\n{}",
            "connection_lost",
            id="NUL in a header",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: dcb\r\ncontent-length: 2\r\n\r\n{}",
            "content_encoding",
            id="an encoding nobody asked for",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 70_000 + b"\r\ncontent-length: 2\r\n\r\n{}",
            "connection_lost",
            id="header too long",
        ),
    ],
)
def test_an_answer_that_must_not_be_passed_on_is_502(
    fresh: type[Running], tmp_path: Path, reply: bytes, code: str
) -> None:
    with RawProvider(tmp_path, lambda provider: provider.send(reply)) as provider:
        running = fresh(upstream=provider.upstream)
        since = Since(running)
        with Tunnel(running, running.add("alice")) as tunnel:
            answer = tunnel.ask("/v1/messages", claude())
    assert (answer.status, answer.header("x-sluiceway-refused")) == (502, code)
    row = since.row()
    assert (row["outcome"], row["error_type"]) == ("upstream_error", code)
    assert row["charged_nusd"] > 0


# The proxy goes away


def test_a_drain_ends_idle_connections_and_lets_an_upload_finish(fresh: type[Running]) -> None:
    running = fresh()
    proxy, since = running.add("alice"), Since(running)
    with Tunnel(running, proxy) as idle, Tunnel(running, proxy) as busy, Tunnel(running, proxy) as late:
        assert idle.ask("/v1/messages", claude()).status == 200
        question = busy.request("/v1/messages", claude(), expect="100-continue")
        busy.send(question[:-20])
        assert busy.secure.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        drain = threading.Thread(target=lambda: running.on.run(running.service.gateway.drain(10)))
        drain.start()
        assert idle.ended()
        refused = late.ask("/v1/messages", claude())
        busy.send(question[-20:])
        served = busy.answer()
        drain.join()
    assert (refused.status, refused.header("x-sluiceway-refused")) == (503, "restarting")
    assert (served.status, served.json["stop_reason"]) == (200, "end_turn")
    assert sorted(row["outcome"] for row in since.rows(3)) == ["internal_error", "ok", "ok"]
