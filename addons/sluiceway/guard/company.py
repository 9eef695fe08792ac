"""A company's own recognisers, as rules/recognizers.yaml says them: expressions, word lists, what is off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from sluiceway.guard.patterns import PROFILES, ExpressionError, Profile, compiled_text, escaped
from sluiceway.settings.section import Name, Section, Text
from sluiceway.types import Finding

BEFORE_CHARACTERS, AFTER_CHARACTERS = 60, 30


def _expression(pattern: str) -> str:
    try:
        compiled = compiled_text(pattern)
    except ExpressionError:
        raise ValueError("is not an RE2 expression (no look-around, no back-references)") from None
    if compiled.search("") is not None:
        raise ValueError("matches the empty text; at least one character must be needed")
    return pattern


type Type = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
type Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_expression)
]
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
        find = finder(self)
        for number, example in enumerate(self.examples, 1):
            if not any(find(example)):
                raise ValueError(f"example {number} is not found")
        for number, example in enumerate(self.counter_examples, 1):
            if any(find(example)):
                raise ValueError(f"counter-example {number} is found")
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


def finder(recognizer: Recognizer) -> Callable[[str], Iterator[Finding]]:
    """One recogniser, ready to run. Works on characters, so its words may be of any script."""
    longest_first = sorted(recognizer.words, key=len, reverse=True)
    expression = recognizer.regex or "|".join(escaped(word) for word in longest_first)
    pattern = compiled_text(f"(?i)(?:{expression})" if recognizer.ignore_case else f"(?:{expression})")
    context = tuple(word.casefold() for word in recognizer.context)

    def find(text: str) -> Iterator[Finding]:
        for match in pattern.finditer(text):
            start, end = match.span()
            if start == end or (recognizer.words and _inside_a_word(text, start, end)):
                continue
            if not context or _has_context(text, start, end, context):
                yield Finding(recognizer.type, recognizer.name, start, end, recognizer.score)

    return find


def _has_context(text: str, start: int, end: int, context: tuple[str, ...]) -> bool:
    around = text[max(0, start - BEFORE_CHARACTERS) : start] + "\n" + text[end : end + AFTER_CHARACTERS]
    folded = around.casefold()
    return any(word in folded for word in context)


def _inside_a_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    joins_before = before.isalnum() and text[start].isalnum()
    return joins_before or (after.isalnum() and text[end - 1].isalnum())
