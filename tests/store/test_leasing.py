"""Slices of a hot budget: never more than there is, none near the limit, all back when idle or in need."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.store.leasing import Leaser, Pool, Terms

TERMS = Terms(horizon_s=2.0, idle_s=5.0, share=0.5, least_wants=8)


def busy(rate: int = 100, seconds: int = 10, size: int = 10) -> Leaser:
    """A node that uses so much a second, in requests of one size, until the tenth second."""
    leaser = Leaser(TERMS)
    for number in range(rate * seconds // size):
        leaser.used(size, number * size / rate)
    return leaser


ASKED = {
    "a request the slice can carry": (busy(), 10, 10, Pool(10_000), 0),
    "two seconds' worth and the request": (busy(), 10, 0, Pool(1_000_000), 210),
    "what the request lacks and as much on top": (busy(), 10, 4, Pool(1_000_000), 206),
    "no more than a share of half of what is free": (busy(), 10, 0, Pool(800, nodes=4), 110),
    "near the limit, only what the request lacks": (busy(), 10, 0, Pool(600, nodes=4), 10),
    "somebody waits": (busy(), 10, 3, Pool(1_000_000, starved=True), 7),
    "the first request of a node": (Leaser(TERMS), 10, 0, Pool(1_000_000), 10),
    "more than is free": (busy(), 50, 0, Pool(49), 0),
    "all that is free": (busy(), 50, 0, Pool(50), 50),
}


@pytest.mark.parametrize(("leaser", "wanted", "unused", "pool", "about"), ASKED.values(), ids=ASKED)
def test_what_a_node_takes(leaser: Leaser, wanted: int, unused: int, pool: Pool, about: int) -> None:
    taken = leaser.ask(wanted, unused, pool, 10.0)
    assert taken == pytest.approx(about, rel=0.1)
    assert taken <= pool.free


BACK = {
    "in use": (200, Pool(1_000_000), 10.0, 0),
    "idle": (200, Pool(1_000_000), 15.1, 200),
    "somebody waits": (200, Pool(0, starved=True), 10.0, 200),
    "near the limit": (200, Pool(100, nodes=4), 10.0, 200),
    "far more than it needs": (5000, Pool(1_000_000), 10.0, 4800),
    "nothing to give": (0, Pool(0, starved=True), 10.0, 0),
}


@pytest.mark.parametrize(("unused", "pool", "now_s", "about"), BACK.values(), ids=BACK)
def test_what_a_node_gives_back(unused: int, pool: Pool, now_s: float, about: int) -> None:
    assert busy().surplus(unused, pool, now_s) == pytest.approx(about, rel=0.1)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 3)), max_size=30),
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(0, 10**6),
    st.integers(1, 1000),
    st.booleans(),
)
def test_a_slice_is_never_more_than_there_is(
    uses: list[tuple[int, float]], wanted: int, unused: int, free: int, nodes: int, starved: bool
) -> None:
    leaser, now_s = Leaser(), 0.0
    for amount, pause_s in uses:
        now_s += pause_s
        leaser.used(amount, now_s)
    pool = Pool(free, nodes, starved)
    taken = leaser.ask(wanted, unused, pool, now_s)
    assert 0 <= taken <= free
    assert taken == 0 or unused + taken >= wanted
    assert 0 <= leaser.surplus(unused, pool, now_s) <= unused


def test_ten_nodes_use_a_budget_up_with_few_visits_to_the_shared_counter() -> None:
    """100,000 in requests of 10: each of ten nodes asks in turn, at random; nothing is ever settled."""
    dice, free, visits, served = random.Random(5), 100_000, 0, 0
    leasers, unused = [Leaser(TERMS) for _ in range(10)], [0] * 10
    for number in range(11_000):
        node, now_s = dice.randrange(10), number / 1000
        if unused[node] < 10:
            visits += 1
            taken = leasers[node].ask(10, unused[node], Pool(free, 10), now_s)
            free, unused[node] = free - taken, unused[node] + taken
        if unused[node] >= 10:
            unused[node] -= 10
            served += 1
            leasers[node].used(10, now_s)
        elif free < 10:  # somebody waits: the others give back
            for other in range(10):
                back = leasers[other].surplus(unused[other], Pool(free, 10, starved=True), now_s)
                free, unused[other] = free + back, unused[other] - back
        assert free + sum(unused) + 10 * served == 100_000
    assert served == 10_000
    assert visits < 3_000
