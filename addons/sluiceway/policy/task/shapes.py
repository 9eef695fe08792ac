"""What a text looks like, whatever its language: code, a log, a diff, figures, a quotation to work on."""

from __future__ import annotations

import re

# Each is looked for once in at most a few thousand characters. None can take
# more than linear time where it finds nothing: what repeats is bounded or begins at a boundary.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("code_fence", re.compile(r"^[ \t]*```\w*", re.MULTILINE)),
    ("inline_code", re.compile(r"`[^`\n]{2,80}`")),
    (
        "stack_trace",
        re.compile(r"Traceback \(most recent|^[ \t]+at [\w.$<>]+\(|\w(?:Error|Exception)\b|^panic: ", re.MULTILINE),
    ),
    ("diff", re.compile(r"^diff --git|^@@ -\d|^\+\+\+ |^index [0-9a-f]{7}", re.MULTILINE)),
    (
        "log",
        re.compile(
            r"^\S{0,30}\d\d:\d\d:\d\d\S{0,12}\s.{0,30}\b(?:ERROR|WARN|INFO|DEBUG|FATAL)|\bERR!|\berror\[\w+\]"
            r"|\bFAILURE:",
            re.MULTILINE,
        ),
    ),
    (
        "statement",
        re.compile(
            r"^[ \t]*(?:def |class \w+[:({]|import \w|from [\w.]+ import|#include|public |private |func |fn |let |const "
            r"|var |return\b|if \(|for \(|while \(|package |using \w+;|@\w+\()|;[ \t]*$|=>|\w\(\w*\)\s?\{|[{}][ \t]*$",
            re.MULTILINE,
        ),
    ),
    (
        "sql",
        re.compile(
            r"\b(?:SELECT\b[^;]{1,200}\bFROM|INSERT INTO|UPDATE \w+ SET|CREATE TABLE|ALTER TABLE|DELETE FROM)\b"
        ),
    ),
    ("command", re.compile(r"(?:^|\s)(?:--?[a-z][\w-]+|\$ \w+|sudo |git [a-z]+|npm |pip |docker |kubectl )")),
    (
        "file_name",
        re.compile(
            r"(?<![\w/-])[\w/-]+\.(?:py|js|tsx?|jsx|java|go|rs|rb|php|cs?|cpp|h|sh|ps1|sql|ya?ml|json|toml|xml|html?|css|md|log"
            r"|conf|ini|env|lock|ipynb|tf|kt|swift)\b"
        ),
    ),
    ("path", re.compile(r"(?<![\w.])\.{0,2}/[\w.-]+/\w|\w/\w+/\w|\blocalhost:|\w:\d{4,5}\b|/\w+ endpoint")),
    ("identifier", re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b|\b[a-z]+[A-Z][a-z]+\w*\b|\b\w+\(\)|\b\w+::\w+")),
    ("typed_brackets", re.compile(r"\w\[\w+\]|\]\(|\{\"|\{ ?\w+:|</?[a-z]+>|\w<\w+>")),
    ("formula", re.compile(r"[\dxyn)] ?[-+*/^=<>] ?[\d(xyn]|[²³√∫∑≤≥]|\b[a-z]\([a-z]\)|->")),
    ("percent", re.compile(r"\d ?%|\bpercent\b|\bProzent\b")),
    ("money", re.compile(r"[$€£]\s?\d|\d\s?(?:€|k\b|euros?\b|EUR\b|USD\b|Euro\b)|\d[.,]\d{3}\b")),
    ("measure", re.compile(r"\d\s?(?:km|kg|cm|m|g|h|kWh|W|l|ml|litres?|hours?|days?|weeks?|months?|years?)\b")),
    ("quotation", re.compile(r"[:：]\s{0,3}\S.{20}|[:：]\s{0,3}[\"“«„「].{3}|[\"“«„][^\"”»“]{15,300}[\"”»“]", re.DOTALL)),
    ("questioned", re.compile(r"[?？]\s*$")),
    ("listed", re.compile(r"^ {0,8}(?:[-*•]|\d{1,3}[.)]) .*\n {0,8}(?:[-*•]|\d{1,3}[.)]) ", re.MULTILINE)),
    ("in_character", re.compile(r"^(?:I|i|ich|je|she|he) (?!want|need|have|would|am\b|think|get|use|like|feel)\w+ (?:the|my|die|das|le)\b")),
)
NAMES: tuple[str, ...] = tuple(name for name, _ in _SHAPES)
_DIGITS = re.compile(r"\d+")
MANY_NUMBERS, SOME_NUMBERS = 6, 2
FEW_WORDS, SEVERAL_WORDS, MANY_WORDS = 4, 12, 60


def shapes(text: str) -> list[str]:
    """The names of what the text looks like, in the order of the table; and how many numbers it holds."""
    found = [name for name, pattern in _SHAPES if pattern.search(text)]
    numbers = sum(1 for _ in zip(_DIGITS.finditer(text), range(MANY_NUMBERS), strict=False))
    if numbers >= MANY_NUMBERS:
        found.append("many_numbers")
    elif numbers >= SOME_NUMBERS:
        found.append("some_numbers")
    return found


def length_of(words: int) -> str:
    """How long a message is, roughly."""
    if words <= FEW_WORDS:
        return "few_words"
    if words <= SEVERAL_WORDS:
        return "several_words"
    return "some_words" if words <= MANY_WORDS else "many_words"
