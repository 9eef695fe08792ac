"""The kinds of rules, one file each: a model of what people write, with a pure `apply`.

Budgets: all that match apply. Routes: the first that matches. Guard: all that match, the strictest action
wins. Inject: the first that matches. Audit: every condition must hold.
"""

from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.inject import Inject
from sluiceway.policy.kinds.route import Route

__all__ = ["Audit", "Guard", "Inject", "Route"]
