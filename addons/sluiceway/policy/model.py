"""The policy as written: one file of rules/policy/ and the budgets in it, checked and frozen."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sluiceway.policy.kinds.route import Route
from sluiceway.policy.windows import Window
from sluiceway.settings.section import Name, Section, Text

EACH = "*"
MAX_USD = 1_000_000_000  # nano-dollars of it fit a 64-bit integer nine times over
# The characters of Cap.counter (`team=core|month|...`) may not stand in a name it is made of.
PUNCTUATION = frozenset("._@+-")


def _who(text: str) -> str:
    if text == EACH:
        return text
    if not text or len(text) > 128 or not all(c.isalnum() or c in PUNCTUATION for c in text):
        raise ValueError("write one name, or '*' for each of them their own budget")
    return text


def _amount(usd: Decimal) -> Decimal:
    if usd > MAX_USD:
        raise ValueError(f"must be at most {MAX_USD}")
    if usd != round(usd, 9):
        raise ValueError("must have at most 9 decimal places")
    return usd


type Who = Annotated[str, AfterValidator(_who)]
type Usd = Annotated[Decimal, Field(gt=0), AfterValidator(_amount)]
type Percent = Annotated[int, Field(ge=1, le=100, strict=True)]


class Team(Section):
    """A budget of one team, or with '*' of each team on its own."""

    team: Who


class Employee(Section):
    """A budget of one employee, or with '*' of each employee on their own. Services are not employees."""

    employee: Who


class Budget(Section):
    """A limit on what a scope may spend in a calendar window. All budgets that match a request apply.

    `alert_at`: percents of the limit at which the team is told. `contact`: whom to ask about this budget,
    instead of the one in sluiceway.yaml.
    """

    name: Name
    scope: Literal["company"] | Team | Employee
    limit_usd: Usd
    window: Window
    alert_at: tuple[Percent, ...] = ()
    contact: Text | None = None


class Keys(Section):
    """How keys are treated that are neither registered company keys nor known to be personal.

    `company`: metered and capped. `personal`: metered apart, never capped.
    """

    unknown: Literal["company", "personal"]


class PolicyFile(Section):
    """One file of rules/policy/. The lists of all files are joined in the order of the file names.

    Without `keys`, an unknown key counts as a company key while no company key is registered (else caps
    would bind nobody on the first day), and as a personal key from then on.
    """

    version: Literal[1]
    budgets: tuple[Budget, ...] = ()
    routes: tuple[Route, ...] = ()
    keys: Keys | None = None
