"""Many shapes looked for in one text, in linear time: RE2 patterns behind one RE2 set of anchors.

RE2 has no backtracking, so no text takes more than linear time. The set is one pass that says which
rules can match at all; most texts hold the anchors of very few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import re2

from sluiceway.errors import ConfigError
from sluiceway.guard.characters import one_byte_each
from sluiceway.types import Finding

type Profile = Literal["inline", "audit"]
type Span = tuple[int, int]
PROFILES: tuple[Profile, ...] = ("inline", "audit")
SET_MEMORY_BYTES = 64 << 20
PATTERN_MEMORY_BYTES = 8 << 20
ExpressionError = re2.error


class Match(Protocol):
    """What re2 says of one match, in bytes of the text; a group that took no part is (-1, -1)."""

    def span(self, group: int = 0) -> Span: ...


class Pattern(Protocol):
    """What re2 offers of a compiled pattern."""

    def finditer(self, text: bytes) -> Iterator[Match]: ...
    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Match | None: ...


class TextPattern(Protocol):
    """The same over characters."""

    def finditer(self, text: str) -> Iterator[Match]: ...
    def search(self, text: str) -> Match | None: ...


# The finding within a match, or None when it is not what it looks like. Looks at no more than a bounded
# stretch around the match, else the whole scan is no longer linear.
type Check = Callable[[bytes, Match], Span | None]


def group(data: bytes, match: Match) -> Span | None:
    """The first group, or all of the match where the pattern has no group."""
    try:
        return match.span(1)
    except IndexError:
        return match.span()


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape. `anchor` is an expression that is found in every text where `pattern` is; `examples`
    are found by this very rule, which is proved whenever rules are compiled."""

    name: str
    type: str
    anchor: str
    pattern: str
    examples: tuple[str, ...]
    check: Check = group
    score: float = 1.0
    profiles: tuple[Profile, ...] = PROFILES


class Rules:
    """Compiled rules of one profile. Raises ConfigError for a rule that misses its own example."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._patterns = tuple(compiled(rule.pattern) for rule in rules)
        self._anchors = re2.Set.SearchSet(_options(SET_MEMORY_BYTES, latin=True))
        for rule in rules:
            self._anchors.Add(rule.anchor.encode("latin-1"))
        if rules:
            self._anchors.Compile()
        self._prove()

    def find(self, data: bytes) -> Iterator[Finding]:
        """Every finding of every rule in the bytes of `one_byte_each`; they may overlap."""
        if not self._rules:
            return
        # Match answers None, not an empty list, where nothing matches.
        for index in self._anchors.Match(data) or ():
            rule = self._rules[index]
            for match in self._patterns[index].finditer(data):
                if (span := rule.check(data, match)) is not None:
                    yield Finding(rule.type, rule.name, span[0], span[1], rule.score)

    def _prove(self) -> None:
        for rule in self._rules:
            for example in rule.examples:
                if not any(finding.rule == rule.name for finding in self.find(one_byte_each(example))):
                    raise ConfigError(f"guard rule {rule.name}: does not find one of its own examples")


def compiled(expression: str) -> Pattern:
    """An RE2 expression over the bytes of `one_byte_each`. Raises ExpressionError when it is none."""
    result: Pattern = re2.compile(expression.encode("latin-1"), _options(PATTERN_MEMORY_BYTES, latin=True))
    return result


def compiled_text(expression: str) -> TextPattern:
    """An RE2 expression over text of any script. Raises ExpressionError when it is none."""
    result: TextPattern = re2.compile(expression, _options(PATTERN_MEMORY_BYTES, latin=False))
    return result


def escaped(text: str) -> str:
    """The expression that matches exactly this text."""
    result: str = re2.escape(text)
    return result


def _options(memory_bytes: int, latin: bool) -> re2.Options:
    options = re2.Options()
    if latin:
        options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = memory_bytes
    options.log_errors = False  # RE2 would print the expression to stderr
    return options
