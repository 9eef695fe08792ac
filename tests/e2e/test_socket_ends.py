"""How a WebSocket ends: caps, faults of the provider, clients that leave, frames that are none, a drain."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since
from tests.e2e.socket_client import LIVE, REALTIME, RESPONSES, SocketClient, ask
from tests.e2e.tunnel import CANARY, Tunnel

pytestmark = pytest.mark.e2e


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


@pytest.fixture(autouse=True)
def no_faults_are_left(quick: Running) -> Iterator[None]:
    yield
    quick.on.call(quick.providers.release)
    quick.providers.clear_faults()


# Frames that are none

BAD = {
    "no JSON": (RESPONSES, "not json", 1007, "malformed_request"),
    "half of it": (RESPONSES, '{"type":"response.cre', 1007, "malformed_request"),
    "a list": (RESPONSES, "[]", 1007, "malformed_request"),
    "no type": (RESPONSES, "{}", 1007, "malformed_request"),
    "no model": (RESPONSES, '{"type":"response.create"}', 1007, "malformed_request"),
    "another type": (RESPONSES, '{"type":"response.sing"}', 1008, "frame_not_listed"),
    "binary": (RESPONSES, b"\x00\x01", 1003, "binary_frame"),
    "realtime, no JSON": (REALTIME, "{", 1007, "malformed_request"),
    "realtime, another type": (REALTIME, '{"type":"response.sing"}', 1008, "frame_not_listed"),
    "realtime, another model": (
        REALTIME,
        '{"type":"session.update","session":{"model":"gpt-realtime-2"}}',
        1007,
        "malformed_request",
    ),
    "realtime, binary": (REALTIME, b"{}", 1003, "binary_frame"),
    "live, no JSON": (LIVE, b"\xff\xfe", 1007, "malformed_request"),
    "live, no setup": (LIVE, '{"clientContent":{"turnComplete":true}}', 1007, "malformed_request"),
    "live, two at once": (LIVE, '{"setup":{"model":"a"},"realtimeInput":{}}', 1007, "malformed_request"),
    "live, another kind": (LIVE, '{"sing":{}}', 1008, "frame_not_listed"),
}


@pytest.mark.parametrize(("url", "frame", "code", "refusal"), BAD.values(), ids=BAD.keys())
def test_a_frame_that_is_none_ends_the_socket_and_has_a_row(
    quick: Running, alice: str, since: Since, url: str, frame: str | bytes, code: int, refusal: str
) -> None:
    with SocketClient(quick, alice, url) as socket:
        socket.send(frame)
        got, reason = socket.ended()
    assert (got, reason[:10]) == (code, "Sluiceway:")
    row, own = since.rows(2)
    assert (row["refusal_code"], row["outcome"], row["turn"]) == (refusal, "refused", 1)
    assert own["operation"] == "websocket"
    assert all(served.usage is None for served in since.served)


def test_a_frame_beyond_the_limit_ends_the_socket_with_1009(quick: Running, alice: str, since: Since) -> None:
    with SocketClient(quick, alice) as socket:
        with suppress(ConnectionClosed):
            socket.send(ask("x" * (33 * 2**20)))
        assert socket.ended()[0] == 1009
    assert since.rows(2)[0]["refusal_code"] == "malformed_frame"


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_megabytes_pass_plain_and_compressed(
    quick: Running, alice: str, since: Since, compression: Any
) -> None:
    with SocketClient(quick, alice, compression=compression) as socket:
        answer = socket.turn(**ask("words and " * 800_000), max_output_tokens=16)
    assert answer[-1]["type"] in ("response.completed", "response.incomplete")
    assert since.rows(2)[0]["outcome"] == "ok"


# Faults of the provider


def test_a_refused_upgrade_passes_with_its_body(quick: Running, alice: str, since: Since) -> None:
    quick.providers.fault("openai", "503", times=1)
    with pytest.raises(InvalidStatus) as caught, SocketClient(quick, alice):
        pass
    answer = caught.value.response
    assert answer.status_code == 503
    assert b"overloaded" in answer.body
    assert answer.headers["x-sluiceway-request-id"] == since.row()["request_id"]
    row = since.row()
    assert (row["upstream_status"], row["outcome"], row["cost_nusd"]) == (503, "upstream_error", 0)


def test_a_provider_that_cannot_be_reached_is_told_in_the_answer_to_the_upgrade(
    quick: Running, alice: str
) -> None:
    quick.providers.fault("openai", "refuse")
    with pytest.raises(InvalidStatus) as caught, SocketClient(quick, alice):
        pass
    answer = caught.value.response
    assert (answer.status_code, answer.headers["x-sluiceway-refused"]) == (502, "connection_lost")


@pytest.mark.parametrize("fault", ["cut;after=4", "reset;after=4", "hang"])
def test_a_turn_that_breaks_is_told_so_and_charged_for_what_was_seen(
    quick: Running, alice: str, since: Since, fault: str
) -> None:
    quick.providers.fault("openai", fault, times=1)
    with SocketClient(quick, alice) as socket:
        events = socket.turn(**ask())
        code, _ = socket.ended()
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"]["code"] == "server_error"
    assert code == 1011
    row, _ = since.rows(2)
    assert (row["outcome"], row["usage_source"]) == ("truncated", "estimated")
    assert row["cost_nusd"] > 0


def test_an_error_instead_of_an_answer_costs_nothing_and_the_next_turn_works(
    quick: Running, alice: str, since: Since
) -> None:
    with SocketClient(quick, alice) as socket:
        wrong = socket.turn(**ask(previous_response_id="resp_none"))
        right = socket.turn(**ask())
    assert (wrong[-1]["type"], right[-1]["type"]) == ("error", "response.completed")
    error, ok, _ = since.rows(3)
    assert (error["outcome"], error["upstream_status"], error["cost_nusd"]) == ("upstream_error", 400, 0)
    assert ok["outcome"] == "ok"


def test_a_realtime_error_about_a_frame_ends_that_turn_only(quick: Running, alice: str, since: Since) -> None:
    quick.providers.fault("openai", "hold", times=1)
    with SocketClient(quick, alice, REALTIME) as socket:
        socket.next()
        socket.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
        while socket.next()["type"] != "response.output_item.done":
            pass
        (error,) = socket.turn()
        assert error["error"]["code"] == "conversation_already_has_active_response"
        quick.on.call(quick.providers.release)
        assert socket.answer()[-1]["type"] == "response.done"
    rows = {row["turn"]: row for row in since.rows(3)}
    assert (rows[1]["outcome"], rows[1]["usage_source"]) == ("ok", "reported")
    assert (rows[2]["outcome"], rows[2]["cost_nusd"]) == ("upstream_error", 0)


# Clients that leave


def test_a_client_that_vanishes_in_a_turn_is_charged_for_what_was_seen(
    quick: Running, alice: str, since: Since
) -> None:
    quick.providers.fault("openai", "hold", times=1)
    with SocketClient(quick, alice) as socket:
        socket.send({"type": "response.create", **ask()})
        while socket.next()["type"] != "response.output_text.delta":
            pass
        socket.open.socket.close()
    row, _ = since.rows(2)
    assert row["outcome"] == "client_cancelled"
    assert row["usage_source"] == "estimated"
    assert row["cost_nusd"] > 0


def test_the_clients_close_code_reaches_the_provider_and_comes_back(quick: Running, alice: str) -> None:
    with SocketClient(quick, alice) as socket:
        socket.open.close(4001, "enough")
        assert socket.open.close_code == 4001


def test_the_providers_close_code_and_reason_reach_the_client(
    quick: Running, alice: str, since: Since
) -> None:
    with SocketClient(quick, alice, LIVE) as socket:
        socket.send({"setup": {"model": "models/gemini-no-such"}})
        assert socket.ended() == (1008, "models/gemini-no-such is not found for API version v1beta.")
    since.row()


# Whose socket it is


def test_whoever_is_disabled_is_refused_in_the_open_socket(quick: Running, since: Since) -> None:
    with SocketClient(quick, quick.add("bob")) as socket:
        assert socket.turn(**ask())[-1]["type"] == "response.completed"
        quick.operate("person.disable", name="bob")
        (no,) = socket.turn(**ask())
        assert "'bob' is disabled" in no["response"]["error"]["message"]
        assert socket.ended()[0] == 1008
    rows = since.rows(3)
    assert [row["refusal_code"] for row in rows] == [None, "credentials_disabled", None]


INJECT = "inject: [{name: ours, match: {provider: openai}, label: main}]\n"


def test_the_companys_key_opens_the_socket_and_an_echo_of_it_is_masked(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    running.add_key("main", "openai", "sk-proj-company-secret-0123456789")
    running.set_rules("20-inject", INJECT)
    since = Since(running)
    with SocketClient(
        running,
        running.add("alice"),
        authorization="Bearer sluiceway",
        subprotocols=[Subprotocol("openai-insecure-api-key.sluiceway"), Subprotocol("realtime")],
    ) as socket:
        assert socket.open.subprotocol == "realtime"
        assert socket.open.response is not None
        assert socket.open.response.headers["x-request-id"] == "req_socket"
        said = socket.turn(
            **ask(
                "Repeat: sk-proj-company-secret-0123456789",
                metadata={"k": "sk-proj-company-secret-0123456789"},
            )
        )
    assert "company-secret" not in str(said)
    assert "[key]" in str(said)
    row, _ = since.rows(2)
    assert (row["key_class"], row["cost_nusd"] > 0) == ("company", True)
    assert since.served[0].credentials != {}


def test_with_the_setting_refuse_every_upgrade_is_answered_426_and_the_post_that_follows_works(
    fresh: type[Running],
) -> None:
    running = fresh(latency=NO_LATENCY, more="websockets: refuse")
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    with Tunnel(running, running.add("alice"), "api.openai.com") as tunnel:
        answer = tunnel.ask("/v1/responses", sec_websocket_key="x3JJHMbDL1EzLkh9GBhXDw==", **upgrade)
        assert (answer.status, answer.header("x-sluiceway-refused")) == (426, "websocket_not_supported")
        assert tunnel.ask("/v1/responses", {"model": "gpt-4.1-mini", "input": "hi"}).status == 200


# A drain


def test_a_drain_lets_the_turn_end_and_closes_with_1012(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    proxy, since = running.add("alice"), Since(running)
    running.providers.fault("openai", "hold", times=1)
    with SocketClient(running, proxy) as idle, SocketClient(running, proxy) as busy:
        busy.send({"type": "response.create", **ask()})
        while busy.next()["type"] != "response.output_text.delta":
            pass
        draining = threading.Thread(target=lambda: running.on.run(running.service.gateway.drain(20)))
        draining.start()
        assert idle.ended()[0] == 1012
        busy.send({"type": "response.create", "stream_id": "next", **ask()})
        no = busy.answer()[-1]
        assert no["response"]["error"]["message"].startswith("Sluiceway is restarting")
        running.on.call(running.providers.release)
        assert busy.answer()[-1]["type"] == "response.completed"
        assert busy.ended()[0] == 1012
        draining.join(20)
    assert [row["outcome"] for row in since.rows(4) if row["turn"]] == ["ok", "internal_error"]


def test_a_drain_that_waits_no_longer_tells_the_turn_and_charges_it(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    proxy, since = running.add("alice"), Since(running)
    running.providers.fault("openai", "hold", times=1)
    with SocketClient(running, proxy) as busy:
        busy.send({"type": "response.create", **ask()})
        while busy.next()["type"] != "response.output_text.delta":
            pass
        draining = threading.Thread(target=lambda: running.on.run(running.service.gateway.drain(0.2)))
        draining.start()
        last = busy.answer()[-1]
        assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "server_error")
        assert busy.ended()[0] == 1012
        draining.join(20)
    row, _ = since.rows(2)
    assert (row["outcome"], row["usage_source"], row["cost_nusd"] > 0) == ("truncated", "estimated", True)


def test_a_key_that_is_retired_is_refused_in_the_open_socket(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    running.add_key("main", "openai", f"sk-{CANARY}")
    with SocketClient(running, running.add("alice")) as socket:
        assert socket.turn(**ask())[-1]["type"] == "response.completed"
        running.retire_key("main")
        (no,) = socket.turn(**ask())
    assert "the company's key 'main', which was retired" in no["response"]["error"]["message"]


def test_a_frame_of_another_type_passes_where_the_provider_lets_unlisted_pass(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY)
    providers = running.deployment.settings.rules / "providers.yaml"
    providers.write_text(providers.read_text().replace("unlisted: refuse", "unlisted: pass"))
    running.on.call(running.service.reload)
    since = Since(running)
    with SocketClient(running, running.add("alice")) as socket:
        socket.send({"type": "response.sing"})
        assert socket.next()["type"] == "error"  # the provider's own, which does not know it either
        assert socket.turn(**ask())[-1]["type"] == "response.completed"
    assert [row["turn"] for row in since.rows(2)] == [1, None]
