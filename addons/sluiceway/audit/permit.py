"""Whether a request is audited, and how far: a truth table. Everything that is not a clear yes is off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from sluiceway.policy.kinds.audit import Audit
from sluiceway.types import Call, Facts, KeyClass, Principal

type State = Literal["off", "metadata", "redacted"]


@dataclass(frozen=True, slots=True)
class Permit:
    """The answer, in the words of `x-sluiceway-audit`, and the reason in words for people.

    `notice_due`: only the person's acknowledgement is missing, so the notice should be shown now.
    """

    state: State
    why: str
    notice_due: bool = False


def permit(
    rule: Audit | None,
    at: datetime,
    zone: tzinfo,
    key_class: KeyClass,
    disclosed_at: datetime | None,
    acknowledged_at: datetime | None,
    auditor_keys_present: bool,
) -> Permit:
    """A body is kept only if a rule matches and is in force, the credential is the company's, two auditors'
    keys are there, and this person was given the notice of this rule and acknowledged it before.

    `disclosed_at` and `acknowledged_at` are those of the notice's present version; None: not yet.
    """
    if rule is None:
        return Permit("off", "no audit rule matches")
    if not rule.in_force(at, zone):
        return Permit("off", f"audit rule '{rule.name}' ended on {rule.until.isoformat()}")
    if key_class is not KeyClass.COMPANY:
        return Permit("off", f"the credential is not the company's ({key_class})")
    if rule.mode == "redacted" and not auditor_keys_present:
        return Permit("off", "no two people are registered who could open it (rules/auditors.yaml)")
    if disclosed_at is None or disclosed_at > at:
        return Permit("off", "the person was not given the notice", notice_due=True)
    if acknowledged_at is None or acknowledged_at > at:
        return Permit("off", "the person has not acknowledged the notice", notice_due=True)
    if acknowledged_at < disclosed_at:
        return Permit("off", "the acknowledgement is older than the notice", notice_due=True)
    return Permit(rule.mode, f"audit rule '{rule.name}'")


def applicable(
    rules: Iterable[Audit], who: Principal, call: Call, facts: Facts, at: datetime, zone: tzinfo
) -> Audit | None:
    """The first rule that matches and is in force; else the first that matches and has ended."""
    matching = [rule for rule in rules if rule.match.holds(who, call, facts)]
    return next((rule for rule in matching if rule.in_force(at, zone)), next(iter(matching), None))
