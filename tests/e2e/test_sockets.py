"""WebSockets through the whole proxy: a row and a cap check for each turn, refusals inside, clean ends."""

from __future__ import annotations

import pytest

from tests.e2e.running import Running
from tests.e2e.since import Since, billed_tokens, tokens_of
from tests.e2e.socket_client import SocketClient, ask

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
