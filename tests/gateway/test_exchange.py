"""What an exchange says of itself: headers, its place in a conversation, and whether caps count it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from gateway_world import PROVIDER, Ledger, call, exchange, parts

from sluiceway.audit.keyring import CompanyKey
from sluiceway.gateway.pools import Member
from sluiceway.policy import Policy
from sluiceway.policy.kinds.inject import PoolKey
from sluiceway.types import KeyClass
from sluiceway.wire.client import ClientInfo


@pytest.mark.parametrize(
    ("unknown_keys", "key_class", "counts"),
    [
        (None, KeyClass.UNKNOWN, True),
        ("company", KeyClass.UNKNOWN, True),
        ("personal", KeyClass.UNKNOWN, False),
        ("personal", KeyClass.COMPANY, True),
        ("company", KeyClass.PERSONAL, False),
        ("company", KeyClass.SUBSCRIPTION, False),
    ],
)
def test_caps_count_the_companys_money_and_of_unknown_keys_what_policy_says(
    unknown_keys: str | None, key_class: KeyClass, counts: bool
) -> None:
    of = parts(Ledger())
    of.rules.policy = replace(Policy(), unknown_keys=unknown_keys)  # type: ignore[arg-type]  # as in the table
    ex = exchange(of, call())
    ex.key_class = key_class
    assert ex.row().spends is counts


def test_what_is_not_metered_counts_against_no_cap() -> None:
    row = exchange(parts(Ledger()), None).row()
    assert (row.metered, row.budgeted, row.dialect, row.route_path) == (False, False, None, "anthropic")


def test_headers_say_what_is_left_and_never_less_than_nothing() -> None:
    ex = exchange(parts(Ledger()), call())
    assert "x-sluiceway-budget-remaining-usd" not in ex.own_headers()
    ex.remaining_nusd = 12_345_678
    assert Decimal(ex.own_headers()["x-sluiceway-budget-remaining-usd"]) == Decimal("0.012346")
    ex.remaining_nusd = -1
    assert ex.own_headers()["x-sluiceway-budget-remaining-usd"] == "0.000000"


def test_a_model_nobody_named_is_a_question_mark_in_the_route() -> None:
    assert exchange(parts(Ledger()), call(model=None)).own_headers()["x-sluiceway-route"] == "anthropic/?"


def test_a_conversation_is_a_persons_own() -> None:
    ex = exchange(parts(Ledger()), call())
    assert ex.conversation is None
    ex.client = ClientInfo(conversation_id="from-a-header")
    assert ex.conversation == ("alice", "from-a-header")
    ex.call = call(conversation_id="from-the-body")
    assert ex.conversation == ("alice", "from-the-body")
    assert ex.row().conversation_id == "from-the-body"


def test_what_was_masked_is_in_no_printed_exchange() -> None:
    of = exchange(parts(Ledger()), call())
    of.originals = {"<EMAIL_1>": "carol.weber@firm-mail.net"}
    assert "carol" not in repr(of)


def test_what_the_guard_did_is_in_the_row_and_in_a_header() -> None:
    of = exchange(parts(Ledger()), call())
    assert "x-sluiceway-guard" not in of.own_headers()
    of.guard_findings, of.masked = {"EMAIL_ADDRESS": 2}, {"EMAIL_ADDRESS": 2}
    assert of.row().guard_findings == {"EMAIL_ADDRESS": 2}
    assert of.own_headers()["x-sluiceway-guard"] == "masked EMAIL_ADDRESS=2"
    of.masked, of.was_scanned = {**of.masked, "PERSON": 1}, False
    assert of.own_headers()["x-sluiceway-guard"] == "masked EMAIL_ADDRESS=2, PERSON=1, not scanned"


def test_a_connection_that_is_open_for_hours_follows_the_providers_in_force() -> None:
    of = parts(Ledger())
    now = replace(PROVIDER, unlisted="pass")
    of.rules = replace(of.rules, providers={"anthropic": now})
    made = exchange(of, call())
    assert made.provider is now
    assert not made.moved
    of.rules = replace(of.rules, providers={})
    assert exchange(of, call()).provider is PROVIDER


def test_where_nothing_is_tried_twice_a_pools_key_goes_to_its_own_endpoint_alone() -> None:
    asked = exchange(parts(Ledger()), None)
    key = CompanyKey("k", "anthropic", "f", "sk-ant-api03-ours")
    asked.pool = (Member(key, PoolKey(key="k", host="eu.api.anthropic.com")),)
    asked.carry(key)
    asked.take_first()
    assert asked.host == "eu.api.anthropic.com"
