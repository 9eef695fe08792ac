"""Raising a budget for a while: what is asked for is checked against the rules and written with two names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from sluiceway.errors import SluicewayError
from sluiceway.policy import Policy
from sluiceway.policy.model import MAX_USD, Budget
from sluiceway.policy.scope import EACH
from sluiceway.policy.windows import first_instant, parse_length
from sluiceway.settings.sentences import nearest
from sluiceway.store import Store
from sluiceway.store.moments import from_us, to_us
from sluiceway.store.raises import Raised
from sluiceway.types import Raise, Unit, to_nusd, to_usd

MOST_COUNT = 10**12
LONGEST = timedelta(days=366)
LONGEST_TEXT = 500

type Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A raise as somebody typed it. Exactly one of `by` and `to` is given."""

    budget: str
    until: str
    requester: str
    approver: str
    reason: str
    by: str | None = None
    to: str | None = None
    only: str | None = None


def checked(asked: Asked, policy: Policy, at: datetime, zone: tzinfo) -> dict[str, Any]:
    """The arguments of `budget.raise`. Raises SluicewayError with what is wrong and what to write instead."""
    budget = _budget(asked.budget, policy)
    if (asked.by is None) == (asked.to is None):
        raise SluicewayError("write exactly one of --by (more than now) and --to (the new limit)")
    by = 0 if asked.by is None else _amount("--by", asked.by, budget.unit)
    to = None if asked.to is None else _amount("--to", asked.to, budget.unit)
    if to is not None and to <= budget.limit:
        now = _said(budget.limit, budget.unit)
        raise SluicewayError(f"--to: the limit is {now} already; write more than that")
    if asked.only is not None and not _is_for_each(budget):
        raise SluicewayError(f"--only: '{budget.name}' is no budget for each of several; leave it out")
    requester, approver = _text("--requester", asked.requester), _text("--approver", asked.approver)
    if requester.casefold() == approver.casefold():
        raise SluicewayError("--approver: must be somebody else than the requester; a raise needs two people")
    return {
        "budget": budget.name,
        "unit": budget.unit,
        "by": by,
        "to": to,
        "only": asked.only,
        "from_us": to_us(at),
        "until_us": to_us(_until(asked.until, at, zone)),
        "requester": requester,
        "approver": approver,
        "reason": _text("--reason", asked.reason),
    }


def _budget(name: str, policy: Policy) -> Budget:
    budget = policy.budget(name)
    if budget is not None:
        return budget
    near = nearest(name, [each.name for each in policy.budgets])
    guess = f"did you mean '{near}'?" if near else "`sluiceway budget list` shows them"
    raise SluicewayError(f"there is no budget '{name}' ({guess})")


def _is_for_each(budget: Budget) -> bool:
    return budget.scope != "company" and EACH in budget.scope.fields.values()


def _amount(option: str, text: str, unit: Unit) -> int:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if unit == "usd":
        if not (amount.is_finite() and 0 < amount <= MAX_USD and amount == round(amount, 9)):
            raise SluicewayError(f"{option}: write dollars, more than 0, such as 50 or 12.50, not {text!r}")
        return to_nusd(amount)
    if not (amount.is_finite() and 0 < amount <= MOST_COUNT and amount == int(amount)):
        raise SluicewayError(
            f"{option}: this budget counts {unit}; write a whole number of them, not {text!r}"
        )
    return int(amount)


def _until(text: str, at: datetime, zone: tzinfo) -> datetime:
    """A moment, the end of a day, or so long from now."""
    ends = _moment(text, at, zone)
    if ends is None:
        raise SluicewayError(
            "--until: write the last day (2026-12-31), a time (2026-12-31T18:00), or how long from now "
            f"(4h, 3d), not {text!r}"
        )
    if not at < ends <= at + LONGEST:
        raise SluicewayError("--until: must be after now and at most a year away; else change the rules")
    return ends


def _moment(text: str, at: datetime, zone: tzinfo) -> datetime | None:
    for read in (_after, _end_of_day, _at_time):
        try:
            return read(text.strip(), at, zone)
        except (ValueError, OverflowError):
            continue
    return None


def _after(text: str, at: datetime, zone: tzinfo) -> datetime:
    return at + parse_length(text)


def _end_of_day(text: str, at: datetime, zone: tzinfo) -> datetime:
    return first_instant(date.fromisoformat(text) + timedelta(days=1), zone)


def _at_time(text: str, at: datetime, zone: tzinfo) -> datetime:
    found = datetime.fromisoformat(text)
    return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)


def _text(option: str, text: str) -> str:
    found = text.strip()
    if not found or len(found) > LONGEST_TEXT or not found.isprintable():
        raise SluicewayError(f"{option}: write one line of 1 to {LONGEST_TEXT} characters")
    return found


def _raise(store: Store, given: Arguments) -> dict[str, Any]:
    from_at, until_at = from_us(given["from_us"]), from_us(given["until_us"])
    what = Raise(given["budget"], from_at, until_at, given["by"], given["to"], given["only"])
    people = (given["requester"], given["approver"], given["reason"], given["actor"])
    number = store.raises.add(Raised(0, what, given["unit"], *people))
    return {"id": number, "budget": what.budget, "until": until_at.isoformat()}


def _withdraw(store: Store, given: Arguments) -> dict[str, Any]:
    found = store.raises.withdraw(given["id"], given["actor"])
    return {"id": found.id, "budget": found.what.budget}


def listing(store: Store, at: datetime) -> list[dict[str, Any]]:
    """All raises there were, the latest first, as plain values."""
    return [_row(each, at) for each in reversed(store.raises.list())]


def _row(each: Raised, at: datetime) -> dict[str, Any]:
    what = each.what
    state = "in force" if what.holds(at) else "over" if what.until_at <= at else "to come"
    return {
        "id": each.id,
        "budget": what.budget,
        "only": what.only,
        "unit": each.unit,
        "by": _plain(what.by, each.unit) if what.by else None,
        "to": None if what.to is None else _plain(what.to, each.unit),
        "until": what.until_at.isoformat(),
        "state": "withdrawn" if each.withdrawn_at is not None else state,
        "requester": each.requester,
        "approver": each.approver,
        "reason": each.reason,
        "entered_by": each.actor,
    }


def _plain(value: int, unit: Unit) -> str | int:
    return f"{to_usd(value):f}" if unit == "usd" else value


def _said(value: int, unit: Unit) -> str:
    return f"{to_usd(value).normalize():f} USD" if unit == "usd" else f"{value:,} {unit}"


PREFIX = "budget."
OPERATIONS: dict[str, Callable[[Store, Arguments], Any]] = {
    "budget.raise": _raise,
    "budget.withdraw": _withdraw,
}
