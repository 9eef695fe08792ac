"""The labelled corpus: lines of text in which `[[TYPE|value]]` marks what is to be found.

`{mixed:36}` and the like are filled with random characters when the file is read, always the same ones:
so the file holds no string that another scanner would take for a leaked key. Decisions in the labels:
example.com addresses, documentation IP addresses and test card numbers count as findings, because a
detector cannot know that nobody lives there; loopback, netmasks, placeholders and stand-ins do not.
"""

from __future__ import annotations

import json
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus.jsonl")
MARK = re.compile(r"\[\[([A-Z_]+)\|(.*?)\]\]", re.DOTALL)
FILL = re.compile(r"\{(mixed|hex|upper|letters|digits):(\d+)\}")
ALPHABETS = {
    "mixed": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "upper": string.ascii_uppercase + "234567",
    "letters": string.ascii_letters,
    "digits": string.digits,
}
# Only the audit profile looks for these.
AUDIT_ONLY = frozenset(("PERSON", "LOCATION", "MAC_ADDRESS"))


@dataclass(frozen=True, slots=True)
class Label:
    """Something to be found."""

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """One labelled text. `kind` says what sort of text: prose, secret, identity, names, mixed, nothing."""

    number: int
    kind: str
    text: str
    labels: tuple[Label, ...]


def read(path: Path = CORPUS) -> list[Line]:
    """The corpus, filled and with its marks taken out."""
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [_line(number, record["kind"], record["text"]) for number, record in enumerate(records, 1)]


def _line(number: int, kind: str, marked: str) -> Line:
    chance = random.Random(number)
    filled = FILL.sub(lambda found: "".join(chance.choices(ALPHABETS[found[1]], k=int(found[2]))), marked)
    filled = filled.replace("{PRIVATE KEY}", "PRIVATE KEY")
    text, labels, done = "", [], 0
    for mark in MARK.finditer(filled):
        text += filled[done : mark.start()]
        labels.append(Label(mark[1], len(text), len(text) + len(mark[2])))
        text += mark[2]
        done = mark.end()
    return Line(number, kind, text + filled[done:], tuple(labels))
