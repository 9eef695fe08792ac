"""The policy as written: one file of rules/policy/ and the budgets in it, checked and frozen."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from sluiceway.policy.kinds.actions.place import Model
from sluiceway.policy.kinds.audit import Audit
from sluiceway.policy.kinds.guard import Guard
from sluiceway.policy.kinds.inject import Inject
from sluiceway.policy.kinds.route import Route
from sluiceway.policy.scope import EACH, Place, Scope
from sluiceway.policy.windows import FISCAL, ROLLING, first_instant, parse_length, spell_length
from sluiceway.settings.section import Count, Name, Section, Text
from sluiceway.types import Spender, Unit, to_nusd

MAX_USD = 1_000_000_000  # nano-dollars of it fit a 64-bit integer nine times over
# Client-made names have no end, and what is counted for ever is kept for ever.
_ENDLESS = "a budget of each {what} needs a window that ends, such as month or {{rolling: 7d}}"


def _amount(usd: Decimal) -> Decimal:
    if usd > MAX_USD:
        raise ValueError(f"must be at most {MAX_USD}")
    if usd != round(usd, 9):
        raise ValueError("must have at most 9 decimal places")
    return usd


type Usd = Annotated[Decimal, Field(gt=0), AfterValidator(_amount)]
type Percent = Annotated[int, Field(ge=1, le=100, strict=True)]
type Plain = Literal["minute", "hour", "day", "week", "month", "lifetime"]


class Rolling(Section):
    """The last so many minutes, hours or days, up to now: `{rolling: 24h}`."""

    rolling: str

    @field_validator("rolling")
    @classmethod
    def _length(cls, text: str) -> str:
        return spell_length(parse_length(text))


class FiscalMonth(Section):
    """A month that starts on another day than the first: `{fiscal_month_starts: 25}`."""

    fiscal_month_starts: Annotated[int, Field(ge=2, le=28, strict=True)]


class DegradeTo(Section):
    """The model that is asked for instead, at the same provider."""

    model: Model


class Degrade(Section):
    """What happens once a budget is used up: another model answers."""

    degrade: DegradeTo


class Budget(Section):
    """A limit on what a scope may spend, request or use in a window, or on what it may have open at once.
    Exactly one limit is set. All budgets that match a request apply.

    `limit_tokens` counts input and output. `window` is None for `limit_concurrent` and only there.
    `from` and `until` are the first and last day on which it is in force; what it counts is its window's.
    `alert_at`: percents of the limit at which an alert is sent; `alert_burn_rate`: so is one when what is
    spent so far would not last to the window's end. `contact`: whom to ask about this budget, instead of the
    one in sluiceway.yaml.
    """

    name: Name
    scope: Literal["company"] | Scope
    limit_usd: Usd | None = None
    limit_requests: Count | None = None
    limit_tokens: Count | None = None
    limit_concurrent: Count | None = None
    window: Annotated[Plain | Rolling | FiscalMonth | None, Field(validate_default=True)] = None
    from_: Annotated[date | None, Field(alias="from")] = None
    until: date | None = None
    on_exceed: Literal["block", "warn"] | Degrade = "block"
    alert_at: tuple[Percent, ...] = ()
    alert_burn_rate: bool = False
    contact: Text | None = None

    @field_validator("scope")
    @classmethod
    def _somebody(cls, scope: Literal["company"] | Scope) -> Literal["company"] | Scope:
        if scope == "company":
            return scope
        if not scope.fields:
            raise ValueError("write 'company', or what to keep it by, such as {team: core}")
        if scope.employee is not None and scope.service is not None:
            raise ValueError("nobody is an employee and a service; write one of them")
        return scope

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

    @field_validator("window")
    @classmethod
    def _ends(cls, window: object, info: ValidationInfo) -> object:
        scope = info.data.get("scope")
        if window == "lifetime" and isinstance(scope, Scope):
            for what in ("conversation", "model", "client"):
                if getattr(scope, what) == EACH:
                    raise ValueError(_ENDLESS.format(what=what))
        return window

    @field_validator("until")
    @classmethod
    def _after(cls, until: date | None, info: ValidationInfo) -> date | None:
        begins = info.data.get("from_")
        if until is not None and begins is not None and until < begins:
            raise ValueError("is before 'from'; write the last day on which it is in force")
        return until

    @field_validator("alert_burn_rate")
    @classmethod
    def _has_an_end(cls, wanted: bool, info: ValidationInfo) -> bool:
        if wanted and info.data.get("window") not in _FORESEEABLE and not _is_fiscal(info.data.get("window")):
            raise ValueError("needs a window of a day, a week or a month, whose end can be looked forward to")
        return wanted

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

    @property
    def period(self) -> str:
        """The window as types.Cap names it."""
        match self.window:
            case None:
                return "now"
            case Rolling(rolling=length):
                return f"{ROLLING}{length}"
            case FiscalMonth(fiscal_month_starts=day):
                return f"{FISCAL}{day}"
            case plain:
                return plain

    @property
    def degrade_to(self) -> str | None:
        """The model that answers instead, where one does."""
        return self.on_exceed.degrade.model if isinstance(self.on_exceed, Degrade) else None

    def place(self, spender: Spender) -> Place | None:
        """The place whose counter this spending moves: () for the company; None: not theirs."""
        return () if self.scope == "company" else self.scope.of(spender)

    def in_force(self, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        """From which moment up to which it binds; None: from ever, for ever."""
        begins = None if self.from_ is None else first_instant(self.from_, zone)
        return begins, None if self.until is None else first_instant(self.until + timedelta(days=1), zone)


_FORESEEABLE = ("day", "week", "month")


def _is_fiscal(window: object) -> bool:
    return isinstance(window, FiscalMonth)


class Loops(Section):
    """When a conversation counts as a loop: the same last message, `repeats` times `within` a while. `warn`
    sends an alert; `block` also refuses what follows until the message is another one."""

    repeats: Annotated[int, Field(ge=3, le=1000, strict=True)]
    within: str = "10m"
    on_loop: Literal["warn", "block"] = "warn"

    @field_validator("within")
    @classmethod
    def _length(cls, text: str) -> str:
        return spell_length(parse_length(text))

    @property
    def within_s(self) -> float:
        """`within` in seconds."""
        return parse_length(self.within).total_seconds()


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
    loops: Loops | None = None
