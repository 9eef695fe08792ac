"""Finds the cues in what was asked: by word, by stem, and in texts without spaces by what stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluiceway.policy.task.vocabulary import CJK, WORDS

type _Cues = tuple[str, ...]
type _Pairs = tuple[tuple[str, str], ...]

STEM_KEY = 3  # characters by which stems are looked up; no stem is shorter


def _tables() -> tuple[Mapping[str, _Cues], Mapping[str, _Pairs]]:
    exact: dict[str, _Cues] = {}
    stems: dict[str, _Pairs] = {}
    for cue, words in WORDS.items():
        for word in dict.fromkeys(words.split()):
            if word.endswith("*"):
                key = word[:STEM_KEY]
                stems[key] = (*stems.get(key, ()), (word[:-1], cue))
            else:
                exact[word] = (*exact.get(word, ()), cue)
    return exact, stems


def _by_first_character() -> Mapping[str, _Pairs]:
    marks: dict[str, _Pairs] = {}
    for cue, several in CJK.items():
        for mark in several.split():
            marks[mark[0]] = (*marks.get(mark[0], ()), (mark, cue))
    return marks


_EXACT, _STEMS = _tables()
_MARKS = _by_first_character()


def cues_of(word: str) -> _Cues:
    """The cues that a lower-case word gives; most give none."""
    found = _EXACT.get(word, ())
    for stem, cue in _STEMS.get(word[:STEM_KEY], ()):
        if word.startswith(stem):
            found = (*found, cue)
    return found


def cues_within(text: str) -> Iterator[str]:
    """The cues of Chinese and Japanese, which have no words to look up, in a text."""
    for first in dict.fromkeys(text):
        for mark, cue in _MARKS.get(first, ()):
            if mark in text:
                yield cue
