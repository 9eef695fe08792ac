"""Parts a long message into what is asked and what was pasted with it.

Looks at the two ends of the message alone. What is asked stands in front of the paste, behind it, or both; it is
told by marks (a fence, a tag, a line of dashes), by lines unlike those of the paste, and by how it speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluiceway.policy.task.lines import Paste, line_kind, paste_kind
from sluiceway.policy.task.speech import speaks

ASK = 450  # characters that are asked at most, at either end; a message no longer than that is not parted
ENDS = 1200  # characters looked at from either end
SAMPLE = 900  # characters of the middle by which the paste is told
SAMPLE_LINES = 14
GREETING = 45  # characters of a "Hello," or "Thanks!" that stand apart from what is asked
BLOCKS = 5  # paragraphs looked at, at either end
SURE = 2.4  # how much an end has to speak to count whatever the other says
FURTHER = 3.4  # how much a further paragraph has to speak
WEAK = 0.4  # how much the better one has to speak where neither is sure
APART = 2.0  # by so much the stronger end silences the other
FEW = 3  # words that can be told from what is left of a line of code
UNLIKE = 1.5  # for words beside lines of code, a log, a table or data
JOINED = 1.5  # against words that neither end nor are set off from such lines
ENDED = (".", ":", "?", "!", "。", "：", "？")
FENCED, RULED = 3.0, 1.5  # for a mark between what is asked and the paste

_FENCE = re.compile(r"^[ \t]{0,4}(?:```|~~~|\"\"\"|'''|</?[A-Za-z][\w:-]{0,40}(?: [^>\n]{0,80})?>)", re.MULTILINE)
_RULE = re.compile(r"^[ \t]{0,4}(?:-{3,}|={3,}|\*{3,}|_{3,}|#{3,})[^\n]{0,40}$", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE = re.compile(r"(?<=[.!?:\"”])\s+|(?<=[。！？：])")


@dataclass(frozen=True, slots=True)
class Parted:
    """What is asked above the paste and below it, one of which may be empty, and what the paste is."""

    above: str
    below: str
    paste: Paste


@dataclass(frozen=True, slots=True)
class _Heard:
    """What may be asked at one end, and how much it speaks."""

    text: str = ""
    score: float = 0.0


def parted(text: str) -> Parted | None:
    """None where the message is short, or where neither end stands out as what is asked."""
    if len(text) <= ASK:
        return None
    text = text.strip()
    paste = _paste(text)
    above = _end(text[:ENDS], paste, below=False)
    rest = text[text.find(above.text) + len(above.text) :]
    below = _end(rest[-ENDS:], paste, below=True)
    if above.score < SURE and below.score < SURE:
        best = max(above, below, key=lambda each: each.score)
        if best.score < WEAK:
            return None
        return Parted(best.text, "", paste) if best is above else Parted("", best.text, paste)
    least = max(SURE, max(above.score, below.score) - APART)
    return Parted(
        above.text if above.score >= least else "", below.text if below.score >= least else "", paste
    )


def _paste(text: str) -> Paste:
    """By lines of the middle, which are whole, or by those behind the first."""
    at = max(0, len(text) // 2 - SAMPLE // 2)
    lines = [line for line in text[at : at + SAMPLE].split("\n")[1:-1] if line.strip()]
    return paste_kind(lines[:SAMPLE_LINES])


def _end(text: str, paste: Paste, *, below: bool) -> _Heard:
    """What is asked at the start of these characters, or `below`, at their end."""
    marked = [
        heard
        for mark, more in ((_FENCE, FENCED), (_RULE, RULED))
        if (heard := _beside(mark, text, paste, more, below=below)).score >= SURE
    ]
    return marked[0] if marked else _spoken(text, paste, below=below)


def _beside(mark: re.Pattern[str], text: str, paste: Paste, more: float, *, below: bool) -> _Heard:
    """What stands before the first mark, or behind the last."""
    found = list(mark.finditer(text)) if below else [match for match in [mark.search(text)] if match]
    if not found:
        return _Heard()
    beside = text[found[-1].end() :].partition("\n")[2] if below else text[: found[0].start()]
    beside = beside.strip()
    if not beside or len(beside) > ASK or not _all_words(beside, paste):
        return _Heard()
    blocks = _BLANK.split(beside)
    outer = len(blocks) - 1 if below else 0
    kept = [each for place, each in enumerate(blocks) if place == outer or speaks(each) >= FURTHER]
    return _Heard("\n\n".join(kept), max(map(speaks, kept)) + more)


def _spoken(text: str, paste: Paste, *, below: bool) -> _Heard:
    """The paragraphs at an end that speak; a greeting may stand outside of them."""
    blocks = [block for block in _BLANK.split(text) if block.strip()]
    if len(blocks) > 1 and len(text) == ENDS:
        del blocks[0 if below else -1]  # cut somewhere
    taken: list[str] = []
    best, length = _Heard(), 0
    for block in (blocks[::-1] if below else blocks)[:BLOCKS]:
        heard = _of_block(block, paste, below=below)
        length += len(heard.text)
        if not heard.text or length > ASK:
            break
        if best.text and speaks(heard.text) < (FURTHER if best.score >= SURE else SURE):
            break
        taken.append(heard.text)
        best = _Heard("\n".join(taken[::-1] if below else taken), max(best.score, heard.score))
        if len(heard.text) < len(block.strip()) or (heard.score < SURE and len(heard.text) > GREETING):
            break
    return best


def _of_block(block: str, paste: Paste, *, below: bool) -> _Heard:
    """What is asked in a paragraph: all of it, its lines that are words, or its outermost sentence."""
    lines = block.strip().split("\n")
    if paste in ("prose", "mail"):
        return max(_of_prose(lines, paste, below=below), key=lambda heard: heard.score, default=_Heard())
    words = _words(lines[::-1])[::-1] if below else _words(lines)
    if not words:
        return _Heard()
    said = "\n".join(words).strip()
    if len(words) < len(lines) and not said.endswith(ENDED):
        return _Heard(said, speaks(said) + (UNLIKE - JOINED))
    unlike = UNLIKE if len(said.split(None, FEW)) == FEW or not said.isascii() else 0.0
    return _Heard(said, speaks(said) + unlike) if len(said) <= ASK else _outermost(said, below=below)


def _of_prose(lines: Sequence[str], paste: Paste, *, below: bool) -> Iterable[_Heard]:
    whole = "\n".join(lines)
    if len(whole) <= ASK and _all_words(whole, paste):
        yield _Heard(whole, speaks(whole))
    outer = lines[-1 if below else 0].strip()
    if not _all_words(outer, paste):
        return
    if len(lines) > 1 and len(outer) <= ASK:
        yield _Heard(outer, speaks(outer) - 0.5)
    if len(whole) > ASK // 2:
        yield _outermost(outer, below=below)


def _outermost(text: str, *, below: bool) -> _Heard:
    """The first sentence of a paragraph or, `below`, its last; it has to speak more than one apart."""
    sentences = [each for each in _SENTENCE.split(text[-ASK:] if below else text[:ASK]) if each.strip()]
    said = sentences[-1 if below else 0].strip() if len(sentences) > 1 else ""
    return _Heard(said, speaks(said) - 1.0) if said else _Heard()


def _words(lines: Sequence[str]) -> list[str]:
    """The lines up to the first that looks like code, a log, a table or data."""
    for index, line in enumerate(lines):
        if line.strip() and line_kind(line) not in ("prose", "mail"):
            return list(lines[:index])
    return list(lines)


def _all_words(text: str, paste: Paste) -> bool:
    """Whether no line is one of code and the like, nor of a mail where that is what was pasted."""
    pasted = {"code", "log", "table", "data", *(("mail",) if paste == "mail" else ())}
    return not any(line_kind(line) in pasted for line in text.split("\n") if line.strip())
