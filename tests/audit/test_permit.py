"""The preconditions of an audit, as a truth table: every combination, and what may be missing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from audit_world import METADATA, NOON, RULE

from sluiceway.audit.permit import Permit, applicable, permit
from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.match import Match
from sluiceway.types import Call, Facts, KeyClass, Principal

EARLIER, BEFORE, LATER = NOON - timedelta(days=2), NOON - timedelta(days=1), NOON + timedelta(seconds=1)
ENDED = {"until": date(2026, 11, 14)}

RULES = {
    "no rule": None,
    "redacted": RULE,
    "metadata": METADATA,
    "redacted, ended": RULE.model_copy(update=ENDED),
    "metadata, ended": METADATA.model_copy(update=ENDED),
}
TOLD = {
    "never told": (None, None),
    "told": (BEFORE, None),
    "told and acknowledged": (EARLIER, BEFORE),
    "acknowledged, never told": (None, BEFORE),
    "told just now, acknowledged just now": (NOON, NOON),
    "told later": (LATER, LATER),
    "acknowledged later": (BEFORE, LATER),
    "acknowledged before told": (BEFORE, EARLIER),
}
GOOD = {"told and acknowledged", "told just now, acknowledged just now"}
TABLE = list(itertools.product(RULES, KeyClass, TOLD, [True, False]))


@pytest.mark.parametrize(("rule", "key_class", "told", "keys"), TABLE)
def test_a_body_is_kept_only_when_every_condition_holds(
    rule: str, key_class: KeyClass, told: str, keys: bool
) -> None:
    found = permit(RULES[rule], NOON, UTC, key_class, *TOLD[told], keys)
    grounds = key_class is KeyClass.COMPANY and told in GOOD
    expected = {
        "redacted": "redacted" if grounds and keys else "off",
        "metadata": "metadata" if grounds else "off",
    }.get(rule, "off")
    assert found.state == expected
    assert found.why


def test_of_320_combinations_six_keep_anything_and_two_keep_text() -> None:
    states = [permit(RULES[r], NOON, UTC, k, *TOLD[t], keys).state for r, k, t, keys in TABLE]
    assert len(states) == 320
    assert (states.count("redacted"), states.count("metadata")) == (2, 4)


@pytest.mark.parametrize(
    ("change", "why", "due"),
    [
        ({"rule": None}, "no audit rule", False),
        ({"rule": RULES["redacted, ended"]}, "ended on 2026-11-14", False),
        ({"key_class": KeyClass.SUBSCRIPTION}, "not the company's (subscription)", False),
        ({"auditor_keys_present": False}, "no two people", False),
        ({"disclosed_at": None}, "was not given the notice", True),
        ({"acknowledged_at": None}, "has not acknowledged", True),
        ({"acknowledged_at": EARLIER - timedelta(days=1)}, "older than the notice", True),
    ],
    ids=["rule", "ended", "key", "readers", "told", "acknowledged", "order"],
)
def test_each_missing_condition_is_named_and_the_notice_is_shown_only_where_it_helps(
    change: dict[str, object], why: str, due: bool
) -> None:
    all_well: dict[str, object] = {
        "rule": RULE,
        "at": NOON,
        "zone": UTC,
        "key_class": KeyClass.COMPANY,
        "disclosed_at": EARLIER,
        "acknowledged_at": BEFORE,
        "auditor_keys_present": True,
    }
    assert permit(**all_well) == Permit("redacted", "audit rule 'incident'")  # type: ignore[arg-type]  # as named
    found = permit(**(all_well | change))  # type: ignore[arg-type]  # as named
    assert found.state == "off" and why in found.why and found.notice_due is due


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), "redacted"),
        (datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC), "off"),
    ],
)
def test_the_last_day_counts_whole_in_the_companys_time_zone(at: datetime, state: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert permit(RULE, at, berlin, KeyClass.COMPANY, EARLIER, BEFORE, True).state == state


WHO = Principal(1, "alice", "employee", "core")
CALL, FACTS = Call("anthropic", "messages", "claude-sonnet-4-5"), Facts("anthropic")


def test_the_first_rule_that_matches_and_is_in_force_applies() -> None:
    other_team = RULE.model_copy(update={"name": "other", "match": Match(team="sales")})
    ended: Audit = RULE.model_copy(update={"name": "old", **ENDED})
    assert applicable([other_team, ended, METADATA, RULE], WHO, CALL, FACTS, NOON, UTC) == METADATA
    assert applicable([other_team, ended], WHO, CALL, FACTS, NOON, UTC) == ended
    assert applicable([other_team], WHO, CALL, FACTS, NOON, UTC) is None
    assert applicable([other_team], replace(WHO, team="sales"), CALL, FACTS, NOON, UTC) == other_team
