"""Whose money a request is, and which inject rule gives it the company's key. Pure, like `decide`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluiceway.types import Call, Facts, KeyClass, Principal

if TYPE_CHECKING:
    from sluiceway.policy.kinds.inject import Inject
    from sluiceway.policy.policy import Policy


def injected_by(policy: Policy, who: Principal, call: Call, facts: Facts) -> Inject | None:
    """The first inject rule that matches; None: no rule gives this request the company's key."""
    return next((rule for rule in policy.inject if rule.match.holds(who, call, facts)), None)


def is_company_money(policy: Policy, key_class: KeyClass, has_company_keys: bool) -> bool:
    """Whether it is the company's to cap: logins and personal keys are not (decision 0001)."""
    if key_class is KeyClass.UNKNOWN:
        unset = "personal" if has_company_keys else "company"
        return (policy.unknown_keys or unset) == "company"
    return key_class is KeyClass.COMPANY
