"""What another target may make good, what a breaker is told, and how long a provider asks to be left
alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluiceway.gateway.breaker import NEITHER, SUCCESS, Ending
from sluiceway.gateway.failing import LONGEST_REST_S, REST_S, Failure, ending_of, is_failure, retry_after_s
from sluiceway.types import LedgerRow, Outcome

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "elsewhere"),
    [((200, 307, 400, 401, 403, 404, 413, 422), False), ((408, 429, 500, 502, 503, 529), True)],
    ids=["not", "elsewhere"],
)
def test_only_what_is_not_the_requests_own_fault_is_asked_elsewhere(
    statuses: tuple[int, ...], elsewhere: bool
) -> None:
    assert {is_failure(status) for status in statuses} == {elsewhere}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "x"}, None),
        ({"retry-after": "9" * 400}, float("inf")),
        ({}, None),
    ],
    ids=["seconds", "none", "date", "past", "milliseconds", "words", "no number", "endless", "not said"],
)
def test_how_long_to_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, AT) == seconds


@pytest.mark.parametrize(
    ("said_s", "rests_s"), [(None, REST_S), (3.0, 3.0), (86_400.0, LONGEST_REST_S)], ids=str
)
def test_a_429_rests_its_key_within_a_bound(said_s: float | None, rests_s: float) -> None:
    failure = Failure("429", sent=True, status=429, retry_after_s=said_s)
    assert failure.ending == Ending("limited", "429", rests_s)
    assert Failure("529", sent=True, status=529).ending == Ending("failure", "529")


@pytest.mark.parametrize(
    ("outcome", "status", "ending"),
    [
        (Outcome.OK, 200, SUCCESS),
        (Outcome.CAPPED, 200, SUCCESS),
        (Outcome.CLIENT_CANCELLED, 200, NEITHER),
        (Outcome.INTERNAL_ERROR, None, NEITHER),
        (Outcome.TRUNCATED, 200, Ending("failure", "truncated")),
        (Outcome.UPSTREAM_ERROR, 200, Ending("failure", "200")),
        (Outcome.UPSTREAM_ERROR, 529, Ending("failure", "529")),
        (Outcome.UPSTREAM_ERROR, 400, SUCCESS),
        (Outcome.UPSTREAM_ERROR, 401, SUCCESS),
        (Outcome.UPSTREAM_ERROR, 429, Ending("limited", "429", 2.0)),
        (Outcome.UPSTREAM_ERROR, None, Ending("failure", "failed")),
    ],
)
def test_what_the_end_of_a_row_tells_a_breaker(outcome: Outcome, status: int | None, ending: Ending) -> None:
    row = LedgerRow("sw_1", AT, "alice", "employee", "core", outcome=outcome, upstream_status=status)
    assert ending_of(row, 2.0, draining=False) == ending
    assert ending_of(row, 2.0, draining=True) == NEITHER


def test_an_answer_of_which_nothing_could_be_shown_is_a_failure() -> None:
    assert ending_of(None, None, draining=False) == Ending("failure", "broken_off")
