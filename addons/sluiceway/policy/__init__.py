"""The company's rules: read from rules/policy/, then pure functions of policy, principal and time."""

from sluiceway.policy.budgets import caps, changes, stands, used_percent
from sluiceway.policy.check import check
from sluiceway.policy.decide import decide, kept_out, leads_away
from sluiceway.policy.guarding import Ruling, asked, judge
from sluiceway.policy.injecting import injected_by, is_company_money
from sluiceway.policy.instead import not_instead
from sluiceway.policy.load import load_policy
from sluiceway.policy.policy import Policy

__all__ = [
    "Policy",
    "Ruling",
    "asked",
    "caps",
    "changes",
    "check",
    "decide",
    "injected_by",
    "is_company_money",
    "judge",
    "kept_out",
    "leads_away",
    "load_policy",
    "not_instead",
    "stands",
    "used_percent",
]
