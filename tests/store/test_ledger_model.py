"""The ledger against a model of it, in random sequences: admissions, top-ups, failovers, ends, crashes, cuts.

The model keeps plain lists and sums them anew for each question, so it cannot drift. Whatever happened, the
counters equal the ledger and the model, and no cap was passed by more than what was spent past admission:
charges above their reservation, recorded afterwards, and rows admitted while the cap was not in force.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from store_world import KEY, attempt, company, counter, ended, person, team

from sluiceway.store import Busy, Granted, Reservation, Spent, Store, Want
from sluiceway.types import Cap, Outcome

LIMITS = {"company": 300, "core": 150, "ops": 220, "alice": 100, "bob": 90, "carol": 200}
TEAM = {"alice": "core", "bob": "core", "carol": "ops"}

people = st.sampled_from(sorted(TEAM))
amounts = st.integers(0, 120)
in_force = st.lists(st.sampled_from(["company", "team", "person"]), unique=True, max_size=3).map(frozenset)


@dataclass(eq=False)
class Row:
    """A ledger row as the model knows it."""

    who: str
    request_id: str
    names: frozenset[str]  # the caps it was admitted under
    nusd: int
    open: bool = True
    charged: int = 0
    reservation: Reservation | None = None
    number: int = 1


def caps_of(who: str, forced: frozenset[str]) -> tuple[Cap, ...]:
    made = {
        "company": company(LIMITS["company"]),
        "team": team(LIMITS[TEAM[who]], TEAM[who]),
        "person": person(LIMITS[who], who),
    }
    return tuple(made[kind] for kind in ("company", "team", "person") if kind in forced)


def names_of(who: str, forced: frozenset[str]) -> frozenset[str]:
    every = {"company": "company", "team": TEAM[who], "person": who}
    return frozenset(every[kind] for kind in forced)


def name_of(cap: Cap) -> str:
    return cap.scope[0][1] if cap.scope else "company"


class LedgerAndModel(RuleBasedStateMachine):
    template: Path

    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.numbers = itertools.count(1)
        self.rows: list[Row] = []
        self.outside: dict[str, int] = dict.fromkeys(LIMITS, 0)  # spent past admission, by cap
        self.caps: dict[str, Cap] = {}

    @initialize()
    def open_store(self) -> None:
        self.path = Path(shutil.copy(self.template, Path(self.folder.name) / "0.db"))
        self.store = Store.open(f"sqlite:///{self.path}", key=KEY, boot="boot-0")

    def teardown(self) -> None:
        self.store.close()
        self.loop.close()
        self.folder.cleanup()

    def do(self, act: Callable[[], Awaitable[Any]]) -> Any:
        async def awaited() -> Any:
            return await act()

        return self.loop.run_until_complete(awaited())

    # What the model says

    def covered(self, name: str) -> list[Row]:
        return [row for row in self.rows if name in ("company", row.who, TEAM[row.who])]

    def spent(self, name: str) -> int:
        return sum(row.charged for row in self.covered(name))

    def reserved(self, name: str) -> int:
        return sum(row.nusd for row in self.covered(name) if row.open)

    def expected(self, caps: tuple[Cap, ...], nusd: int, floor: int) -> tuple[str, int]:
        attainable = min([nusd, *(cap.limit_nusd - self.spent(name_of(cap)) for cap in caps)])
        if attainable < floor:
            return "Spent", 0
        free = [cap.limit_nusd - self.spent(name_of(cap)) - self.reserved(name_of(cap)) for cap in caps]
        return ("Granted", attainable) if all(each >= attainable for each in free) else ("Busy", 0)

    def past_admission(self, who: str, nusd: int, names: frozenset[str] = frozenset()) -> None:
        """Counts money that the caps other than `names` were not asked for."""
        for name in {"company", TEAM[who], who} - names:
            self.outside[name] += nusd

    def admitted(self, row: Row, answer: object, caps: tuple[Cap, ...], want: tuple[int, int]) -> bool:
        for cap in caps:
            self.caps.setdefault(name_of(cap), cap)
        assert (type(answer).__name__, getattr(answer, "nusd", 0)) == self.expected(caps, *want)
        if isinstance(answer, Spent):
            assert answer.spent_nusd == self.spent(name_of(answer.cap))
        if not isinstance(answer, Granted):
            assert isinstance(answer, Spent | Busy)
            assert answer.cap in caps
            return False
        assert answer.limited == (answer.nusd < want[0])
        row.nusd, row.reservation = answer.nusd, answer.reservation
        self.rows.append(row)
        self.past_admission(row.who, answer.nusd, row.names)
        return True

    # What may happen

    @rule(target=running, who=people, nusd=amounts, floor=amounts, forced=in_force)
    def admit(self, who: str, nusd: int, floor: int, forced: frozenset[str]) -> Any:
        caps, want = caps_of(who, forced), (max(nusd, floor), min(nusd, floor))
        row = Row(who, f"r{next(self.numbers)}", names_of(who, forced), 0)
        ledger_row = attempt(row.request_id, who, team=TEAM[who])
        answer = self.do(lambda: self.store.ledger.admit(ledger_row, Want(*want), caps, 0))
        return row if self.admitted(row, answer, caps, want) else None

    @rule(row=running, extra=amounts)
    def top_up(self, row: Row | None, extra: int) -> None:
        if row is None or row.reservation is None:
            return
        got = self.do(lambda: self.store.ledger.top_up(row.reservation, extra))
        if not row.open:
            assert got == 0
            return
        free = [LIMITS[name] - self.spent(name) - self.reserved(name) for name in row.names]
        assert got == max(0, min([extra, *free]))
        row.nusd += got
        self.past_admission(row.who, got, row.names)

    @rule(row=consumes(running), charged=amounts, cut=st.booleans())
    def settle(self, row: Row | None, charged: int, cut: bool) -> None:
        if row is None or not row.open or row.reservation is None:
            return
        outcome = Outcome.TRUNCATED if cut else Outcome.OK
        ledger_row = attempt(row.request_id, row.who, team=TEAM[row.who], attempt=row.number)
        self.do(lambda: self.store.ledger.settle(row.reservation, ended(ledger_row, charged, outcome)))
        self.end(row, charged)

    def end(self, row: Row, charged: int) -> None:
        row.open, row.charged = False, charged
        self.past_admission(row.who, max(0, charged - row.nusd))

    @rule(target=running, row=consumes(running), charged=amounts, nusd=amounts, forced=in_force)
    def fail_over(self, row: Row | None, charged: int, nusd: int, forced: frozenset[str]) -> Any:
        if row is None or not row.open or row.reservation is None:
            return None
        caps = caps_of(row.who, forced)
        following = Row(row.who, row.request_id, names_of(row.who, forced), 0, number=row.number + 1)
        first = attempt(row.request_id, row.who, team=TEAM[row.who], attempt=row.number)
        second = attempt(row.request_id, row.who, team=TEAM[row.who], attempt=following.number)
        failed = ended(first, charged, Outcome.UPSTREAM_ERROR)
        answer = self.do(
            lambda: self.store.ledger.replace(row.reservation, failed, second, Want(nusd, 0), caps, 0)
        )
        self.end(row, charged)
        return following if self.admitted(following, answer, caps, (nusd, 0)) else None

    @rule(who=people, charged=amounts)
    def record(self, who: str, charged: int) -> None:
        request_id = f"r{next(self.numbers)}"
        self.do(lambda: self.store.ledger.record(ended(attempt(request_id, who, team=TEAM[who]), charged)))
        self.rows.append(Row(who, request_id, frozenset(), 0, open=False, charged=charged))
        self.past_admission(who, charged)

    @rule(target=running, who=people, nusd=amounts)
    def go_away_while_it_is_decided(self, who: str, nusd: int) -> None:
        """The client cancels; whatever the writer had done by then leaves no trace in the sums."""

        async def cancelled() -> None:
            row = attempt(f"r{next(self.numbers)}", who, team=TEAM[who])
            caps = caps_of(who, frozenset(["company", "team", "person"]))
            self.caps.update({name_of(cap): cap for cap in caps})
            task = asyncio.create_task(self.store.ledger.admit(row, Want(nusd, 0), caps, 60))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.loop.run_until_complete(cancelled())
        self.store.events.record("barrier", "test", {})

    @rule()
    def crash(self) -> None:
        number = next(self.numbers)
        copy = Path(self.folder.name) / f"{number}.db"
        for suffix in ("", "-wal"):
            shutil.copy(f"{self.path}{suffix}", f"{copy}{suffix}")
        self.store.close()
        self.path = copy
        self.store = Store.open(f"sqlite:///{copy}", key=KEY, boot=f"boot-{number}")
        left_open = [row for row in self.rows if row.open]
        assert self.store.recovered == len(left_open)
        for row in left_open:
            self.end(row, row.nusd)

    # What must hold

    @invariant()
    def the_counters_equal_the_ledger_and_the_model(self) -> None:
        assert self.store.verify() == []
        for name, cap in self.caps.items():
            assert counter(self.path, cap) == (self.spent(name), self.reserved(name))

    @invariant()
    def no_cap_is_passed_by_admission(self) -> None:
        for name, limit in LIMITS.items():
            assert self.spent(name) + self.reserved(name) <= limit + self.outside[name]

    @invariant()
    def every_open_row_is_known(self) -> None:
        assert self.store.status()["open_reservations"] == sum(row.open for row in self.rows)


def test_random_sequences_agree_with_the_model(empty_database: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    LedgerAndModel.template = empty_database
    run_state_machine_as_test(
        LedgerAndModel, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
