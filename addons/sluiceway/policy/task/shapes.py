"""What a text looks like, whatever its language: code, a log, a diff, figures, a quotation to work on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True, slots=True)
class _Search:
    """Without one of the `marks` the pattern cannot be found, which is cheaper to see than to search."""

    marks: tuple[str, ...]
    pattern: re.Pattern[str]

    def finds(self, text: str) -> bool:
        marked = not self.marks or any(mark in text for mark in self.marks)
        return marked and self.pattern.search(text) is not None


type _Shape = tuple[str, tuple[_Search, ...]]


def _shape(name: str, *searches: tuple[str, str], dotall: bool = False) -> _Shape:
    """A name, and the patterns one of which is found, each after its marks: parted by blanks, "" for none."""
    flags = re.MULTILINE | (re.DOTALL if dotall else re.NOFLAG)
    return name, tuple(
        _Search(tuple(marks.split()), re.compile(pattern, flags)) for marks, pattern in searches
    )


_STATEMENTS = (
    r"def |class \w+[:({]|import \w|from [\w.]+ import|#include|public |private |func |fn |let |const |var "
    r"|return\b|if \(|for \(|while \(|package |using \w+;|@\w+\("
)
_FILES = (
    "py|js|tsx?|jsx|java|go|rs|rb|php|cs?|cpp|h|sh|ps1|sql|ya?ml|json|toml|xml|html?|css|md|log|conf|ini|env|lock"
    "|ipynb|tf|kt|swift|vue"
)
_UNITS = "km|kg|cm|m|g|h|kWh|W|l|ml|litres?|hours?|days?|weeks?|months?|years?"

# Each is searched once in at most a few hundred characters, in linear time also where it finds nothing: what
# repeats is bounded or begins at a boundary. Patterns searched apart that begin with what is rare, and look
# behind it for what is not, are several times as fast as alternatives.
_SHAPES: tuple[_Shape, ...] = (
    _shape("code_fence", ("```", r"^[ \t]{0,8}```")),
    _shape("inline_code", ("`", r"`[^`\n]{2,80}`")),
    _shape(
        "stack_trace",
        ("Traceback", r"Traceback \(most recent"),
        ("(", r"^[ \t]{1,8}at [\w.$<>]{1,200}\("),
        ("Error Exception", r"[a-z](?:Error|Exception)\b"),
        ("panic:", r"^panic: "),
    ),
    _shape(
        "diff",
        ("diff", r"^diff --git"),
        ("@@", r"^@@ -\d"),
        ("+++", r"^\+\+\+ "),
        ("index", r"^index [0-9a-f]{7}"),
    ),
    _shape(
        "log",
        ("ERROR WARN INFO DEBUG FATAL", r"\d\d:\d\d:\d\d\S{0,12}\s.{0,30}\b(?:ERROR|WARN|INFO|DEBUG|FATAL)"),
        ("ERR! error[ FAILURE:", r"ERR!|error\[\w+\]|FAILURE:"),
    ),
    _shape(
        "statement",
        ("", rf"^[ \t]*(?:{_STATEMENTS})"),
        ("; { }", r"[;{}][ \t]*$"),
        ("=>", r"=>"),
        ("{", r"\((?<=\w\()\w*\) ?\{"),
    ),
    _shape(
        "sql",
        ("SELECT", r"\bSELECT\b[^;]{1,80}\bFROM"),
        (
            "INSERT UPDATE CREATE ALTER DELETE",
            r"\b(?:INSERT INTO|UPDATE \w+ SET|CREATE TABLE|ALTER TABLE|DELETE FROM)\b",
        ),
    ),
    _shape(
        "command",
        ("-", r"-(?<!\S-)-?[a-z][\w-]"),
        (
            "$ sudo git npm pip docker kubectl",
            r"(?:^|\s)(?:\$ \w|sudo |git [a-z]|npm |pip |docker |kubectl )",
        ),
    ),
    _shape("file_name", (".", rf"\.(?<=\w\.)(?:{_FILES})\b")),
    _shape(
        "path",
        ("./", r"\./\w"),
        ("/", r"/(?<=[\s\"'(]/)\w+/|/(?<=\w/)\w+/\w|/\w+ endpoint"),
        ("localhost:", r"localhost:"),
    ),
    _shape(
        "identifier",
        ("_", r"_(?<=[a-z0-9]_)[a-z]"),
        ("", r"[A-Z](?<=[a-z][A-Z])[a-z]"),
        ("()", r"\((?<=\w\()\)"),
        ("::", r":(?<=\w:):\w"),
    ),
    _shape(
        "typed_brackets",
        ("[", r"\[(?<=\w\[)\w+\]"),
        ("](", r"\]\("),
        ("{", r"\{\"|\{ ?\w+:"),
        ("<", r"</?[a-z]+>|<(?<=\w<)\w+>"),
    ),
    _shape(
        "formula",
        ("", r"[-+*/^=<>](?<=[\dxyn)].) ?[\d(xyn]|[-+*/^=<>](?<=[\dxyn)] .) ?[\d(xyn]"),
        ("² ³ √ ∫ ∑ ≤ ≥", r"[²³√∫∑≤≥]"),
        ("(", r"\((?<=\b[a-z]\()[a-z]\)"),
        ("->", r"->"),
    ),
    _shape("percent", ("%", r"\d ?%"), ("percent", r"percent\b"), ("Prozent", r"Prozent\b")),
    _shape(
        "money",
        ("$ € £", r"[$€£]\s?\d"),
        ("", r"\d\s?(?:€|k\b|euros?\b|EUR\b|USD\b|Euro\b)"),
        (". ,", r"[.,](?<=\d.)\d{3}\b"),
    ),
    _shape("measure", ("", rf"\d\s?(?:{_UNITS})\b")),
    _shape(
        "quotation",
        (": ：", r"[:：]\s{0,3}(?:\S.{20}|[\"“«„「].{3})"),
        ('" “ « „', r"[\"“«„][^\"”»“]{15,300}[\"”»“]"),
        dotall=True,
    ),
    _shape("listed", ("- * • . )", r"^ {0,8}(?:[-*•]|\d{1,3}[.)]) .*\n {0,8}(?:[-*•]|\d{1,3}[.)]) ")),
    _shape(
        "in_character",
        (
            "",
            r"\A(?:I|i|ich|Ich|je|Je|she|he|She|He) "
            r"(?!want|need|have|would|am\b|think|get|use|like|feel)\w+ (?:the|my|die|das|le)\b",
        ),
    ),
)
SHAPE_NAMES: tuple[str, ...] = tuple(name for name, _ in _SHAPES)
_QUESTION_MARKS = ("?", "？")
_DIGITS = re.compile(r"\d+")
MANY_NUMBERS, SOME_NUMBERS = 6, 2
FEW_WORDS, SEVERAL_WORDS, MANY_WORDS = 4, 12, 60


def shapes(text: str) -> Iterator[str]:
    """The names of what the text looks like, in the order of the table; and how many numbers it holds."""
    for name, searches in _SHAPES:
        if any(search.finds(text) for search in searches):
            yield name
    if text.rstrip().endswith(_QUESTION_MARKS):
        yield "questioned"
    numbers = sum(1 for _ in islice(_DIGITS.finditer(text), MANY_NUMBERS))
    if numbers >= SOME_NUMBERS:
        yield "many_numbers" if numbers >= MANY_NUMBERS else "some_numbers"


def length_of(words: int) -> str:
    """How long a message is, roughly."""
    if words <= FEW_WORDS:
        return "few_words"
    if words <= SEVERAL_WORDS:
        return "several_words"
    return "some_words" if words <= MANY_WORDS else "many_words"
