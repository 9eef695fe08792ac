"""The audit takes what was sent: what the guard masked stays masked, though the client has it back."""

from __future__ import annotations

from contextlib import closing

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.audited import Clients, Company
from tests.e2e.running import Running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*end-of-life.*:DeprecationWarning"),
]

MASK = "guard: [{name: masked, detect: [EMAIL_ADDRESS], action: mask}]\n"


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_what_the_guard_masked_is_masked_in_the_record_and_whole_for_the_client(
    fresh: type[Running], stream: bool
) -> None:
    running = fresh(latency=NO_LATENCY)
    company = Company(running)
    running.set_rules("20-guard", MASK)
    with closing(Clients(running, running.add("alice"))) as clients:
        company.tell("alice")
        ask = clients.stream_claude if stream else clients.ask_claude
        assert "write to bob@example.com" in ask("Repeat after me: write to bob@example.com")
    (found,) = company.read()
    assert found["request"][0]["text"] == "Repeat after me: write to <EMAIL_1>"
    assert found["response"] == "write to <EMAIL_1>"
    assert "bob@" not in str(found)
