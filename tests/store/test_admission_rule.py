"""The rule of admission and the waiting line, as pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from store_world import MONTH

from sluiceway.store import Want
from sluiceway.store.accounts import Counter
from sluiceway.store.admission import Exhausted, Fits, Line, Short, judge
from sluiceway.store.amounts import Amounts
from sluiceway.types import Cap, Unit


@dataclass(frozen=True, eq=False)
class Asked:
    want: Want
    caps: tuple[Cap, ...]

    @property
    def most(self) -> Amounts:
        return Amounts(self.want.nusd, 1, self.want.tokens, 1)

    @property
    def least(self) -> Amounts:
        return Amounts(self.want.floor_nusd, 1, self.want.least_tokens, 1)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(cap.rule for cap in self.caps)


def world(**figures: tuple[int, int, int]) -> tuple[dict[str, Cap], dict[str, Counter]]:
    """Caps and counters by name, from (limit, spent, reserved)."""
    caps = {name: Cap(name, (), "month", MONTH, None, limit) for name, (limit, _, _) in figures.items()}
    counters = {
        name: Counter(name, (), "usd", 0, None, spent, reserved)
        for name, (_, spent, reserved) in figures.items()
    }
    return caps, counters


def fits(nusd: int, limited: bool = False) -> Fits:
    return Fits(Amounts(nusd, 1, 0, 1), limited)


ROOMY = (1000, 0, 0)
CASES = {
    "no caps: all it wants": ((50, 10), {}, fits(50)),
    "room on every cap": ((50, 10), {"a": (100, 50, 0), "b": ROOMY}, fits(50)),
    "exactly what is free": ((50, 10), {"a": (100, 20, 30)}, fits(50)),
    "one too little, reserved by others: wait": ((50, 10), {"a": (100, 20, 31)}, "a"),
    "one too little, all spent: what is left": ((50, 10), {"a": (100, 51, 0)}, fits(49, limited=True)),
    "what is left is just the floor": ((50, 10), {"a": (100, 90, 0)}, fits(10, limited=True)),
    "what is left is below the floor": ((50, 10), {"a": (100, 91, 0)}, Exhausted),
    "below the floor, though others hold reservations": ((50, 10), {"a": (100, 91, 5)}, Exhausted),
    "one exhausted cap among roomy ones": ((50, 10), {"a": ROOMY, "b": (100, 95, 0), "c": ROOMY}, Exhausted),
    "spent beyond the limit": ((50, 10), {"a": (100, 130, 0)}, Exhausted),
    "nothing wanted, everything spent exactly": ((0, 0), {"a": (100, 100, 0)}, fits(0)),
    "nothing wanted, spent beyond the limit": ((0, 0), {"a": (100, 101, 0)}, Exhausted),
    "a limit of nothing": ((50, 10), {"a": (0, 0, 0)}, Exhausted),
    "left on one cap, free on the other: no use to wait": (
        (50, 10),
        {"a": (100, 60, 0), "b": (100, 0, 60)},
        fits(40, limited=True),
    ),
    "the tightest of two short caps is named": ((50, 10), {"a": (100, 0, 60), "b": (100, 0, 70)}, "b"),
    "a floor that equals the want": ((50, 50), {"a": (100, 51, 0)}, Exhausted),
}


@pytest.mark.parametrize(("want", "figures", "verdict"), CASES.values(), ids=CASES.keys())
def test_a_want_meets_its_caps(
    want: tuple[int, int], figures: dict[str, tuple[int, int, int]], verdict: Fits | str | type[Exhausted]
) -> None:
    caps, counters = world(**figures)
    found = judge(Asked(Want(*want), tuple(caps.values())), counters)
    if isinstance(verdict, str):
        assert isinstance(found, Short)
        assert found.cap is caps[verdict]
    elif isinstance(verdict, Fits):
        assert found == verdict
    else:
        assert isinstance(found, verdict)


def test_the_final_no_names_the_cap_with_the_least_left() -> None:
    caps, counters = world(a=(100, 95, 0), b=(100, 99, 0), c=(100, 97, 0))
    found = judge(Asked(Want(50, 10), tuple(caps.values())), counters)
    assert found == Exhausted(caps["b"], 99)


@pytest.mark.parametrize(("most", "floor"), [(10, 11), (10, -1), (-1, -1)])
def test_a_want_below_its_floor_is_a_mistake(most: int, floor: int) -> None:
    with pytest.raises(ValueError, match="floor <= nusd"):
        Want(most, floor)
    with pytest.raises(ValueError, match="floor <= tokens"):
        Want(1, 1, most, floor)


def test_without_a_floor_in_tokens_the_floor_is_all_of_them() -> None:
    assert (Want(1, 1, 9).least_tokens, Want(1, 1, 9, 0).least_tokens, Want(1, 1).least_tokens) == (9, 0, 0)


MIXED = {
    "room in every unit": ({"usd": ROOMY, "requests": ROOMY, "tokens": ROOMY, "concurrent": ROOMY}, 50, 40),
    "a request in flight is made": ({"requests": (3, 1, 2)}, "spent", "requests"),
    "the last request": ({"requests": (3, 1, 1)}, 50, 40),
    "all places taken: wait": ({"concurrent": (3, 0, 3)}, "short", "concurrent"),
    "the last place": ({"concurrent": (3, 0, 2)}, 50, 40),
    "tokens reserved by others: wait": ({"tokens": (100, 20, 41)}, "short", "tokens"),
    "few tokens left, money as wanted": ({"usd": ROOMY, "tokens": (100, 70, 0)}, 50, 30),
    "little money left, tokens as wanted": ({"usd": (100, 70, 0), "tokens": ROOMY}, 30, 40),
    "fewer tokens left than the floor": ({"usd": ROOMY, "tokens": (100, 93, 0)}, "spent", "tokens"),
    "tokens exhausted, money short: a final no": (
        {"usd": (100, 0, 90), "tokens": (100, 93, 0)},
        "spent",
        "tokens",
    ),
    "short of money and of a place: money is named": (
        {"concurrent": (1, 0, 1), "usd": (100, 0, 90)},
        "short",
        "usd",
    ),
}


@pytest.mark.parametrize(("figures", "result", "detail"), MIXED.values(), ids=MIXED.keys())
def test_a_want_meets_caps_in_several_units(
    figures: dict[Unit, tuple[int, int, int]], result: int | str, detail: int | str
) -> None:
    """50 nano-dollars and 40 tokens are wanted, 10 and 8 are the floors."""
    caps = {unit: Cap(unit, (), "month", MONTH, None, limit, unit) for unit, (limit, _, _) in figures.items()}
    counters = {unit: Counter(unit, (), unit, 0, None, *held) for unit, (_, *held) in figures.items()}
    found = judge(Asked(Want(50, 10, 40, 8), tuple(caps.values())), counters)
    if isinstance(result, int):
        assert isinstance(detail, int)
        assert found == Fits(Amounts(result, 1, detail, 1), (result, detail) != (50, 40))
    else:
        assert isinstance(found, Exhausted if result == "spent" else Short)
        assert found.cap.rule == detail


def test_who_is_short_in_several_units_claims_all_their_counters() -> None:
    units: tuple[Unit, ...] = ("usd", "tokens", "concurrent")
    caps = [Cap(unit, (), "month", MONTH, None, 100, unit) for unit in units]
    counters = {unit: Counter(unit, (), unit, 0, None, 0, 100) for unit in units}
    found = judge(Asked(Want(50, 10, 40), tuple(caps)), counters)
    assert isinstance(found, Short)
    assert found.keys == set(units)


def test_a_lasting_no_comes_before_a_passing_one_and_money_before_tokens() -> None:
    caps = [
        Cap("rate", (), "minute", MONTH, None, 100, "usd"),
        Cap("tokens", (), "month", MONTH, None, 100, "tokens"),
        Cap("money", (), "month", MONTH, None, 100, "usd"),
    ]
    counters = {cap.rule: Counter(cap.rule, (), cap.unit, 0, None, 100, 0) for cap in caps}
    for asked, named in ((caps, "money"), (caps[:2], "tokens"), (caps[:1], "rate")):
        found = judge(Asked(Want(50, 10, 40), tuple(asked)), counters)
        assert isinstance(found, Exhausted)
        assert found.cap.rule == named


def served(line: Line[Asked], counters: dict[str, Counter]) -> list[Asked]:
    """Serves the line, reserving for each as the batch does."""
    order = []
    for asked, verdict in line.ready(counters):
        order.append(asked)
        if isinstance(verdict, Fits):
            for key in asked.keys:
                counters[key].reserved += verdict.amounts.usd
    return order


def stand(line: Line[Asked], counters: dict[str, Counter], asked: Asked) -> Asked:
    verdict = line.judge(asked, counters)
    assert isinstance(verdict, Short)
    line.join(asked, verdict)
    return asked


def test_the_line_is_first_come_first_served() -> None:
    caps, counters = world(a=(100, 0, 100))
    line: Line[Asked] = Line()
    first, second, third = (stand(line, counters, Asked(Want(40, 10), (caps["a"],))) for _ in range(3))
    counters["a"].reserved = 20  # 80 are free: two of three
    assert served(line, counters) == [first, second]
    assert list(line) == [third]


def test_a_small_want_does_not_overtake_a_large_one_on_the_same_cap() -> None:
    caps, counters = world(a=(100, 0, 70))
    line: Line[Asked] = Line()
    large = stand(line, counters, Asked(Want(40, 10), (caps["a"],)))
    small = Asked(Want(5, 5), (caps["a"],))  # 30 are free, but the large one was here first
    assert isinstance(line.judge(small, counters), Short)
    line.join(small, Short(caps["a"], frozenset("a")))
    assert served(line, counters) == []
    counters["a"].reserved = 60
    assert served(line, counters) == [large]


def test_who_is_stuck_on_one_cap_does_not_block_those_who_need_others() -> None:
    caps, counters = world(company=ROOMY, alice=(100, 0, 100), bob=ROOMY)
    line: Line[Asked] = Line()
    stand(line, counters, Asked(Want(40, 10), (caps["company"], caps["alice"])))
    bob = Asked(Want(40, 10), (caps["company"], caps["bob"]))
    assert line.judge(bob, counters) == fits(40)


def test_who_waits_on_an_own_cap_is_passed_over_when_another_cap_frees() -> None:
    caps, counters = world(company=(100, 0, 100), alice=(50, 0, 50), bob=ROOMY)
    line: Line[Asked] = Line()
    stand(line, counters, Asked(Want(40, 10), (caps["company"], caps["alice"])))
    bob = stand(line, counters, Asked(Want(40, 10), (caps["company"], caps["bob"])))
    counters["company"].reserved = 0  # room for both, but alice's own cap is still held
    assert served(line, counters) == [bob]


def test_a_waiter_whose_cap_gets_spent_is_told_at_once_wherever_it_stands() -> None:
    caps, counters = world(a=(100, 0, 100), b=(100, 0, 100))
    line: Line[Asked] = Line()
    stand(line, counters, Asked(Want(40, 10), (caps["a"],)))
    second = stand(line, counters, Asked(Want(40, 10), (caps["a"], caps["b"])))
    counters["b"].spent, counters["b"].reserved = 95, 0
    assert served(line, counters) == [second]


def test_who_leaves_makes_room_for_those_behind() -> None:
    caps, counters = world(a=(100, 0, 70))
    line: Line[Asked] = Line()
    large = stand(line, counters, Asked(Want(40, 10), (caps["a"],)))
    small = stand(line, counters, Asked(Want(5, 5), (caps["a"],)))
    line.leave(large)
    assert line.moved
    assert served(line, counters) == [small]


def test_the_next_attempt_of_an_admitted_request_keeps_its_place() -> None:
    caps, counters = world(a=(100, 0, 70))
    line: Line[Asked] = Line()
    waiting = stand(line, counters, Asked(Want(40, 10), (caps["a"],)))
    follows = Asked(Want(20, 5), (caps["a"],))
    verdict = line.judge(follows, counters)
    assert isinstance(verdict, Short)  # another waits already
    line.join(follows, verdict, first=True)
    assert served(line, counters) == [follows]  # 30 are free
    assert list(line) == [waiting]
