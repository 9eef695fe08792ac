"""What was checked for this report: counters beside the ledger, the audit log beside its signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sluiceway.audit.verdict import Fault
from sluiceway.policy.words import short
from sluiceway.report.audience import Audience
from sluiceway.report.model import Attention, CapState, LogCheck, Verification, Weight
from sluiceway.report.section import Context, Section
from sluiceway.report.text import moment, plural
from sluiceway.store.records import Discrepancy
from sluiceway.types import Unit

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not equal its rows; amounts are in the unit, nano-dollars for "usd"."""

    holder: str
    window: str
    unit: Unit
    spent: int
    ledger_spent: int
    reserved: int
    ledger_reserved: int


@dataclass(frozen=True, slots=True)
class Checks:
    """`checked` None: nothing was. The lists are cut; `checked` has them whole."""

    checked: Verification | None
    differences: tuple[Difference, ...] = ()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def log(self) -> LogCheck | None:
        return self.checked.log if self.checked else None


def load(context: Context) -> Checks:
    checked, audience = context.verification, context.audience
    if checked is None:
        return Checks(None)
    verdict = checked.log.verdict
    return Checks(
        checked,
        tuple(_difference(each, audience) for each in checked.ledger.differences[:_SHOWN]),
        tuple(
            Fault(audience.words(each.where), audience.words(each.what)) for each in verdict.faults[:_SHOWN]
        ),
        tuple(audience.words(each) for each in verdict.warnings),
    )


def _difference(found: Discrepancy, audience: Audience) -> Difference:
    """The counter's key read back: `team=core|month|2026-11-01T00:00:00+00:00`, see types.Cap."""
    where, _, rest = found.counter.partition("|")
    window, _, starts = rest.partition("|")
    parts = [part.partition("=") for part in where.split(",") if "=" in part]
    scope = tuple((dimension, value) for dimension, _, value in parts)
    people = [value for dimension, value in scope if dimension in ("employee", "service")]
    who = audience.teams.get(people[0], "") if people else ""
    cap = CapState("", scope, window, 0, 0, 0, None, who, found.unit)
    return Difference(
        audience.holder(cap),
        f"{_window(window)} from {_moment(starts.partition('|')[0])}" if starts else window,
        found.unit,
        found.spent,
        found.ledger_spent,
        found.reserved,
        found.ledger_reserved,
    )


def _window(text: str) -> str:
    try:
        return short(text)
    except ValueError:  # as below
        return text


def _moment(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:  # a counter that nobody of us wrote
        return text


def attention(data: Checks) -> Sequence[Attention]:
    found: list[Attention] = []
    if data.checked is None:
        return ()
    if differing := len(data.checked.ledger.differences):
        headline = (
            f"{plural(differing, 'budget counter')} differ{'s' if differing == 1 else ''} from the ledger"
        )
        detail = "Somebody or something changed the database outside Sluiceway, or this is a defect of ours."
        found.append(Attention(Weight.ACT, headline, detail, "verification"))
    if faults := len(data.checked.log.verdict.faults):
        headline = f"The audit log does not verify: {plural(faults, 'fault')}"
        detail = "Records were altered, removed or rolled back since they were signed, or a key is missing."
        found.append(Attention(Weight.ACT, headline, detail, "verification"))
    return found


SECTION = Section("verification", "What was verified", load, attention, without_traffic=True)
