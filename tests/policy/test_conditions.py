"""Conditions on the time of day, on budgets, on how fast a target is, on what a request needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from tests.policy.routing_world import ALICE, CALL, FACTS

from sluiceway.policy.match import Match
from sluiceway.types import Health, Target

BERLIN = ZoneInfo("Europe/Berlin")
WORK = {"from": "08:00", "to": "18:00", "days": ["mon-fri"]}
NIGHT = {"from": "22:00", "to": "06:00", "days": ["fri"]}


def holds(condition: dict[str, Any], **facts: Any) -> bool:
    return Match.model_validate(condition).holds(ALICE, CALL, replace(FACTS, **facts))


@pytest.mark.parametrize(
    ("hours", "at", "fits"),
    [
        (WORK, "2026-11-25T07:00", True),  # 08:00 in Berlin, a Wednesday
        (WORK, "2026-11-25T06:59", False),
        (WORK, "2026-11-25T16:59", True),
        (WORK, "2026-11-25T17:00", False),  # 18:00: `to` is not in it
        (WORK, "2026-11-28T12:00", False),  # a Saturday
        (WORK, "2026-07-01T06:00", True),  # 08:00 in summer
        ({**WORK, "zone": "UTC"}, "2026-11-25T07:00", False),
        (NIGHT, "2026-11-27T21:00", True),  # Friday, 22:00
        (NIGHT, "2026-11-28T04:59", True),  # Saturday, 05:59: Friday's night
        (NIGHT, "2026-11-28T05:00", False),
        (NIGHT, "2026-11-28T22:00", False),  # Saturday's night
        (NIGHT, "2026-11-27T04:00", False),  # Thursday's night
        ({"from": "18:00", "to": "24:00"}, "2026-11-25T22:59", True),
        ({"from": "18:00", "to": "24:00"}, "2026-11-25T23:00", False),
        ({"days": ["sat-mon"]}, "2026-11-29T12:00", True),
        ({"days": ["sat-mon"]}, "2026-11-24T12:00", False),
        ({"days": ["wed", "fri"]}, "2026-11-25T12:00", True),
    ],
)
def test_hours_are_the_companys_unless_the_rule_names_a_zone(hours, at, fits):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert holds({"hours": hours}, at=moment, zone=BERLIN) is fits


def test_without_a_moment_no_hours_hold():
    assert not holds({"hours": {"days": ["mon-sun"]}}, at=None)


@pytest.mark.parametrize(
    ("condition", "facts", "fits"),
    [
        (
            {"budget": {"name": "core", "used_percent": {"at_least": 80}}},
            {"used_percent": {"core": 80}},
            True,
        ),
        (
            {"budget": {"name": "core", "used_percent": {"at_least": 80}}},
            {"used_percent": {"core": 79}},
            False,
        ),
        (
            {"budget": {"name": "core", "used_percent": {"at_most": 80}}},
            {"used_percent": {"other": 1}},
            False,
        ),
        ({"task": "coding"}, {"task": "coding"}, True),
        ({"task": ["coding", "reasoning"]}, {"task": "creative"}, False),
        ({"task": "coding"}, {"task": None}, False),
        ({"task": ["other", "unknown"]}, {"task": None}, True),
    ],
    ids=str,
)
def test_what_is_known_decides_and_what_is_not_known_does_not_match(condition, facts, fits):
    assert holds(condition, **facts) is fits


@pytest.mark.parametrize(
    ("health", "fits"),
    [
        (Health(ttft_p95_ms=4000.0), True),
        (Health(ttft_p95_ms=3999.9), False),
        (Health(ttft_ms=9000.0), False),
        (None, False),
    ],
    ids=str,
)
def test_latency_is_of_the_target_that_is_asked(health, fits):
    measured = {Target("anthropic", "haiku-1"): Health(ttft_p95_ms=9000.0)}
    if health is not None:
        measured[Target("anthropic", "opus-1")] = health
    assert holds({"latency": {"ttft_p95_ms": {"at_least": 4000}}}, health=measured) is fits


@pytest.mark.parametrize(
    ("name", "field"), [("vision", "has_images"), ("thinking", "has_thinking"), ("json", "wants_json")]
)
def test_what_a_request_needs_is_matched_both_ways(name, field):
    for has in (True, False):
        call = replace(CALL, **{field: has})
        assert Match.model_validate({name: True}).holds(ALICE, call, FACTS) is has
        assert Match.model_validate({name: False}).holds(ALICE, call, FACTS) is not has


@pytest.mark.parametrize(
    "condition",
    [
        {"hours": {"from": "8:00", "to": "18:00"}},
        {"hours": {"from": "08:00", "to": "08:00"}},
        {"hours": {"from": "08:00", "to": "18:00", "days": ["monday"]}},
        {"hours": {"from": "08:00", "to": "18:00", "zone": "Berlin"}},
        {"task": "poetry"},
        {"latency": {}},
        {"latency": {"ttft_ms": {"at_least": -1}}},
        {"budget": {"name": "core"}},
        {"json_": True},
    ],
    ids=str,
)
def test_a_condition_that_makes_no_sense_is_refused_at_load(condition):
    with pytest.raises(ValidationError):
        Match.model_validate(condition)
