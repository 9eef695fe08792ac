"""`sluiceway status` of several workers: one answer for all of them."""

from __future__ import annotations

from typing import Any

from sluiceway.app.workers import _summed

SHUT = {"provider": "anthropic", "model": "claude-sonnet-4-5", "key": "main", "state": "open"}


def answer(*breakers: dict[str, str]) -> dict[str, Any]:
    return {
        "draining": False,
        "rules_problem": None,
        "requests_in_flight": 2,
        "breakers": list(breakers),
    }


def test_a_breaker_that_is_open_in_any_worker_is_told_once() -> None:
    probed = SHUT | {"state": "half_open"}
    told = _summed([answer(), answer(SHUT), answer(SHUT, probed)])
    assert told["breakers"] == [SHUT, probed]
    assert told["requests_in_flight"] == 6
    assert _summed([answer()])["breakers"] == []
