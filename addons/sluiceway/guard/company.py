"""A company's own recognisers, as rules/recognizers.yaml says them: expressions, word lists, what is off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

import re2
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from sluiceway.guard.patterns import PROFILES, Profile
from sluiceway.settings.section import Name, Section, Text
from sluiceway.types import Finding

BEFORE_CHARACTERS, AFTER_CHARACTERS = 60, 30
MEMORY_BYTES = 8 << 20


def _expression(pattern: str) -> str:
    try:
        compiled = _compiled(pattern)
    except re2.error:
        raise ValueError("is not an RE2 expression (no look-around, no back-references)") from None
    if compiled.search("") is not None:
        raise ValueError("matches the empty text; at least one character must be needed")
    return pattern


def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    return re2.compile(pattern, options)


type Type = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
type Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_expression)]
type Score = Annotated[float, Field(gt=0, le=1)]


class Recognizer(Section):
    """Something the company wants found. `regex` is run by RE2; of `words`, each is found whole.

    `context`: one of these words must stand near a match (before it, or shortly after). `examples` and
    `counter_examples` are tried when the file is loaded. Type SECRET is masked one way, like a credential.
    """

    name: Name
    type: Type
    regex: Expression | None = None
    words: tuple[Text, ...] = ()
    ignore_case: bool = False
    context: tuple[Text, ...] = ()
    score: Score = 0.8
    profiles: tuple[Profile, ...] = PROFILES
    examples: tuple[Text, ...] = ()
    counter_examples: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_tried(self) -> Self:
        if (self.regex is None) == (not self.words):
            raise ValueError("give either 'regex' or 'words'")
        finder = Finder(self)
        for example in self.examples:
            if not any(finder.find(example)):
                raise ValueError(f"example {self.examples.index(example) + 1} is not found")
        for example in self.counter_examples:
            if any(finder.find(example)):
                raise ValueError(f"counter-example {self.counter_examples.index(example) + 1} is found")
        return self


class Ner(Section):
    """The spaCy model of the audit profile: an installed package's name or a folder. Never downloaded."""

    model: Text
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"


class Recognizers(Section):
    """rules/recognizers.yaml. `disabled` switches built-in types or rules off, by name."""

    version: Literal[1]
    recognizers: tuple[Recognizer, ...] = ()
    disabled: tuple[Text, ...] = ()
    ner: Ner | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [recognizer.name for recognizer in self.recognizers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the name {twice[0]!r} is used twice")
        return self


class Finder:
    """One recogniser, ready to run. Works on characters, so its words may be of any script."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._whole_words = bool(recognizer.words)
        longest_first = sorted(recognizer.words, key=len, reverse=True)
        pattern = recognizer.regex or "|".join(re2.escape(word) for word in longest_first)
        self._pattern = _compiled(f"(?i)(?:{pattern})" if recognizer.ignore_case else f"(?:{pattern})")
        self._context = tuple(word.casefold() for word in recognizer.context)

    def find(self, text: str) -> Iterator[Finding]:
        """Matches with a context word near them, where one is asked for."""
        for match in self._pattern.finditer(text):
            start, end = match.span()
            if start == end or (self._whole_words and _inside_a_word(text, start, end)):
                continue
            if not self._context or self._has_context(text, start, end):
                yield Finding(self._recognizer.type, self._recognizer.name, start, end, self._recognizer.score)

    def _has_context(self, text: str, start: int, end: int) -> bool:
        around = text[max(0, start - BEFORE_CHARACTERS) : start] + "\n" + text[end : end + AFTER_CHARACTERS]
        around = around.casefold()
        return any(word in around for word in self._context)


def _inside_a_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    joins_before = before.isalnum() and text[start].isalnum()
    return joins_before or (after.isalnum() and text[end - 1].isalnum())
