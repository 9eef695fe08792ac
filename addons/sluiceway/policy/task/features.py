"""Signals as named features with a value each: cues, shapes, who asks with which tools, and the wording.

A feature's first letter says what it is: `C` a cue in what is asked, `H` one among its first words, `F` the
first that names what is wanted, `T` one in a topic, `Q` how many there are, `S` a shape, `X` the request
around it, `P` what was pasted beside it, `B` a cue of the message before, `Y` of the system prompt, `w` a word, `b` two words, `p` how a
word begins, `z` two characters of Chinese or Japanese.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from sluiceway.policy.task.cues import cues_of, cues_within
from sluiceway.policy.task.lines import Paste
from sluiceway.policy.task.shapes import length_of, shapes
from sluiceway.policy.task.kinds import KINDS, Kind
from sluiceway.policy.task.signals import Signals
from sluiceway.policy.task.speech import POINTING
from sluiceway.policy.task.vocabulary import SPEAKS_FOR

WORDING = 0.8  # the value of a feature of wording, against 1 of a signal
FIRST = 7  # words in which the verb of a request stands
LEAD, CLOSE = 60, 30  # words at the start and the end of what is asked whose wording is looked at
UNSPACED_CHARACTERS = 400
CHARACTERS_A_WORD = 2  # in Chinese and Japanese, about
BEFORE = 0.6  # the value of a cue in the message before
SHORT = 70  # characters below which the message before is looked at, too
PREFIX = 5
SEVERAL, MANY = 2, 4  # cues for one kind


def words_of(text: str) -> frozenset[str]:
    """The words of a text that parts them by blanks."""
    return frozenset(text.split())


# Chinese and Japanese characters are no part of a word: "这条SQL" holds the word SQL.
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u4e00-\u9fff]+[+#]*")
_TOKEN = re.compile(_WORD.pattern + r"|[.?!;:,\n。？！、，；：]")
_STOPS = frozenset(".?!;:,\n。？！、，；：")
_ABOUT = words_of("about on über zum sur sobre su sulla sul acerca regarding")
# What somebody may want made: the first that is named is what is wanted ("a poem about a bug").
_PRODUCTS = words_of(
    "code_thing code_work literary naming correspondence translation summary extraction correction planning "
    "maths analysis copywriting decision"
)
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]+")
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)

_LENGTHS = words_of("S:few_words S:several_words S:some_words S:many_words")
CODING_CLIENTS = words_of(
    "claude-code codex gemini-cli opencode aider cursor cline roo-code kilo-code continue zed goose crush "
    "qwen-code"
)
_CODING_TOOLS = words_of(
    "bash shell edit multiedit write read glob grep apply_patch update_plan read_file write_file edit_file "
    "replace replace_in_file write_to_file run_shell_command execute_command run_terminal_cmd "
    "codebase_search str_replace_editor str_replace_based_edit_tool local_shell exec_command view "
    "create_file run_command notebookedit ls"
)
_CODING_SYSTEM = ("software engineer", "coding agent", "coding assistant", "developer", "programm")
_CODING_SYSTEM_WORDS = frozenset({"cli", "codebase"})

type Features = dict[str, float]


def features(signals: Signals) -> Features:
    """Every feature that holds, with its value."""
    asked = _asked(signals)
    lower = asked.lower()
    found = dict.fromkeys((f"S:{name}" for name in shapes(signals.head + signals.tail)), 1.0)
    tokens = _TOKEN.findall(lower)
    words = [token for token in tokens if token not in _STOPS]
    characters = sum(map(len, _CJK.findall(asked)))
    found[f"S:{length_of(len(words) + characters // CHARACTERS_A_WORD)}"] = 1.0
    _Cues(found).read(tokens)
    _wording(words, found)
    _unspaced(asked, found)
    _around(signals, len(asked), found)
    if signals.pasted:
        _pasted(signals.pasted, found)
    return found


def _asked(signals: Signals) -> str:
    """The start and the end of a message without the fenced code that the start shows or begins."""
    head, tail = signals.head, signals.tail
    if "```" not in head:
        return f"{head}\n{tail}" if tail else head
    if "```" in tail:
        return _FENCED.sub(" ", f"{head}\n{tail}")
    return f"{_FENCED.sub(' ', head)}\n{tail}"


class _Cues:
    """Reads what is asked word by word. What stands after "about", to the end of the sentence's part, is a
    topic, and says little about the work."""

    __slots__ = ("_counts", "_found", "_product", "_topic")

    def __init__(self, found: Features) -> None:
        self._found = found
        self._counts: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._topic = self._product = False

    def read(self, tokens: Sequence[str]) -> None:
        place = 0
        for token in tokens:
            if token in _STOPS:
                self._topic = False
                continue
            self._topic = self._topic or (place > 0 and token in _ABOUT)
            if cues := cues_of(token):
                self._take(cues, place)
            place += 1
        self._count()

    def _take(self, cues: Sequence[str], place: int) -> None:
        if self._topic:
            self._found.update((f"T:{cue}", 1.0) for cue in cues)
            return
        products = [cue for cue in cues if cue in _PRODUCTS]
        if products and not self._product:
            self._product = True
            self._found.update((f"F:{cue}", 1.0) for cue in products)
        for cue in cues:
            self._found[f"C:{cue}"] = 1.0
            self._counts[SPEAKS_FOR[cue]] += 1
            if place < FIRST:
                self._found[f"H:{cue}"] = 1.0

    def _count(self) -> None:
        for kind, count in self._counts.items():
            if count >= SEVERAL:
                self._found[f"Q:{kind}"] = 1.0
            if count >= MANY:
                self._found[f"Q:many {kind}"] = 1.0
        if not any(count for kind, count in self._counts.items() if kind != "other"):
            self._found["Q:none but other"] = 1.0


def _wording(words: Sequence[str], found: Features) -> None:
    near = words if len(words) <= LEAD + CLOSE else [*words[:LEAD], *words[-CLOSE:]]
    before = "^"
    for word in near:
        found["w:" + word] = WORDING
        found[f"b:{before} {word}"] = WORDING
        if len(word) > PREFIX:
            found["p:" + word[:PREFIX]] = WORDING
        before = word


def _unspaced(text: str, found: Features) -> None:
    """Chinese and Japanese, which have no spaces: cues by search, wording by pairs of characters."""
    if not (runs := _CJK.findall(text[:UNSPACED_CHARACTERS])):
        return
    found.update((f"C:{cue}", 1.0) for cue in cues_within(text))
    for run in runs:
        for index in range(len(run) - 1):
            found["z:" + run[index : index + 2]] = WORDING


def _pasted(paste: Paste, found: Features) -> None:
    """What was pasted, by itself and together with what is wanted: to mend code is another work than a letter."""
    beside = [name[2:] for name in found if name[:2] in ("H:", "Q:") or name in _LENGTHS]
    beside += [name for name in found if name.startswith("b:^ ")]
    if not any(name.startswith("F:") for name in found):
        beside.append("nothing named")
    if any("w:" + word in found for word in POINTING):
        beside.append("pointed at")
    found.update((f"P:{paste} {name}", 1.0) for name in beside)
    found[f"P:{paste}"] = 1.0


def _around(signals: Signals, asked_characters: int, found: Features) -> None:
    """What the request says besides the message."""
    if signals.client in CODING_CLIENTS:
        found["X:coding_client"] = 1.0
    if signals.tools:
        coding = any(tool.lower() in _CODING_TOOLS for tool in signals.tools)
        found["X:coding_tools" if coding else "X:other_tools"] = 1.0
    if signals.system:
        lower = signals.system.lower()
        words = set(_WORD.findall(lower))
        if words & _CODING_SYSTEM_WORDS or any(phrase in lower for phrase in _CODING_SYSTEM):
            found["X:coding_system"] = 1.0
        found.update((f"Y:{kind}", 1.0) for kind in _kinds(words, signals.system))
    if signals.before and asked_characters < SHORT:
        _before(signals.before, found)


def _before(text: str, found: Features) -> None:
    """The message before a short one: its cues count, too, though less."""
    said: Features = {}
    _Cues(said).read(_TOKEN.findall(text.lower()))
    for name in said:
        if name[0] in "CHF":
            found.setdefault(name, BEFORE)
    found.update((f"B:{kind}", 1.0) for kind in _kinds(set(_WORD.findall(text.lower())), text))


def _kinds(words: Iterable[str], text: str) -> Iterable[Kind]:
    """The kinds that the cues of a text, whose words these are, speak for."""
    unspaced = cues_within(text) if _CJK.search(text) else ()
    found: set[Kind] = set()
    for cue in chain(unspaced, chain.from_iterable(map(cues_of, words))):
        found.add(SPEAKS_FOR[cue])
        if len(found) == len(KINDS):
            break
    return [kind for kind in KINDS if kind in found]
