"""From the notice on the wire over the portal to an audited request, as one does it on a command line."""

from __future__ import annotations

import re

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.audited import KEYS, Company
from tests.e2e.running import Running
from tests.e2e.test_front import curl
from tests.e2e.tunnel import Tunnel, claude

pytestmark = pytest.mark.e2e


def test_the_notices_link_leads_to_the_acknowledgement_and_on(fresh: type[Running]) -> None:
    running = fresh(latency=NO_LATENCY, patience_s=30)
    company = Company(running)
    alice = running.add("alice")
    key = {"x_api_key": KEYS["anthropic"]}
    with Tunnel(running, alice) as tunnel:
        said = tunnel.ask("/v1/messages", claude(), **key).json["error"]["message"]
        link = said.rpartition(" ")[2]
        shown = curl(running, link, proxy=alice).stdout
        assert "Finding out how customer data left" in shown
        (form,) = re.findall(r"--data '?([^'\s]+)", shown) or re.findall(r"-d '?([^'\s]+)", shown)
        curl(running, "-d", form, link, proxy=alice)
        answer = tunnel.ask("/v1/messages", claude(), **key)
        assert (answer.status, answer.header("x-sluiceway-audit")) == (200, "redacted")
    (entry,) = company.entries()
    assert entry["content"] == "sealed"
