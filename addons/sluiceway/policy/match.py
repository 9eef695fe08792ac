"""What a rule looks at: every condition given must hold, and one that cannot be told does not hold."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sluiceway.settings.section import Section
from sluiceway.types import Call, Facts, Principal

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
type Globs = Glob | Annotated[tuple[Glob, ...], Field(min_length=1)]
type Tokens = Annotated[int, Field(ge=0, le=10**12, strict=True)]


class Range(Section):
    """A number between two bounds, both included; a bound that is left out does not bind."""

    at_least: Tokens | None = None
    at_most: Tokens | None = None

    def holds(self, number: int) -> bool:
        """Whether the number lies in the range."""
        low, high = self.at_least, self.at_most
        return (low is None or number >= low) and (high is None or number <= high)


class Match(Section):
    """Conditions on who asks, for what, with which client. All that are given must hold.

    `client` is the client's own word (its User-Agent): good for routing and reports, no access control.
    `input_tokens` is our estimate before the answer; `key` is whose credential the request carries.
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
    input_tokens: Range | None = None
    key: Key | Annotated[tuple[Key, ...], Field(min_length=1)] | None = None

    def holds(self, who: Principal, call: Call, facts: Facts) -> bool:
        """Whether every condition holds for this request."""
        names = (
            (self.employee, who.name if who.kind == "employee" else None),
            (self.service, who.name if who.kind == "service" else None),
            (self.team, who.team),
            (self.client, facts.client_name),
            (self.provider, facts.provider),
            (self.model, call.model),
            (self.operation, call.operation),
        )
        flags = ((self.tools, call.has_tools), (self.stream, call.stream))
        return (
            all(globs is None or any_of(globs, name) for globs, name in names)
            and all(wanted is None or wanted == found for wanted, found in flags)
            and (self.input_tokens is None or self.input_tokens.holds(facts.input_tokens))
            and (
                self.key is None
                or facts.key_class in ((self.key,) if isinstance(self.key, str) else self.key)
            )
        )


def any_of(globs: Globs, name: str | None) -> bool:
    """Whether the name fits one of the patterns."""
    return any(matches(glob, name) for glob in ((globs,) if isinstance(globs, str) else globs))


EVERYTHING = Match()
