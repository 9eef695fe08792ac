"""Raising a budget: what is checked, what is written, and that it takes two people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sluiceway.app import operations
from sluiceway.app.alerts.watch import AlertWatch
from sluiceway.app.raises import Asked, checked, listing
from sluiceway.errors import SluicewayError, StoreError
from sluiceway.policy import Policy
from sluiceway.policy.budgets import cap_of
from sluiceway.policy.model import Budget
from sluiceway.store import Store
from sluiceway.types import Raise

AT = datetime(2026, 11, 21, 9, 36, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
POLICY = Policy(
    budgets=tuple(
        Budget.model_validate({"window": "day"} | each)
        for each in (
            {"name": "core-month", "scope": {"team": "core"}, "limit_usd": 500},
            {"name": "per-head", "scope": {"employee": "*"}, "limit_requests": 60},
        )
    )
)
GOOD = Asked("core-month", "2026-11-30", "alice", "bob", "release week", by="50")
MISTAKES = {
    "no such budget": ({"budget": "core-mnoth"}, "no budget 'core-mnoth' (did you mean 'core-month'?)"),
    "nothing like it": ({"budget": "x"}, "there is no budget 'x' (`sluiceway budget list` shows them)"),
    "by and to": ({"to": "900"}, "exactly one of --by (more than now) and --to (the new limit)"),
    "neither": ({"by": None}, "exactly one of --by (more than now) and --to (the new limit)"),
    "not a number": ({"by": "lots"}, "--by: write dollars, more than 0, such as 50 or 12.50, not 'lots'"),
    "less": ({"by": "-5"}, "--by: write dollars, more than 0"),
    "nothing": ({"by": "0"}, "--by: write dollars, more than 0"),
    "endless": ({"by": "Infinity"}, "--by: write dollars, more than 0"),
    "finer than money": ({"by": "0.0000000001"}, "--by: write dollars, more than 0"),
    "part of a request": ({"budget": "per-head", "by": "1.5"}, "counts requests; write a whole number"),
    "no more than now": ({"by": None, "to": "500"}, "--to: the limit is 500 USD already"),
    "for one of one": ({"only": "core"}, "--only: 'core-month' is no budget for each of several"),
    "by themselves": ({"approver": " Alice "}, "must be somebody else than the requester"),
    "by nobody": ({"approver": " "}, "--approver: write one line of 1 to 500 characters"),
    "without a reason": ({"reason": ""}, "--reason: write one line of 1 to 500 characters"),
    "with a line break": ({"reason": "a\nb"}, "--reason: write one line"),
    "no time": ({"until": "soon"}, "--until: write the last day (2026-12-31), a time"),
    "over already": ({"until": "2026-11-20"}, "--until: must be after now"),
    "too long": ({"until": "2028-01-01"}, "at most a year away"),
}


@pytest.mark.parametrize(("changes", "says"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_says_what_to_write(changes: dict[str, str | None], says: str) -> None:
    with pytest.raises(SluicewayError) as caught:
        checked(replace(GOOD, **changes), POLICY, AT, BERLIN)  # type: ignore[arg-type]  # names of fields
    assert says in str(caught.value)


UNTIL = {
    "the end of a day, there": ("2026-11-30", "2026-11-30T23:00:00+00:00"),
    "a time, there": ("2026-11-30T18:00", "2026-11-30T17:00:00+00:00"),
    "a time with its zone": ("2026-11-30T18:00:00Z", "2026-11-30T18:00:00+00:00"),
    "from now": ("4h", "2026-11-21T13:36:00+00:00"),
}


@pytest.mark.parametrize(("until", "ends"), UNTIL.values(), ids=UNTIL.keys())
def test_the_end_may_be_written_in_several_ways(until: str, ends: str) -> None:
    given = checked(replace(GOOD, until=until), POLICY, AT, BERLIN)
    assert given["until_us"] == datetime.fromisoformat(ends).timestamp() * 1_000_000
    assert (given["by"], given["to"], given["unit"]) == (50 * 10**9, None, "usd")


def now_us() -> int:
    return int(AT.timestamp() * 1_000_000)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url, key=b"k" * 32, boot="b", create=True, clock=now_us)
    yield opened
    opened.close()


def test_a_raise_is_written_with_both_names_and_an_event_and_can_be_withdrawn(store: Store) -> None:
    given = checked(replace(GOOD, budget="per-head", by="5", only="alice"), POLICY, AT, BERLIN)
    done = operations.run(store, "budget.raise", {**given, "actor": "root"})
    [raised] = store.raises.in_force()
    assert (raised.what.only, raised.what.by, raised.requester, raised.approver) == (
        "alice",
        5,
        "alice",
        "bob",
    )
    [row] = listing(store, AT)
    assert (row["state"], row["reason"], row["entered_by"]) == ("in force", "release week", "root")
    operations.run(store, "budget.withdraw", {"id": done["id"], "actor": "root"})
    assert store.raises.in_force() == ()
    assert listing(store, AT)[0]["state"] == "withdrawn"
    far = datetime(2027, 1, 1, tzinfo=UTC)
    events = [(event.kind, event.actor) for event in store.events.list(AT.replace(year=2025), far)]
    assert events == [("budget_raised", "root"), ("budget_raise_withdrawn", "root")]
    with pytest.raises(StoreError, match="there is no raise 1 in force"):
        operations.run(store, "budget.withdraw", {"id": 1, "actor": "root"})


def test_the_store_itself_takes_no_raise_of_one_person(store: Store) -> None:
    given = {**checked(GOOD, POLICY, AT, BERLIN), "approver": "ALICE", "actor": "root"}
    with pytest.raises(StoreError, match="needs two people"):
        operations.run(store, "budget.raise", given)
    assert store.raises.list() == ()


async def test_a_raise_on_one_node_binds_on_the_other_until_it_is_withdrawn(postgres_url: str) -> None:
    stores = [Store.open(postgres_url, key=b"k" * 32, boot=boot, clock=now_us) for boot in ("a", "b")]
    heard: list[tuple[Raise, ...]] = []
    other = AlertWatch(stores[1], (), UTC, lambda: POLICY, heard.append)
    done = operations.run(stores[0], "budget.raise", {**checked(GOOD, POLICY, AT, BERLIN), "actor": "root"})
    for _ in range(2):
        await other.look()
    [[raised]] = heard
    limit = cap_of(POLICY.budgets[0], (("team", "core"),), AT, BERLIN, (raised,)).limit
    assert limit == 550 * 10**9
    operations.run(stores[1], "budget.withdraw", {"id": done["id"], "actor": "root"})
    await other.look()
    assert heard[1:] == [()]
    with pytest.raises(StoreError, match="there is no raise 1 in force"):
        operations.run(stores[0], "budget.withdraw", {"id": 1, "actor": "root"})
    for store in stores:
        store.close()
