"""What a budget is kept by: whose spending it counts, and on what. Each field that is given must fit.

A name is that one, `"*"` is each of them on their own, and a pattern of models is all of them together. Of
models upper and lower case are the same, since some providers take a name either way. What is not known of a
request (its project, its client, its conversation) is in no budget by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator

from sluiceway.policy.match import Glob, matches
from sluiceway.settings.section import Section
from sluiceway.types import Spender

EACH = "*"
# (dimension, value) pairs as types.Cap has them, in the order of `Scope`'s fields; () for the company.
type Place = tuple[tuple[str, str], ...]
PUNCTUATION = frozenset("._@+-")


def _who(text: str) -> str:
    if text == EACH:
        return text
    if not text or len(text) > 128 or not all(c.isalnum() or c in PUNCTUATION for c in text):
        raise ValueError("write one name, or '*' for each of them their own budget")
    return text


type Who = Annotated[str, AfterValidator(_who)]


class Scope(Section):
    """Whose spending, and on what. `employee` and `service` are people and programs; `key` is a registered
    key's name or the fingerprint that `key list` shows; `provider` and `model` what a request is really sent
    to; `client` the client's own word; `conversation` one person's, each on its own."""

    employee: Who | None = None
    service: Who | None = None
    team: Who | None = None
    project: Who | None = None
    cost_center: Who | None = None
    key: Who | None = None
    provider: Who | None = None
    model: Glob | None = None
    client: Who | None = None
    conversation: Literal["*"] | None = None

    @property
    def fields(self) -> dict[str, str]:
        """What is given, in the order of the fields."""
        return {name: value for name in _VALUES if (value := getattr(self, name)) is not None}

    @property
    def of_somebody(self) -> bool:
        """Whether it depends on who asks at all."""
        return not PERSONAL.isdisjoint(self.fields) or self.conversation is not None

    @property
    def _is_of_somebody(self) -> bool:
        """Whether a place says in addition whose conversation it is: two people may call theirs the same."""
        return self.conversation is not None and self.employee is None and self.service is None

    def of(self, spender: Spender) -> Place | None:
        """The place whose counter this spending moves; None: it is not of this scope."""
        place: Place = ()
        for dimension, wanted in self.fields.items():
            value = _VALUES[dimension](spender)
            if value is None:
                return None
            if dimension == "model" and wanted != EACH:
                if not matches(wanted.lower(), value):
                    return None
                place += (("models", wanted.lower()),)
                continue
            if wanted not in (EACH, value) and not (dimension == "key" and wanted == spender.key_name):
                return None
            place += ((dimension, value),)
        if self._is_of_somebody:
            place += ((spender.principal.kind, spender.principal.name),)
        return place

    def holds(self, place: Place, key_of: Callable[[str], str | None] = lambda name: None) -> bool:
        """Whether a counter's place is one of this scope. `key_of`: a registered key's fingerprint."""
        given = dict(place)
        if self._is_of_somebody and len([given.pop(who) for who in _PEOPLE if who in given]) != 1:
            return False
        wanted = {_counted_as(name, value): value for name, value in self.fields.items()}
        if "models" in wanted:
            wanted["models"] = wanted["models"].lower()
        return given.keys() == wanted.keys() and all(
            wanted[name] in (EACH, value) or (name == "key" and key_of(wanted[name]) == value)
            for name, value in given.items()
        )


_PEOPLE = ("employee", "service")
PERSONAL = frozenset({"employee", "service", "team", "project", "cost_center"})
# What a spender is in each dimension.
_VALUES: dict[str, Callable[[Spender], str | None]] = {
    "employee": lambda spender: spender.principal.name if spender.principal.kind == "employee" else None,
    "service": lambda spender: spender.principal.name if spender.principal.kind == "service" else None,
    "team": lambda spender: spender.principal.team,
    "project": lambda spender: spender.principal.project,
    "cost_center": lambda spender: spender.principal.cost_center,
    "key": lambda spender: spender.key,
    "provider": lambda spender: spender.provider,
    "model": lambda spender: spender.model.lower() if spender.model else None,
    "client": lambda spender: spender.client,
    "conversation": lambda spender: spender.conversation,
}


def _counted_as(name: str, value: str) -> str:
    return "models" if name == "model" and value != EACH else name


def in_words(place: Place, key_name: Callable[[str], str | None] = lambda key: None) -> str:
    """`team core, model claude-opus-*`; the whole company, where it is nobody's in particular."""
    if not place:
        return "the whole company"
    return ", ".join([_word(dimension, value, key_name) for dimension, value in place])


def _word(dimension: str, value: str, key_name: Callable[[str], str | None]) -> str:
    if dimension == "key":
        value = key_name(value) or value
    name = "model" if dimension == "models" else dimension.replace("_", " ")
    return f"this {name}" if dimension == "conversation" else f"{name} {value}"
