"""What a rule looks at: every condition given must hold, and one that cannot be told does not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fnmatch import translate
from functools import cached_property, lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sluiceway.policy.conditions import BudgetState, Hours, Latency, Range
from sluiceway.settings.section import Section
from sluiceway.types import Call, Facts, Principal, Target

MAX_GLOB = 128


def _glob(text: str) -> str:
    if not text or len(text) > MAX_GLOB or not text.isprintable():
        raise ValueError("write a name, or a pattern such as 'claude-opus-*' ('*' any letters, '?' one)")
    if "[" in text or "]" in text:
        raise ValueError("only '*' and '?' have a meaning here; leave brackets out")
    return text


@lru_cache(maxsize=4096)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def matches(glob: str, text: str | None) -> bool:
    """Whether a name fits a pattern, letter by letter. An unknown name fits nothing."""
    return text is not None and _compiled(glob).match(text) is not None


type Glob = Annotated[str, AfterValidator(_glob)]
type Key = Literal["company", "personal", "subscription", "unknown"]
type Task = Literal["coding", "reasoning", "creative", "other", "unknown"]
type Globs = Glob | Annotated[tuple[Glob, ...], Field(min_length=1)]
type Check = Callable[[Principal, Call, Facts], bool]

UNKNOWN_TASK = "unknown"


class Match(Section):
    """Conditions on who asks, for what, with which client. All that are given must hold.

    `client` is the client's own word (its User-Agent): good for routing and reports, no access control.
    `input_tokens` is our estimate before the answer; `key` is whose credential the request carries. `task` is
    what sort of work it looks like, `unknown` where that cannot be told; `vision`, `thinking` and `json` are
    whether the request has images, asks for reasoning, or wants JSON alone.
    """

    employee: Globs | None = None
    service: Globs | None = None
    team: Globs | None = None
    client: Globs | None = None
    provider: Globs | None = None
    model: Globs | None = None
    operation: Globs | None = None
    tools: bool | None = None
    stream: bool | None = None
    vision: bool | None = None
    thinking: bool | None = None
    json_: bool | None = Field(default=None, alias="json")
    input_tokens: Range | None = None
    key: Key | Annotated[tuple[Key, ...], Field(min_length=1)] | None = None
    task: Task | Annotated[tuple[Task, ...], Field(min_length=1)] | None = None
    hours: Hours | None = None
    budget: BudgetState | None = None
    latency: Latency | None = None

    def holds(self, who: Principal, call: Call, facts: Facts) -> bool:
        """Whether every condition holds for this request."""
        for check in self._lasting:
            if not check(who, call, facts):
                return False
        return self.holds_now(who, call, facts)

    def lasts(self, who: Principal, call: Call, facts: Facts) -> bool:
        """Whether those conditions hold that are the same for all requests of a conversation."""
        return all(check(who, call, facts) for check in self._lasting)

    def holds_now(self, who: Principal, call: Call, facts: Facts) -> bool:
        """Whether the others hold, which change from one request to the next."""
        for check in self._passing:  # noqa: SIM110
            if not check(who, call, facts):
                return False
        return True

    @cached_property
    def of_any_model(self) -> Match:
        """The same without what it says of the model."""
        return self.model_copy(update={"model": None}) if self.model is not None else self

    @cached_property
    def _lasting(self) -> tuple[Check, ...]:
        return tuple(self._lasting_checks())

    @cached_property
    def _passing(self) -> tuple[Check, ...]:
        return tuple(self._passing_checks())

    def _lasting_checks(self) -> Iterator[Check]:
        if self.provider is not None:
            yield _named(self.provider, lambda who, call, facts: facts.provider)
        if self.model is not None:
            yield _named(self.model, lambda who, call, facts: call.model)
        if self.team is not None:
            yield _named(self.team, lambda who, call, facts: who.team)
        if self.employee is not None:
            yield _named(self.employee, lambda who, call, facts: who.name if who.kind == "employee" else None)
        if self.service is not None:
            yield _named(self.service, lambda who, call, facts: who.name if who.kind == "service" else None)
        if self.client is not None:
            yield _named(self.client, lambda who, call, facts: facts.client_name)
        if self.operation is not None:
            yield _named(self.operation, lambda who, call, facts: call.operation)
        if self.key is not None:
            keys = frozenset((self.key,) if isinstance(self.key, str) else self.key)
            yield lambda who, call, facts: facts.key_class in keys

    def _passing_checks(self) -> Iterator[Check]:
        if (tools := self.tools) is not None:
            yield lambda who, call, facts: call.has_tools is tools
        if (stream := self.stream) is not None:
            yield lambda who, call, facts: call.stream is stream
        if (vision := self.vision) is not None:
            yield lambda who, call, facts: call.has_images is vision
        if (thinking := self.thinking) is not None:
            yield lambda who, call, facts: call.has_thinking is thinking
        if (json := self.json_) is not None:
            yield lambda who, call, facts: call.wants_json is json
        if (tokens := self.input_tokens) is not None:
            yield lambda who, call, facts: tokens.holds(facts.input_tokens)
        if self.task is not None:
            tasks = frozenset((self.task,) if isinstance(self.task, str) else self.task)
            yield lambda who, call, facts: (facts.task or UNKNOWN_TASK) in tasks
        if (budget := self.budget) is not None:
            yield lambda who, call, facts: budget.holds(facts)
        if (latency := self.latency) is not None:
            yield lambda who, call, facts: latency.holds(Target(facts.provider, call.model or ""), facts)
        if (hours := self.hours) is not None:
            yield lambda who, call, facts: hours.holds(facts)


def _named(globs: Globs, name_of: Callable[[Principal, Call, Facts], str | None]) -> Check:
    """A check of a name against patterns; plain names are looked up, not matched."""
    each = (globs,) if isinstance(globs, str) else globs
    plain = frozenset(glob for glob in each if "*" not in glob and "?" not in glob)
    patterns = tuple(_compiled(glob).match for glob in each if glob not in plain)

    def check(who: Principal, call: Call, facts: Facts) -> bool:
        name = name_of(who, call, facts)
        return name is not None and (name in plain or any(fits(name) for fits in patterns))

    return check


def any_of(globs: Globs, name: str | None) -> bool:
    """Whether the name fits one of the patterns."""
    return any(matches(glob, name) for glob in ((globs,) if isinstance(globs, str) else globs))


EVERYTHING = Match()
