"""The records all rooms share: who calls, what is asked, what it used, what it cost, what was decided.

Units are in the names: `_tokens`, `_usd` (Decimal), `_nusd` (integer nano-dollars, 1e-9 USD),
`_ms`, `_s`, `_bytes`; `_at` is an aware UTC datetime. Unknown is None, never zero.

One file for each subject; all are imported from here.
"""

from __future__ import annotations

from sluiceway.types.amounts import NANO, NO_NAMES, NO_UNITS, to_nusd, to_usd
from sluiceway.types.answers import Answer, SeatWindow, Usage, UsageSource
from sluiceway.types.budgets import Cap, Raise, Spender, Unit
from sluiceway.types.calls import Call
from sluiceway.types.connections import Asked, Attachment, Page
from sluiceway.types.costs import Cost, CostBasis, TokenPrice
from sluiceway.types.findings import Finding
from sluiceway.types.ledger import LedgerRow, Outcome
from sluiceway.types.people import Identity, IdentityPath, KeyClass, Principal, Rejected
from sluiceway.types.providers import Provider, Quirks, Route
from sluiceway.types.refusals import ErrorAnswer, Refusal, RefusalKind
from sluiceway.types.routing import NO_HEALTH, Decision, Facts, Health, Step, Target, unpriced

__all__ = [
    "NANO",
    "NO_HEALTH",
    "NO_NAMES",
    "NO_UNITS",
    "Answer",
    "Asked",
    "Attachment",
    "Call",
    "Cap",
    "Cost",
    "CostBasis",
    "Decision",
    "ErrorAnswer",
    "Facts",
    "Finding",
    "Health",
    "Identity",
    "IdentityPath",
    "KeyClass",
    "LedgerRow",
    "Outcome",
    "Page",
    "Principal",
    "Provider",
    "Quirks",
    "Raise",
    "Refusal",
    "RefusalKind",
    "Rejected",
    "Route",
    "SeatWindow",
    "Spender",
    "Step",
    "Target",
    "TokenPrice",
    "Unit",
    "Usage",
    "UsageSource",
    "to_nusd",
    "to_usd",
    "unpriced",
]
