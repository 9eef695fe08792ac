"""The policy as written: one file of rules/policy/ and the budgets in it, checked and frozen."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.inject import Inject
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.windows import Window
from sluiceway.settings.section import Count, Name, Section, Text
from sluiceway.types import Unit, to_nusd

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
    """A limit on what a scope may spend, request or use in a window, or on what it may have open at once.
    Exactly one limit is set. All budgets that match a request apply.

    `limit_tokens` counts input and output. `window` is None for `limit_concurrent` and only there.
    `alert_at`: percents of the limit at which the team is told. `contact`: whom to ask about this budget,
    instead of the one in sluiceway.yaml.
    """

    name: Name
    scope: Literal["company"] | Team | Employee
    limit_usd: Usd | None = None
    limit_requests: Count | None = None
    limit_tokens: Count | None = None
    limit_concurrent: Count | None = None
    window: Annotated[Window | None, Field(validate_default=True)] = None
    alert_at: tuple[Percent, ...] = ()
    contact: Text | None = None

    @field_validator("window", mode="before")
    @classmethod
    def _fits_limit(cls, window: object, info: ValidationInfo) -> object:
        if "limit_concurrent" not in info.data:
            return window  # it is wrong itself, and said so
        concurrent = info.data["limit_concurrent"] is not None
        if concurrent and window is not None:
            raise ValueError("leave it out: limit_concurrent counts the requests that are open now")
        if not concurrent and window is None:
            raise ValueError("has no window; add 'window: ...'")
        return window

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        limits = (self.limit_usd, self.limit_requests, self.limit_tokens, self.limit_concurrent)
        if sum(limit is not None for limit in limits) != 1:
            raise ValueError(
                "write exactly one of limit_usd, limit_requests, limit_tokens and limit_concurrent; "
                "a further limit is a further budget"
            )
        return self

    @property
    def unit(self) -> Unit:
        """What is limited."""
        if self.limit_usd is not None:
            return "usd"
        if self.limit_requests is not None:
            return "requests"
        return "concurrent" if self.limit_tokens is None else "tokens"

    @property
    def limit(self) -> int:
        """In nano-dollars for money, else a count."""
        if self.limit_usd is not None:
            return to_nusd(self.limit_usd)
        count = self.limit_requests or self.limit_tokens or self.limit_concurrent
        assert count
        return count


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
    guard: tuple[Guard, ...] = ()
    audit: tuple[Audit, ...] = ()
    inject: tuple[Inject, ...] = ()
    keys: Keys | None = None
