"""WebSockets through the whole proxy: a row and a cap check for each turn, refusals inside, clean ends."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.running import Running
from tests.e2e.since import Since, billed_tokens, tokens_of
from tests.e2e.socket_client import LIVE, REALTIME, SocketClient, ask
from tests.e2e.tunnel import CANARY, Tunnel

pytestmark = pytest.mark.e2e


@pytest.fixture
def since(quick: Running) -> Since:
    return Since(quick)


@pytest.fixture(scope="module")
def alice(quick: Running) -> str:
    return quick.add("alice")


def test_each_turn_has_its_row_with_the_providers_own_count(quick: Running, alice: str, since: Since) -> None:
    with SocketClient(quick, alice) as socket:
        warm = socket.turn(**ask(generate=False))
        last = socket.turn(**ask("and?", previous_response_id=warm[-1]["response"]["id"]))
    assert last[-1]["response"]["output"][0]["content"][0]["text"]
    *turns, own = since.rows(3)
    assert [row["turn"] for row in turns] == [1, 2]
    assert {row["request_id"] for row in turns} == {own["request_id"]}
    assert [tokens_of(row) for row in turns] == [billed_tokens(served) for served in since.served]
    assert (own["operation"], own["metered"], own["cost_nusd"], own["status"]) == ("websocket", False, 0, 101)


def failed(events: list[Any]) -> str:
    """The message of the no that these events are, in the form that Codex shows at once."""
    (event,) = events
    assert event["type"] == "response.failed"
    assert event["response"]["error"]["code"] == "invalid_prompt"
    message: str = event["response"]["error"]["message"]
    return message


ROUTES = """
routes:
  - {name: no-o3, match: {model: o3}, deny: {reason: not approved yet}}
  - {name: small, match: {model: gpt-4.1}, to: {model: gpt-4.1-mini}}
  - {name: no-voice, match: {model: gpt-realtime-2}, deny: {reason: not approved yet}}
  - {name: small-voice, match: {model: gpt-4o-realtime-preview}, to: {model: gpt-realtime-mini}}
  - {name: no-live, match: {model: gemini-live-2.5-flash}, deny: {reason: not approved yet}}
  - {name: other-live, match: {model: gemini-3.8-live}, to: {model: gemini-3.1-flash-live-preview}}
