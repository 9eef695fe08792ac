"""Placeholders and their way back: stable numbers, no values kept, streams cut anywhere."""

from __future__ import annotations

import json
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.guard.placeholders import Numbering, mask
from sluiceway.guard.restore import Restorer
from sluiceway.guard.scan import scan
from sluiceway.guard.secrets import MIXED

KEY = b"k" * 32


def masked(text: str, numbering: Numbering):
    return mask(text, scan(text, "inline"), numbering)


def test_values_become_numbered_placeholders_of_their_type():
    result = masked("alice@example.com, bob@example.com, alice@example.com: 203.0.113.9", Numbering(KEY))
    assert result.text == "<EMAIL_1>, <EMAIL_2>, <EMAIL_1>: <IP_1>"
    assert result.originals == {
        "<EMAIL_1>": "alice@example.com",
        "<EMAIL_2>": "bob@example.com",
        "<IP_1>": "203.0.113.9",
    }


def test_a_value_keeps_its_number_in_later_turns_whatever_comes_between():
    numbering = Numbering(KEY)
    first = masked("write to alice@example.com", numbering)
    masked("carol@example.com", numbering)
    assert masked("write to alice@example.com", numbering) == first


def test_a_secret_cannot_be_put_back():
    result = masked(f"token ghp_{MIXED[:36]}, mail alice@example.com", Numbering(KEY))
    assert result.text == "token <SECRET_1>, mail <EMAIL_1>"
    assert set(result.originals) == {"<EMAIL_1>"}
    assert Restorer(result.originals).feed("print <SECRET_1>!") == "print <SECRET_1>!"


def test_the_numbering_of_a_conversation_holds_no_value():
    numbering = Numbering(KEY)
    masked("alice@example.com 4111 1111 1111 1111", numbering)
    held = pickle.dumps([getattr(numbering, name) for name in ("_numbers", "_last", "_literal")])
    assert b"alice" not in held and b"4111" not in held


def test_a_placeholder_that_somebody_typed_is_not_given_to_a_value():
    numbering = Numbering(KEY)
    text = "what does <EMAIL_1> mean? ask alice@example.com"
    numbering.avoid(text)
    assert masked(text, numbering).text == "what does <EMAIL_1> mean? ask <EMAIL_2>"


def test_text_without_findings_stays_as_it_is():
    assert mask("nothing here", (), Numbering(KEY)).text == "nothing here"


ORIGINALS = {
    "<EMAIL_1>": "alice@example.com",
    "<EMAIL_12>": "bob@example.com",
    "<PLACE_1>": 'A "b"\n\\ Straße 1',
}


def streamed(text: str, sizes: list[int], json_text: bool = False) -> tuple[str, int]:
    """The restored text, and the most that was held back."""
    restorer, out, most, place = Restorer(ORIGINALS, json_text), "", 0, 0
    for size in sizes:
        out += restorer.feed(text[place : place + size])
        most = max(most, restorer.holding)
        place += size
    return out + restorer.feed(text[place:]) + restorer.finish(), most


PLAIN = {
    "one": ("Hello <EMAIL_1>!", "Hello alice@example.com!"),
    "two that begin alike": ("<EMAIL_1><EMAIL_12>", "alice@example.combob@example.com"),
    "unknown": ("<EMAIL_2> <SECRET_1>", "<EMAIL_2> <SECRET_1>"),
    "never finished": ("see <EMAIL_1", "see <EMAIL_1"),
    "less than": ("a < b <<EMAIL_1>>", "a < b <alice@example.com>"),
    "a tag": ("<EM>text</EM>", "<EM>text</EM>"),
}


@pytest.mark.parametrize(("text", "expected"), PLAIN.values(), ids=PLAIN.keys())
def test_placeholders_are_restored_wherever_the_stream_is_cut(text, expected):
    for size in range(1, len(text) + 1):
        out, most = streamed(text, [size] * len(text))
        assert out == expected
        assert most < len("<EMAIL_12>")


def test_twenty_thousand_random_cuttings_come_out_right():
    chance = random.Random(11)
    parts = [*ORIGINALS, "<", ">", "EMAIL", "<EMAIL_", "<EMAIL_9>", " text ", "_1>", "\\"]
    for _ in range(20_000):
        text = "".join(chance.choices(parts, k=6))
        expected = text
        for placeholder, value in ORIGINALS.items():
            expected = expected.replace(placeholder, value)
        out, most = streamed(text, [chance.randint(1, 9) for _ in range(12)])
        assert out == expected
        assert most <= 9


ARGUMENTS = {
    "as it is": ('{"to": "<EMAIL_1>"}', {"to": "alice@example.com"}),
    "with escaped brackets": ('{"to": "\\u003cEMAIL_1\\u003E"}', {"to": "alice@example.com"}),
    "a value that needs escapes": ('{"at": "<PLACE_1>"}', {"at": 'A "b"\n\\ Straße 1'}),
    "a backslash before it": ('{"p": "C:\\\\<EMAIL_1>"}', {"p": "C:\\alice@example.com"}),
    "an escape that is itself escaped": ('{"p": "\\\\u003cEMAIL_1>"}', {"p": "\\u003cEMAIL_1>"}),
    "another escape": ('{"p": "\\u003d<EMAIL_1>\\n"}', {"p": "=alice@example.com\n"}),
}


@pytest.mark.parametrize(("text", "expected"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_tool_arguments_stay_json_wherever_the_stream_is_cut(text, expected):
    for size in range(1, len(text) + 1):
        out, most = streamed(text, [size] * len(text), json_text=True)
        assert json.loads(out) == expected
        assert most < len("\\u003cEMAIL_12\\u003e")


@given(st.text(alphabet="<>\\u03cCeE_EMAIL12 ", max_size=40), st.lists(st.integers(1, 5), max_size=20))
def test_cutting_never_changes_what_comes_out(text, sizes):
    for json_text in (False, True):
        assert streamed(text, sizes, json_text)[0] == streamed(text, [len(text)], json_text)[0]
