"""The task of a prompt: what it is told by, how well, and what is never said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.eval.examples import read
from tests.tasks.eval.measure import coverage, guesses, score
from tests.tasks.eval.training import train

from sluiceway.policy.task import KINDS, UNKNOWN, classify, signals
from sluiceway.policy.task.features import features
from sluiceway.policy.task.shapes import SHAPE_NAMES, shapes
from sluiceway.policy.task.signals import HEAD, TAIL
from sluiceway.policy.task.vocabulary import SPEAKS_FOR
from sluiceway.policy.task.weights import FILE, shipped, written
from sluiceway.policy.task.weights import read as read_weights

# Below what docs/task-types.md says was reached, so that a changed example does not break the build.
HELDOUT_FLOOR, UNSEEN_FLOOR = 0.88, 0.90
CLAUDE = "You are Claude Code, Anthropic's official CLI for Claude."

TOLD = {
    "a poem about a language": ("Write a poem about Python", "creative"),
    "a script that writes poems": ("Write a Python script that writes poems", "coding"),
    "an email about a bug": ("Write an email to the customer about the bug in the export", "other"),
    "a stack trace": ('Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1', "coding"),
    "code without a word": ("int main(void) {\n  return 0;\n}", "coding"),
    "a proof": ("Prove that there is no largest prime number.", "reasoning"),
    "a decision": ("Should we lease or buy the vans? 35,000 km a year, four years.", "reasoning"),
    "a translation": ("Translate into French: the meeting is on Monday", "other"),
    "German code": ("Schreib mir eine Funktion in Python, die eine Liste sortiert", "coding"),
    "French sums": ("Résous l'équation 4x + 2 = 10 et explique les étapes", "reasoning"),
    "Japanese haiku": ("秋についての俳句を作ってください", "creative"),
    "Chinese translation": ("请把这句话翻译成英文", "other"),
    "Chinese around a word": ("帮我写一个SQL查询", "coding"),
}


@pytest.mark.parametrize(("text", "task"), TOLD.values(), ids=TOLD)
def test_a_prompt_is_told_by_what_is_wanted_not_by_what_it_is_about(text, task):
    assert classify(signals(text)).task == task


AROUND = {
    "an agent's follow-up": (
        {"text": "yes, go on", "tools": ("Bash", "Edit"), "client": "claude-code"},
        "coding",
    ),
    "a poem asked of an agent": (
        {"text": "write a haiku for the release party", "tools": ("Bash",), "system": CLAUDE},
        "creative",
    ),
    "a follow-up to a poem": ({"text": "and sadder", "before": "write a poem about the sea"}, "creative"),
    "a player": (
        {"text": "I open the door.", "system": "You are the narrator of a fantasy adventure."},
        "creative",
    ),
}


@pytest.mark.parametrize(("given", "task"), AROUND.values(), ids=AROUND)
def test_what_is_around_a_short_message_tells_its_task(given, task):
    assert classify(signals(**given)).task == task


@pytest.mark.parametrize("text", ["", "   \n"])
def test_without_a_text_nothing_is_told(text):
    found = classify(signals(text, system=CLAUDE))
    assert (found.task, found.confidence, found.reasons, found.known) == (UNKNOWN, 0.0, ("no_text",), None)


def test_what_cannot_be_told_is_unknown_and_no_guess():
    found = classify(signals("blorp"), weights={"bias": (10, 9, 8, 7)})
    assert (found.task, found.known) == (UNKNOWN, None) and 0 < found.confidence < 0.5


WORDS = set(SPEAKS_FOR) | {"wording", "topic", "no_text", "message_before", "system_prompt", "number_of_cues"}
WORDS |= {"coding_client", "coding_tools", "coding_system", "other_tools", "questioned"}
WORDS |= set(SHAPE_NAMES)
WORDS |= {"few_words", "several_words", "some_words", "many_words", "some_numbers", "many_numbers"}


@given(st.text(max_size=300), st.text(max_size=80), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_told_and_the_reasons_hold_none_of_it(text, other, tools):
    found = classify(signals(text, before=other, system=other, tools=tuple(tools), client=other))
    assert found.task in (*KINDS, UNKNOWN) and 0 <= found.confidence <= 1
    assert all(reason in WORDS for reason in found.reasons)


def test_no_more_than_the_ends_of_a_long_text_are_kept():
    found = signals("a" * 200_000 + "z" * TAIL, before="b" * 9999, system="c" * 9999, tools=("t",) * 500)
    assert (len(found.head), found.tail) == (HEAD, "z" * TAIL)
    assert (
        sum(map(len, (found.head, found.tail, found.before, found.system))) < 4000 and len(found.tools) < 100
    )


def test_the_signals_are_not_in_their_repr():
    assert "secret" not in repr(signals("secret", before="secret", system="secret"))


SHAPES = {
    "a fence": ("see\n```py\nx\n```", "code_fence"),
    "a diff": ("diff --git a/x b/x\n", "diff"),
    "a query": ("SELECT a FROM b", "sql"),
    "a flag": ("what does --force do", "command"),
    "a file": ("look at main.py", "file_name"),
    "an identifier": ("rename user_id", "identifier"),
    "a formula": ("3x + 4 = 10", "formula"),
    "a share": ("rose by 5 %", "percent"),
    "a list": ("- a\n- b\n", "listed"),
    "a question": ("really? ", "questioned"),
}


@pytest.mark.parametrize(("text", "name"), SHAPES.values(), ids=SHAPES)
def test_a_shape_is_seen(text, name):
    assert name in list(shapes(text))


def test_plain_prose_has_no_shape_of_code():
    assert list(shapes("We went to the sea and it rained all week")) == []


def test_the_weights_that_ship_are_those_that_the_examples_give():
    made = train(read("train"))
    there, again = shipped(), read_weights(written(made).splitlines())
    assert there.keys() == again.keys(), "run `make train-tasks`"
    # A last digit may differ where another machine's `exp` rounds otherwise.
    assert all(abs(a - b) <= 1 for name in there for a, b in zip(there[name], again[name], strict=True))
    assert FILE.stat().st_size < 300_000


def test_no_prompt_stands_in_two_parts():
    texts = [{each.signals for each in read(part)} for part in ("train", "heldout", "unseen")]
    assert all(not texts[one] & texts[other] for one, other in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize(("part", "floor"), [("heldout", HELDOUT_FLOOR), ("unseen", UNSEEN_FLOOR)])
def test_prompts_that_were_not_learned_from_are_told_as_the_document_says(part, floor):
    found = guesses(read(part), shipped())
    assert score(found).macro_f1 >= floor
    assert coverage(found, 0.7)[1] > coverage(found, 0.0)[1]  # what is surer is more often right


@pytest.mark.parametrize("lines", [1, 5, 50, 5000])
def test_the_words_of_fenced_code_are_not_what_is_asked_however_long_it_is(lines):
    code = "def total(rows):\n" + "    return total\n" * lines
    found = features(signals(f"Translate the comment:\n```py\n{code}```\ninto French, please"))
    assert {"w:translate", "w:french"} <= found.keys()
    assert "w:return" not in found
