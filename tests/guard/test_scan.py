"""Scanning as a whole: spans in characters, nothing overlapping, linear time, few false alarms in code."""

from __future__ import annotations

import random
import string
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluiceway.guard.characters import one_byte_each
from sluiceway.guard.scan import merged, scan
from sluiceway.types import Finding

PIECES = [
    *["alice@example.com", "4111 1111 1111 1111", "+49 171 3920055", "password=", "://"],
    *["DE89", "-----BEGIN PRIVATE KEY-----"],
    *["'", '"', "@", ".", " ", "\n", "\\", "1", "0", "é", "漢", "\U0001f600", "\u2013", "\ud800"],
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
@pytest.mark.parametrize("profile", ["inline", "audit"])
def test_findings_are_inside_the_text_in_order_and_apart(profile, text):
    end = 0
    for finding in scan(text, profile):
        assert end <= finding.start < finding.end <= len(text)
        end = finding.end


@given(st.text())
def test_every_character_becomes_one_byte(text):
    assert len(one_byte_each(text)) == len(text)


def test_offsets_are_characters_whatever_stands_before():
    text = "漢字 \U0001f600 é — alice@example.com"
    (finding,) = scan(text, "inline")
    assert text[finding.start : finding.end] == "alice@example.com"


def span(type: str, start: int, end: int, score: float = 1.0) -> Finding:
    return Finding(type, "rule", start, end, score)


OVERLAPS = {
    "a secret beats a longer other": ([span("EMAIL_ADDRESS", 0, 20), span("SECRET", 5, 12)], ["SECRET"]),
    "the longer wins": ([span("PERSON", 0, 5), span("LOCATION", 0, 20)], ["LOCATION"]),
    "the surer wins": ([span("A", 0, 5, 0.4), span("B", 0, 5, 0.9)], ["B"]),
    "neighbours both stay": ([span("A", 5, 9), span("B", 0, 5)], ["B", "A"]),
    "one in the middle of two": ([span("A", 0, 6), span("SECRET", 4, 9), span("B", 8, 20)], ["SECRET"]),
}


@pytest.mark.parametrize(("findings", "types"), OVERLAPS.values(), ids=OVERLAPS.keys())
def test_of_overlapping_findings_the_strictest_and_longest_stays(findings, types):
    assert [finding.type for finding in merged(findings)] == types


SIZE = 100_000
CHANCE = random.Random(7)
HOSTILE = {
    "dotted": "a." * (SIZE // 2),
    "base64": "".join(CHANCE.choices(string.ascii_letters + string.digits + "+/", k=SIZE)),
    "quotes": "\"'" * (SIZE // 2),
    "escaped quotes": '\\"' * (SIZE // 2),
    "nested JSON": '{"token":"' * (SIZE // 10),
    "digits": "".join(CHANCE.choices(string.digits, k=SIZE)),
    "zeros": "0" * SIZE,
    "plus signs": "+" * SIZE,
    "at signs": "@" * SIZE,
    "half addresses": "a@a.a@" * (SIZE // 6),
    "spaces": " " * SIZE,
    "two-byte characters": "é" * SIZE,
    "Chinese between ASCII": "a漢" * (SIZE // 2),
    "key beginnings": "-----BEGIN PRIVATE KEY-----" * (SIZE // 27),
    "key beginnings with a body": ("-----BEGIN PRIVATE KEY-----\n" + "A" * 40 + "\n") * (SIZE // 69),
    "assignments": "password=" * (SIZE // 9),
    "URLs": "http://a:b@" * (SIZE // 11),
    "JWT beginnings": "eyJ" * (SIZE // 3),
    "numbers": "12 34 " * (SIZE // 6),
    "IBAN beginnings": "DE88 " * (SIZE // 5),
    "colons": "1:" * (SIZE // 2),
    "capitals": "Ab " * (SIZE // 3),
    "names": "Anna Smith " * (SIZE // 11),
    "half surrogates": "\ud800" * SIZE,
    "tags": "<key>" * (SIZE // 5),
}


@pytest.mark.timeout(20)  # all of it is linear and takes milliseconds; anything quadratic takes minutes
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("profile", ["inline", "audit"])
def test_no_text_takes_more_than_linear_time(profile, text):
    scan(text, profile)


def findings_per_100_kb(files: list[Path]) -> tuple[float, Counter[str]]:
    size, found = 0, Counter[str]()
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        size += len(text)
        found.update(finding.rule for finding in scan(text, "inline"))
    return sum(found.values()) * 100_000 / size, found


def test_python_sources_hold_few_findings():
    # The standard library's real e-mail addresses and IP examples are counted against us too.
    library = Path(sysconfig.get_paths()["stdlib"])
    files = [file for file in sorted(library.glob("*.py")) + sorted(library.glob("[a-k]*/*.py"))
             if "site-packages" not in file.parts and "test" not in file.parts]  # fmt: skip
    rate, found = findings_per_100_kb(files)
    assert len(files) > 200
    assert rate <= 5, found


def test_installed_packages_hold_few_findings():
    packages = Path(pytest.__file__).parents[1]  # where it is, not where this venv would put it
    names = ["pytest", "_pytest", "hypothesis", "pydantic", "sqlalchemy/orm", "aiohttp", "jinja2", "typer"]
    files = [file for name in names for file in sorted((packages / name).glob("*.py"))]
    rate, found = findings_per_100_kb(files)
    assert len(files) > 100
    assert rate <= 5, found


HEX, BASE64 = "0123456789abcdef", string.ascii_letters + string.digits + "+/"


def chance(alphabet: str, length: int) -> str:
    return "".join(CHANCE.choices(alphabet, k=length))


POETRY = """[[package]]
name = "pack-{number}"
version = "{version}"
files = [
    {{file = "pack_{number}-{version}-py3-none-any.whl", hash = "sha256:{hex64}"}},
]
"""
NPM = """"node_modules/pack-{number}": {{
  "version": "{version}", "resolved": "https://registry.example.org/pack-{number}/-/pack-{number}-{version}.tgz",
  "integrity": "sha512-{base64}=="}},
"""
YARN = """"pack-{number}@^{version}":
  version "{version}"
  resolved "https://registry.example.org/pack-{number}-{version}.tgz#{hex40}"
"""


def lock_file(entry: str) -> str:
    return "".join(
        entry.format(
            number=number,
            version=".".join(str(CHANCE.randint(0, 60)) for _ in range(3)),
            hex64=chance(HEX, 64),
            hex40=chance(HEX, 40),
            base64=chance(BASE64, 86),
        )
        for number in range(900)
    )


@pytest.mark.parametrize("entry", [POETRY, NPM, YARN], ids=["poetry", "npm", "yarn"])
def test_lock_files_hold_few_findings(entry, tmp_path):
    file = tmp_path / "lock"
    file.write_text(lock_file(entry))
    rate, found = findings_per_100_kb([file])
    assert rate <= 5, found


def test_our_own_sources_hold_few_findings():
    # But for the guard itself, whose rules give examples of what they are to find.
    everything = sorted((Path(__file__).parents[2] / "addons").rglob("*.py"))
    files = [file for file in everything if file.parent.name != "guard"]
    rate, found = findings_per_100_kb(files)
    assert len(files) > 200
    assert rate <= 5, found


def test_our_own_lock_file_holds_no_finding():
    rate, found = findings_per_100_kb([Path(__file__).parents[2] / "requirements.lock"])
    assert rate == 0, found
