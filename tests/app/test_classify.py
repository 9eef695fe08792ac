"""`rules classify --jsonl`: a line for a line, bad ones named, nothing lost and nothing quoted."""

from __future__ import annotations

import io
import json

import pytest
from typer.testing import CliRunner

from sluiceway.app.classify import run_jsonl
from sluiceway.cli.rules import rules

POEM = {"text": "write a poem about the sea"}
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "Fix the failing unit test in app.py"}]}


def run(*lines: bytes) -> tuple[int, list[dict]]:
    out = io.BytesIO()
    status = run_jsonl(iter(lines), out)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_texts_and_whole_requests_are_answered_in_their_order():
    lines = [POEM, REQUEST, {"client": "codex", "input": "rename the function"}]
    status, answers = run(*(json.dumps(each).encode() for each in lines))
    assert status == 0 and [each["task"] for each in answers] == ["creative", "coding", "coding"]
    assert all(each.keys() == {"task", "confidence", "reasons"} for each in answers)


BAD = {
    "no JSON": b"{secret",
    "no object": b'["secret"]',
    "no text": b'{"txt": "secret"}',
    "a number": b'{"text": 1}',
    "no UTF-8": b'{"text": "secret\xff"}',
    "half a pair": b'{"text": "secret\\ud800"}',
    "a client that is none": b'{"text": "secret", "client": 1}',
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_a_bad_line_is_an_error_with_its_number_and_the_rest_is_answered(line):
    good = json.dumps(POEM).encode()
    status, answers = run(good, b"\n", line, good)
    assert status == 1 and [each.get("task") for each in answers] == ["creative", None, "creative"]
    assert answers[1].keys() == {"error", "line"} and answers[1]["line"] == 3
    assert "secret" not in json.dumps(answers)


def test_the_command_ends_with_one_where_a_line_was_bad_and_answers_a_plain_text_in_words():
    runner = CliRunner()
    assert runner.invoke(rules, ["classify", "--jsonl"], input='{"text": "hi"}\n').exit_code == 0
    assert runner.invoke(rules, ["classify", "--jsonl"], input="nope\n").exit_code == 1
    told = runner.invoke(rules, ["classify"], input="write a poem about the sea")
    assert told.exit_code == 0 and told.stdout.startswith("creative  (confidence ")
