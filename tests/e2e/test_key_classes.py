"""What may be done to whose traffic, over the wire: each class of key against each thing that rules can do,
all of them in force at once; and what is left on disk of the key and of what the guard masked."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from sluiceway.demo.pace import NO_LATENCY
from tests.e2e.audited import KEYS, Company
from tests.e2e.running import Running
from tests.e2e.test_audit_canaries import files
from tests.e2e.tunnel import Tunnel

pytestmark = pytest.mark.e2e

OURS, MINE, MAIL = KEYS["anthropic"], "sk-ant-api03-alices-own", "carol.weber@firm-mail.net"
RULES = """\
budgets: [{name: plenty, scope: company, limit_usd: 1000, window: month}]
inject: [{name: for-all}]
routes: [{name: cheap, match: {model: claude-opus-4-5}, to: {model: claude-haiku-4-5}}]
guard: [{name: masked, detect: [EMAIL_ADDRESS], action: mask}]
keys: {unknown: personal}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    running = Running(tmp_path_factory.mktemp("classes"), latency=NO_LATENCY)
    running.providers.keep_bodies = True
    made = Company(running)
    running.add_key("alice-own", "anthropic", MINE, "personal")
    running.set_rules("40-all", RULES)
    yield made
    running.stop()


@pytest.fixture(scope="module")
def alice(company: Company) -> str:
    proxy = company.running.add("alice")
    company.tell("alice")
    return proxy


# What is sent as a key, which arrives, whether the budget counts, the request is moved, and it is audited.
CLASSES = {
    "company": (OURS, OURS, True, True, "redacted"),
    "placeholder": ("sluiceway", OURS, True, True, "redacted"),
    "personal": (MINE, MINE, False, False, "off"),
    "subscription": ("sk-ant-oat01-a-login", "sk-ant-oat01-a-login", False, False, "off"),
}


@pytest.mark.parametrize(("sent", "arrives", "counts", "moves", "audit"), CLASSES.values(), ids=CLASSES)
def test_each_class_of_key_has_its_column(
    company: Company, alice: str, sent: str, arrives: str, counts: bool, moves: bool, audit: str
) -> None:
    providers = company.running.providers
    with Tunnel(company.running, alice) as tunnel:
        answer = tunnel.ask("/v1/messages", said(f"Repeat after me: {MAIL}"), x_api_key=sent)
    assert answer.status == 200
    assert dict(providers.log[-1].credentials) == {"x-api-key": sha256(arrives.encode()).hexdigest()}
    assert (answer.header("x-sluiceway-budget-remaining-usd") is not None) is counts
    model = "claude-haiku-4-5" if moves else "claude-opus-4-5"
    assert answer.header("x-sluiceway-route") == f"anthropic/{model}"
    assert answer.header("x-sluiceway-audit") == audit
    assert answer.header("x-sluiceway-guard") == "masked EMAIL_ADDRESS=1"
    assert MAIL.encode() not in providers.bodies[-1]


def test_of_an_unknown_key_nothing_is_changed_so_a_mask_blocks_and_else_it_goes_as_it_came(
    company: Company, alice: str
) -> None:
    running = company.running
    asked = len(running.providers.log)
    with Tunnel(running, alice) as tunnel:
        blocked = tunnel.ask("/v1/messages", said(MAIL), x_api_key="whose-is-this")
        assert blocked.header("x-sluiceway-refused") == "guard_blocked"
        assert len(running.providers.log) == asked
        passed = tunnel.ask("/v1/messages", said("hi"), x_api_key="whose-is-this")
    assert passed.header("x-sluiceway-route") == "anthropic/claude-opus-4-5"
    assert passed.header("x-sluiceway-budget-remaining-usd") is None
    assert passed.header("x-sluiceway-audit") == "off"


def test_neither_the_key_nor_what_was_masked_is_in_a_file_a_metric_or_a_record(
    company: Company, alice: str
) -> None:
    with Tunnel(company.running, alice) as tunnel:
        answer = tunnel.ask("/v1/messages", said(f"Repeat after me: {MAIL}"), x_api_key="sluiceway")
    assert MAIL.encode() in answer.body  # the client has it back
    read = company.read()
    assert "<EMAIL_1>" in str(read)
    metrics = company.running.service.gateway.parts.metrics.text()
    for canary in (OURS, MAIL, MINE):
        assert canary not in str(read)
        assert not [text for text in (metrics, *files(company.running.folder)) if canary.encode() in text]


def said(text: str) -> dict[str, object]:
    return {
        "model": "claude-opus-4-5",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": text}],
    }
