"""Breakers: what opens one, that exactly one probe goes through, and what teaches it nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluiceway.gateway.breaker import (
    KEPT,
    NEITHER,
    SUCCESS,
    Breakers,
    Change,
    Ending,
    Leave,
    Place,
    State,
    Trip,
)
from sluiceway.types import Target

OPUS = Target("anthropic", "claude-opus-4-5")
MAIN, SPARE = Place(OPUS, "main"), Place(OPUS, "spare")
FAILED, LIMITED = Ending("failure", "529"), Ending("limited", "429", 7.0)
TRIP = Trip(failures=3, window_s=30, open_s=10, longest_s=25)


def leave(breakers: Breakers, now_s: float, place: Place = MAIN) -> Leave:
    found = breakers.ask(place, now_s)
    assert found is not None
    return found


def opened(now_s: float = 0.0) -> tuple[Breakers, list[Change]]:
    """Breakers of which that of MAIN has just opened, and the history so far."""
    history: list[Change] = []
    breakers = Breakers(TRIP, history.append)
    for _ in range(3):
        breakers.ended(leave(breakers, now_s), FAILED, now_s)
    return breakers, history


def test_it_opens_by_failures_within_the_window_and_lets_nobody_through() -> None:
    breakers, history = opened()
    assert breakers.ask(MAIN, 9.9) is None
    assert breakers.shut(9.9) == {OPUS}
    assert history == [Change(MAIN, State.OPEN, "529")]


def test_failures_far_apart_open_nothing() -> None:
    breakers = Breakers(TRIP)
    for now_s in (0.0, 20.0, 40.0, 60.0):
        breakers.ended(leave(breakers, now_s), FAILED, now_s)
    assert breakers.ask(MAIN, 61.0) is not None


def test_a_few_failures_among_many_good_answers_open_nothing() -> None:
    breakers = Breakers(TRIP)
    for turn in range(30):
        breakers.ended(leave(breakers, 1.0), FAILED if turn % 3 == 0 else SUCCESS, 1.0)
    assert breakers.ask(MAIN, 1.0) is not None


def test_half_open_lets_exactly_one_probe_through() -> None:
    breakers, _ = opened()
    probe = leave(breakers, 10.0)
    assert probe.probe
    assert [breakers.ask(MAIN, 10.0 + wait) for wait in range(20)] == [None] * 20


def test_a_probe_that_is_answered_closes_it_and_old_failures_are_forgotten() -> None:
    breakers, history = opened()
    breakers.ended(leave(breakers, 10.0), SUCCESS, 11.0)
    breakers.ended(leave(breakers, 11.0), FAILED, 11.0)
    assert breakers.ask(MAIN, 11.0) is not None
    assert [change.state for change in history] == ["open", "half_open", "closed"]


def test_a_probe_that_begins_well_closes_it_and_its_end_counts_like_any_others() -> None:
    breakers, history = opened()
    now = breakers.began(leave(breakers, 10.0))
    assert [change.state for change in history] == ["open", "half_open", "closed"]
    assert (now.probe, breakers.ask(MAIN, 10.0) is not None) == (False, True)
    breakers.ended(now, FAILED, 60.0)
    assert len(breakers._known[MAIN].endings) == 1
    plain = leave(breakers, 60.0)
    assert breakers.began(plain) is plain


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breakers, _ = opened()
    breakers.ended(leave(breakers, 10.0), FAILED, 10.0)
    assert breakers.ask(MAIN, 29.9) is None
    breakers.ended(leave(breakers, 30.0), FAILED, 30.0)
    assert breakers.ask(MAIN, 54.9) is None
    assert breakers.ask(MAIN, 55.0) is not None


def test_a_client_that_left_is_neither_and_the_next_one_probes() -> None:
    breakers, _ = opened()
    breakers.ended(leave(breakers, 10.0), NEITHER, 10.0)
    assert leave(breakers, 10.0).probe
    counted = Breakers(TRIP)
    for _ in range(10):
        counted.ended(leave(counted, 0.0), NEITHER, 0.0)
    assert counted.ask(MAIN, 0.0) is not None


def test_a_429_rests_that_key_alone_for_as_long_as_was_asked() -> None:
    breakers = Breakers(TRIP)
    leave(breakers, 0.0, SPARE)
    for _ in range(5):
        breakers.ended(breakers.insist(MAIN), LIMITED, 0.0)
    assert breakers.ask(MAIN, 6.9) is None
    assert breakers.ask(SPARE, 0.0) is not None
    assert breakers.shut(0.0) == frozenset()
    assert leave(breakers, 7.0).probe is False


def test_answers_that_were_asked_for_before_it_opened_say_nothing_afterwards() -> None:
    breakers = Breakers(TRIP)
    early = [leave(breakers, 0.0) for _ in range(6)]
    for one in early[:3]:
        breakers.ended(one, FAILED, 1.0)
    breakers.ended(leave(breakers, 11.0), SUCCESS, 11.0)
    for one in early[3:]:
        breakers.ended(one, FAILED, 12.0)
    assert breakers.ask(MAIN, 12.0) is not None


def test_when_the_next_of_those_that_are_shut_opens_by_itself_is_known() -> None:
    breakers, _ = opened()
    breakers.ended(breakers.insist(SPARE), LIMITED, 0.0)
    assert breakers.next_turn_s(0.0) == 7.0
    assert breakers.next_turn_s(8.0) == 10.0
    assert breakers.next_turn_s(10.0) == float("inf")


def test_places_that_clients_make_up_do_not_pile_up() -> None:
    breakers = Breakers(TRIP)
    for number in range(KEPT + 50):
        breakers.ask(Place(Target("openai", f"made-up-{number}")), 0.0)
    assert len(breakers._known) == KEPT


STEP = st.tuples(st.floats(0.1, 15), st.sampled_from((SUCCESS, FAILED, LIMITED, NEITHER)), st.booleans())


@given(st.lists(STEP, max_size=80))
def test_there_are_never_two_probes_whatever_happens(steps: list[tuple[float, Ending, bool]]) -> None:
    breakers, _ = opened()
    now_s, running = 0.0, list[Leave]()
    for wait_s, ending, ends in steps:
        now_s += wait_s
        if (found := breakers.ask(MAIN, now_s)) is not None:
            running.append(found)
        assert sum(one.probe for one in running) <= 1
        if ends and running:
            breakers.ended(running.pop(0), ending, now_s)
