"""`guard scan`: lines in, spans out, offsets in characters; bad lines are named and passed over."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
import typer
import typer.testing

from sluiceway.cli.guard import guard
from sluiceway.guard.jsonl import run_jsonl


def run(data: bytes, profile: str = "inline") -> tuple[int, list[dict], str]:
    out, errors = io.BytesIO(), io.StringIO()
    status = run_jsonl(io.BytesIO(data), out, errors, profile)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], errors.getvalue()


def test_each_line_is_answered_with_its_spans_in_characters():
    lines = [{"text": "漢字 \U0001f600 alice@example.com"}, {"text": "nothing"}, {"id": 7, "text": ""}]
    status, answers, errors = run("\n".join(map(json.dumps, lines)).encode())
    assert (status, errors) == (0, "")
    assert answers == [
        {"spans": [{"start": 5, "end": 22, "type": "EMAIL_ADDRESS"}]}, {"spans": []}, {"spans": []},
    ]  # fmt: skip


BAD = {
    "no JSON": (b"{text", "is not JSON"),
    "no object": (b"[1]", "string"),
    "no text": (b'{"txt": "a"}', "string"),
    "a number": (b'{"text": 1}', "string"),
    "no UTF-8": (b'{"text": "\xff"}', "UTF-8"),
    "too deep": (b"[" * 100_000, "is not JSON"),
}


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_named_and_the_rest_still_answered(line, message):
    status, answers, errors = run(b'{"text": "a"}\n' + line + b'\n\n{"text": "alice@example.com"}\n')
    assert status == 1
    assert errors.startswith("line 2: ") and message in errors and errors.count("\n") == 1
    assert [len(answer["spans"]) for answer in answers] == [0, 1]


def test_half_a_surrogate_pair_does_not_stop_it():
    status, answers, _ = run(b'{"text": "\\ud83d alice@example.com"}')
    assert status == 0
    assert answers[0]["spans"][0]["start"] == 2


def test_no_value_is_written_anywhere():
    out, errors = io.BytesIO(), io.StringIO()
    run_jsonl([b'{"text": "alice@example.com"}', b'{"text": "alice@exam'], out, errors, "audit")
    assert b"alice" not in out.getvalue() and "alice" not in errors.getvalue()


def command(*options: str, given: str):
    root = typer.Typer()
    root.add_typer(guard, name="guard")
    return typer.testing.CliRunner().invoke(root, ["guard", "scan", *options], input=given)


def test_the_command_reads_lines_and_says_when_no_model_is_installed():
    line = json.dumps({"text": "Dear Alice Moreau"})
    result = command("--jsonl", "--profile", "audit", given=line)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"spans": [{"start": 5, "end": 17, "type": "PERSON"}]}
    assert "no spaCy model" in result.stderr


def test_the_command_reads_plain_text_too_and_prints_places_only():
    result = command(given="one\ntwo alice@example.com\n")
    assert result.stdout == "2:5 EMAIL_ADDRESS email\n"


def test_the_command_fails_after_a_bad_line():
    result = command("--jsonl", given="{\n")
    assert result.exit_code == 1


def test_an_answer_comes_before_the_next_line_is_written():
    program = (
        "import sys; from sluiceway.guard.jsonl import run_jsonl;"
        "run_jsonl(sys.stdin.buffer, sys.stdout.buffer, sys.stderr, 'inline')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        for _ in range(2):
            process.stdin.write(b'{"text": "a"}\n')
            process.stdin.flush()
            assert process.stdout.readline() == b'{"spans": []}\n'
        process.stdin.close()
        assert process.wait() == 0