"""


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(tmp_path_factory.mktemp("sluiceway"), latency=NO_LATENCY)
    started.set_rules("20-routes", ROUTES)
    started.add_key("ours", "openai", f"sk-{CANARY}")  # only the company's own requests are moved
    started.add_key("google", "google", f"AIza-{CANARY}")
    yield started
    started.stop()


def test_a_denied_turn_is_refused_inside_and_the_socket_goes_on(routed: Running) -> None:
    since, proxy = Since(routed), routed.add("alice")
    with SocketClient(routed, proxy) as socket:
        assert "the rule 'no-o3'" in failed(socket.turn(**ask(model="o3")))
        after = socket.turn(**ask(model="gpt-4.1"))
    assert after[-1]["response"]["model"].startswith("gpt-4.1-mini")
    refused, moved, _ = since.rows(3)
    assert (refused["outcome"], refused["refusal_code"], refused["turn"]) == ("refused", "denied", 1)
    assert (refused["status"], refused["cost_nusd"]) == (403, 0)
    assert (moved["model_requested"], moved["model_routed"]) == ("gpt-4.1", "gpt-4.1-mini")
    assert (moved["route_rule"], moved["turn"]) == ("small", 2)
    assert moved["cost_as_requested_nusd"] > moved["cost_nusd"] > 0


def test_the_model_in_a_sockets_address_is_routed_when_it_is_opened(routed: Running) -> None:
    since, proxy = Since(routed), routed.add("bob")
    url = REALTIME.replace("gpt-realtime", "gpt-realtime-2")
    with pytest.raises(InvalidStatus) as caught, SocketClient(routed, proxy, url):
        pass
    assert caught.value.response.status_code == 426
    assert b"the rule 'no-voice'" in caught.value.response.body
    with SocketClient(routed, proxy, REALTIME.replace("gpt-realtime", "gpt-4o-realtime-preview")) as socket:
        assert socket.next()["session"]["model"] == "gpt-realtime-mini"
        socket.turn()
    refused, turn, _ = since.rows(3)
    assert (refused["refusal_code"], refused["operation"]) == ("denied", "websocket")
    assert (turn["model_requested"], turn["model_routed"]) == ("gpt-4o-realtime-preview", "gpt-realtime-mini")
    assert turn["route_rule"] == "small-voice"


def test_lives_setup_is_routed_and_a_no_is_the_reason_of_its_end(routed: Running) -> None:
    since, proxy = Since(routed), routed.add("carol")
    with SocketClient(routed, proxy, LIVE) as socket:
        socket.send(setup("gemini-live-2.5-flash"))
        code, reason = socket.ended()
        assert (code, "the rule 'no-live'" in reason) == (1008, True)
    with SocketClient(routed, proxy, LIVE) as socket:
        socket.send(setup("gemini-3.8-live"))
        assert socket.next() == {"setupComplete": {}}
        live_turn(socket, "hello")
    refused, _, turn, _ = since.rows(4)
    assert (refused["refusal_code"], refused["turn"]) == ("denied", 1)
    assert (turn["model_requested"], turn["model_routed"]) == (
        "gemini-3.8-live",
        "gemini-3.1-flash-live-preview",
    )
    assert (turn["turn"], turn["operation"], turn["outcome"]) == (1, "realtime", "ok")


def setup(model: str = "gemini-3.8-live", **more: Any) -> dict[str, Any]:
    config = {"responseModalities": ["TEXT"]}
    return {"setup": {"model": f"models/{model}", "generationConfig": config, **more}}


def live_turn(socket: SocketClient, text: str) -> list[Any]:
    turn = {"role": "user", "parts": [{"text": text}]}
    socket.send({"clientContent": {"turns": [turn], "turnComplete": True}})
    return live_answer(socket)


def live_answer(socket: SocketClient) -> list[Any]:
    messages = [socket.next()]
    while not (messages[-1].get("toolCall") or messages[-1].get("serverContent", {}).get("turnComplete")):
        messages.append(socket.next())
    return messages


def test_realtime_answers_in_text_and_aloud_are_counted_by_their_kind(
    quick: Running, alice: str, since: Since
) -> None:
    with SocketClient(quick, alice, REALTIME) as socket:
        assert socket.next()["type"] == "session.created"
        socket.send({"type": "conversation.item.create", "item": spoken("Say something.")})
        socket.turn(response={"output_modalities": ["text"]})
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\1", 2)})
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\0", 1)})
        heard = socket.answer()  # begun by the provider, when the person had stopped
    assert any(event["type"] == "response.output_audio.delta" for event in heard)
    text, aloud, _ = since.rows(3)
    usage = [served.usage for served in since.served]
    assert [row["turn"] for row in (text, aloud)] == [1, 2]
    for row, told in zip((text, aloud), usage, strict=True):
        assert told is not None
        assert row["input_tokens"] == told["input_tokens"]
        assert row["output_tokens"] == told["output_tokens"]
        assert row["cache_read_tokens"] == told["input_token_details"]["cached_tokens"]
        assert (row["audio_input_tokens"] or 0) == told["input_token_details"]["audio_tokens"]
        assert (row["audio_output_tokens"] or 0) == told["output_token_details"]["audio_tokens"]
        assert (row["usage_source"], row["outcome"], row["operation"]) == ("reported", "ok", "realtime")
    assert aloud["audio_input_tokens"] == 20  # two seconds at ten a second
    assert aloud["audio_output_tokens"] > 0
    assert text["conversation_id"] == aloud["conversation_id"]


def spoken(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def audio(sample: bytes, seconds: int) -> str:
    return b64encode(sample * 48_000 * seconds).decode()


def test_a_transcription_has_a_row_at_its_own_models_price(quick: Running, alice: str, since: Since) -> None:
    settings = {"audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}}
    with SocketClient(quick, alice, REALTIME) as socket:
        socket.next()
        socket.send({"type": "session.update", "session": {"type": "realtime", **settings}})
        socket.next()
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\1", 1)})
        socket.send({"type": "input_audio_buffer.append", "audio": audio(b"\0", 1)})
        socket.answer()
    rows = {row["model_routed"]: row for row in since.rows(3)}
    row = rows["gpt-4o-mini-transcribe"]
    assert (row["input_tokens"], row["audio_input_tokens"], row["output_tokens"]) == (10, 10, 4)
    assert (row["outcome"], row["usage_source"]) == ("ok", "reported")


def test_live_turns_and_tools_are_counted(quick: Running, alice: str, since: Since) -> None:
    function = {"name": "look", "parameters": {"type": "OBJECT", "properties": {"where": {"type": "STRING"}}}}
    with SocketClient(quick, alice, LIVE) as socket:
        socket.send(setup(tools=[{"functionDeclarations": [function]}]))
        socket.next()
        (called,) = live_turn(socket, 'Please use the tool look: {"where": "here"}')
        name = called["toolCall"]["functionCalls"][0]["id"]
        result = {"id": name, "name": "look", "response": {"found": "nothing"}}
        socket.send({"toolResponse": {"functionResponses": [result]}})
        live_answer(socket)
        socket.send({"realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": audio(b"\1", 1)}}})
        socket.send({"realtimeInput": {"audioStreamEnd": True}})
        live_answer(socket)
    *turns, _ = since.rows(4)
    assert [row["input_tokens"] for row in turns] == [s.usage["promptTokenCount"] for s in since.served]  # type: ignore[index]
    assert [row["output_tokens"] for row in turns] == [s.usage["responseTokenCount"] for s in since.served]  # type: ignore[index]
    assert turns[-1]["audio_input_tokens"] == 37  # 48,000 bytes at 1,280 a token
    assert {row["usage_source"] for row in turns} == {"reported"}


AWAY = """
routes:
  - {name: to-claude, match: {team: away, model: "gpt-5*"},
     to: {provider: anthropic, model: claude-haiku-4-5}}
  - {name: stays, match: {team: core, model: o3}, to: {model: gpt-4.1}}
inject: [{name: for-all}]
"""


def test_where_a_route_may_lead_to_another_provider_the_upgrade_is_426_and_the_post_is_routed(
    routed: Running,
) -> None:
    """Codex sends a POST at once after a 426; who no such route is about keeps the socket."""
    routed.set_rules("30-away", AWAY)
    routed.add_key("claudes", "anthropic", f"sk-ant-{CANARY}")
    who, other = routed.add("roamer", "away"), routed.add("settled", "core")
    with pytest.raises(InvalidStatus) as caught, SocketClient(routed, who):
        pass
    response = caught.value.response
    assert (response.status_code, response.headers["x-sluiceway-refused"]) == (426, "websocket_not_routed")
    with Tunnel(routed, who, "api.openai.com") as tunnel:
        answer = tunnel.ask(
            "/v1/responses", {"model": "gpt-5", "input": "hi"}, authorization=f"Bearer sk-{CANARY}"
        )
    assert (answer.status, answer.header("x-sluiceway-route")) == (200, "anthropic/claude-haiku-4-5")
    with SocketClient(routed, other) as socket:
        assert socket.turn(**ask())[-1]["type"] == "response.completed"
