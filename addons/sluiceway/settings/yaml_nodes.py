"""YAML text into plain values that remember their place, bounded, with nothing guessed.

Numbers with a point become Decimal exactly as written (0.1 stays 0.1); dates stay text. Keys are text.
Refused, because each has hidden a mistake in someone's rules: a key given twice, merge keys, custom tags,
`yes` for true under a %YAML 1.1 line, numbers with a leading zero (octal to some readers).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

type Loc = tuple[str | int, ...]
type Value = str | int | bool | Decimal | list[Value] | dict[str, Value] | None

MAX_DEPTH = 40
# Each value weighs its text and a little more, again for each alias that repeats it: an alias bomb of a
# few lines passes this bound long before it fills the memory, a 1 MB price table does not.
MAX_WEIGHT = 4_000_000
VALUE_WEIGHT = 10
# No amount, count or price comes near; without a bound 1e999999999 becomes a gigabyte of digits.
MAX_DIGITS = 40

CORE = "tag:yaml.org,2002:"
UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
# A running serve reads all its rules again when one file was edited: half a second of parsing, for one line.
KEPT_TEXTS = 32
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+")
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both counted from 1, as editors show them."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where in the document, and a sentence that says what to write instead."""

    loc: Loc
    text: str
    place: Place | None = None
    at_key: bool = False


class UnreadableError(ValueError):
    """The text as a whole is not YAML we read; there are no values to go on with."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self.place = place


@dataclass(frozen=True, slots=True)
class Tree:
    """The values of one text, the place of each value and of each key, and what was wrong so far."""

    value: Value
    values_at: Mapping[Loc, Place]
    keys_at: Mapping[Loc, Place]
    problems: tuple[Problem, ...]


@lru_cache(maxsize=KEPT_TEXTS)
def read(text: str) -> Tree:
    """The tree of a YAML text, which nobody may alter. Raises UnreadableError where there is none."""
    builder = _Builder()
    node = _compose(text)
    value = None if node is None else builder.build(node, (), frozenset())
    return Tree(value, builder.values_at, builder.keys_at, tuple(builder.problems))


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        root: Node | None = yaml.compose(text)
    except RecursionError:
        raise UnreadableError(f"is nested deeper than {MAX_DEPTH} levels", Place(1, 1)) from None
    except Exception as error:  # besides YAMLError the parser leaks ValueError, IndexError and others
        raise _unreadable(error, text) from None
    return root


def _unreadable(error: Exception, text: str) -> UnreadableError:
    if (mark := getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)) is not None:
        place = Place(mark.line + 1, mark.column + 1)
        if text[mark.index : mark.index + 1] == "\t":
            return UnreadableError("is indented with a tab; YAML wants spaces", place)
        return UnreadableError(
            f"is not valid YAML: {getattr(error, 'problem', None) or 'unexpected text'}", place
        )
    if isinstance(position := getattr(error, "position", None), int):
        before = text[:position]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return UnreadableError("holds a control character; delete it", place)
    return UnreadableError("is not valid YAML: an escape or a directive that no reader accepts", Place(1, 1))


class _Builder:
    def __init__(self) -> None:
        self.values_at: dict[Loc, Place] = {}
        self.keys_at: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self.weight = 0

    def build(self, node: Node, loc: Loc, above: frozenset[int]) -> Value:
        place = _place(node)
        self.values_at[loc] = place
        self.weight += VALUE_WEIGHT + (len(node.value) if isinstance(node, ScalarNode) else 0)
        if self.weight > MAX_WEIGHT:
            raise UnreadableError("holds too many values, counting each use of an alias", place)
        if id(node) in above:
            raise UnreadableError("holds an alias that contains itself", place)
        if len(loc) > MAX_DEPTH:
            raise UnreadableError(f"is nested deeper than {MAX_DEPTH} levels", place)
        match node:
            case ScalarNode():
                return self.scalar(node, loc)
            case SequenceNode() if node.tag == CORE + "seq":
                inside = above | {id(node)}
                return [self.build(item, (*loc, index), inside) for index, item in enumerate(node.value)]
            case MappingNode() if node.tag == CORE + "map":
                return self.mapping(node, loc, above | {id(node)})
        return self.refuse(loc, "the tag is not supported; delete it")

    def mapping(self, node: MappingNode, loc: Loc, above: frozenset[int]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, value in node.value:
            if key.tag == CORE + "merge":
                self.refuse((*loc, "<<"), "merge keys are not supported; write the fields out", _place(key))
            elif not isinstance(key, ScalarNode) or UNWANTED.search(key.value) or not key.value:
                self.refuse(loc, "has a field whose name is not plain text", _place(key))
            elif key.value in found:
                first = self.keys_at[*loc, key.value]
                text = f"is given twice (first in line {first.line}); keep one"
                self.refuse((*loc, key.value), text, _place(key))
            else:
                self.keys_at[*loc, key.value] = _place(key)
                found[key.value] = self.build(value, (*loc, key.value), above)
        return found

    def scalar(self, node: ScalarNode, loc: Loc) -> Value:
        text: str = node.value
        if UNWANTED.search(text):
            return self.refuse(loc, "holds a control character; delete it")
        match str(node.tag).removeprefix(CORE):
            case "str" | "timestamp" | "value" | "merge":
                return text
            case "null":
                return None
            case "bool":
                return self.boolean(text, loc)
            case "int":
                return self.integer(text, loc)
            case "float":
                return self.number(text, loc)
        return self.refuse(loc, "the tag is not supported; delete it")

    def boolean(self, text: str, loc: Loc) -> Value:
        if (value := BOOLEANS.get(text.lower())) is not None:
            return value
        return self.refuse(loc, "write true or false, or put the word in quotes")

    def integer(self, text: str, loc: Loc) -> Value:
        if len(text) > MAX_DIGITS or not INTEGER.fullmatch(text) or "__" in text or text.endswith("_"):
            return self.refuse(loc, "not a number as we read them: no leading zero; put text in quotes")
        return int(text, 0)

    def number(self, text: str, loc: Loc) -> Value:
        try:
            value = Decimal(text)
        except InvalidOperation:
            return self.refuse(loc, "not a finite decimal number; put text in quotes")
        if len(text) > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS:
            return self.refuse(loc, "the number is out of any sensible range")
        return value

    def refuse(self, loc: Loc, text: str, place: Place | None = None) -> Value:
        self.problems.append(Problem(loc, text, place or self.values_at[loc]))
        return None


def _place(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
