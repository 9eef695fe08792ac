"""How the budgets stand: the policy's caps beside the store's counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy import or_, select

from sluiceway.policy import Policy, stands
from sluiceway.policy.budgets import cap_of, foreseen, in_force
from sluiceway.policy.model import Budget
from sluiceway.policy.scope import Place
from sluiceway.store import Store
from sluiceway.store.figures import RESERVED, SPENT
from sluiceway.store.moments import to_us
from sluiceway.store.scope import from_json
from sluiceway.store.tables import counters
from sluiceway.types import Cap, Principal, Raise

NOBODY = Principal(0, "", "employee", "")


@dataclass(frozen=True, slots=True)
class Standing:
    """A budget as the cap on one place, in its window of now, and what is spent and reserved on it."""

    budget: Budget
    cap: Cap
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class View:
    """What it takes to say which budgets apply: the rules, the moment, raises, registered keys by name."""

    policy: Policy
    at: datetime
    zone: tzinfo
    raises: tuple[Raise, ...]
    keys: dict[str, str]

    @classmethod
    def of(cls, policy: Policy, store: Store, zone: tzinfo) -> View:
        """As things are now in a store."""
        raises = tuple(each.what for each in store.raises.in_force())
        keys = {key.label: key.fingerprint for key in store.keys.list()}
        return cls(policy, datetime.now(UTC), zone, raises, keys)

    def used(self, store: Store, *, lasting: bool = False) -> Iterator[Standing]:
        """Every cap that anything was ever counted on in its window of now. `lasting`: none of a minute or an
        hour, of which there may be many."""
        for key, place, spent, reserved in _counters(store, self.at, lasting):
            for budget, cap in stands(self.policy, place, self.at, self.zone, self.raises, self.keys):
                if cap.counter == key:
                    yield Standing(budget, cap, spent, reserved)

    def unused(self, principals: Iterable[Principal]) -> Iterator[Standing]:
        """Every cap that is there before anybody comes: of people, teams and whatever a budget names."""
        people = [*principals]
        for budget in self.policy.budgets:
            if not in_force(budget, self.at, self.zone):
                continue
            of_somebody = budget.scope != "company" and budget.scope.of_somebody
            whom = people if of_somebody else [NOBODY]
            for place in dict.fromkeys(foreseen(budget, who, self.keys) for who in whom):
                if place is not None:
                    cap = cap_of(budget, place, self.at, self.zone, self.raises)
                    yield Standing(budget, cap, 0, 0)

    def key_name(self, fingerprint: str) -> str | None:
        """What a registered key is called."""
        return next((name for name, known in self.keys.items() if known == fingerprint), None)


def balances(store: Store) -> dict[str, tuple[int, int]]:
    """What is spent and reserved on each counter there is, in nano-dollars or counted."""
    with store.read() as connection:
        rows = connection.execute(select(counters.c.counter, SPENT, RESERVED)).all()
    return {row.counter: (row.spent, row.reserved) for row in rows}


def _counters(store: Store, at: datetime, lasting: bool) -> list[tuple[str, Place, int, int]]:
    """The counters whose window is not over."""
    column = counters.c
    open_ = or_(column.ends_at.is_(None), column.ends_at > to_us(at))
    query = select(column.counter, column.scope, SPENT, RESERVED).where(open_, column.starts_at <= to_us(at))
    if lasting:
        query = query.where(column.window.not_in(["minute", "hour", "now"]))
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [(row.counter, from_json(row.scope), row.spent, row.reserved) for row in rows]
