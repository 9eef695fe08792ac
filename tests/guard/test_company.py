"""A company's recognisers: found as written, tried when loaded, mistakes named with their line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sluiceway.errors import ConfigError
from sluiceway.guard.load import load_recognizers, ner_status, scanner
from sluiceway.guard.ner import PIECE_CHARACTERS, pieces

FILE = r"""
version: 1
recognizers:
  - {name: badge, type: EMPLOYEE_ID, regex: '\bE-\d{6}\b', examples: ["badge E-204417"]}
  - {name: projects, type: PROJECT, words: [Blue Heron, Saltmarsh, Мост], ignore_case: true}
  - {name: case, type: CASE_ID, regex: '\b\d{8}\b', context: [case, Aktenzeichen],
     examples: ["case 20260117"], counter_examples: ["order 20260117"]}
  - {name: vault, type: SECRET, regex: 'acme_[a-z]{10}', profiles: [inline]}
disabled: [CREDIT_CARD, told-secret]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recognizers.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def types(text: str, path: Path, profile: str = "inline") -> list[str]:
    return [finding.type for finding in scanner(profile, load_recognizers(path)).scan(text)]


CASES = {
    "an expression": ("E-204417", ["EMPLOYEE_ID"]),
    "a phrase in other capitals": ("about BLUE HERON today", ["PROJECT"]),
    "a word of another script": ("проект мост готов", ["PROJECT"]),
    "part of a longer word": ("Saltmarshes", []),
    "with its context": ("Aktenzeichen: 20260117", ["CASE_ID"]),
    "without it": ("20260117", []),
    "a secret of their own": ("acme_qwertyuiop", ["SECRET"]),
    "switched off by type": ("4111 1111 1111 1111", []),
    "switched off by rule": ("my password is Sommer2024!", []),
    "built in as before": ("alice@example.com", ["EMAIL_ADDRESS"]),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_what_the_file_says_is_found(text, expected, tmp_path):
    assert types(text, written(tmp_path, FILE)) == expected


def test_a_recogniser_runs_only_in_its_profiles(tmp_path):
    assert types("acme_qwertyuiop", written(tmp_path, FILE), "audit") == []


MISTAKES = {
    "not RE2": ("{name: a, type: AB, regex: '(?=x)y'}", "RE2 expression"),
    "matches nothing at all": ("{name: a, type: AB, regex: 'x*'}", "empty text"),
    "an example that is not found": (
        "{name: a, type: AB, regex: x, examples: [b]}",
        "example 1 is not found",
    ),
    "a counter-example that is": (
        "{name: a, type: AB, regex: x, counter_examples: [x]}",
        "counter-example 1",
    ),
    "both kinds": ("{name: a, type: AB, regex: x, words: [y]}", "either"),
    "neither kind": ("{name: a, type: AB}", "either"),
    "an unknown field": ("{name: a, type: AB, regx: x}", "regx"),
    "a type in small letters": ("{name: a, type: ab, regex: x}", "type"),
}


@pytest.mark.parametrize(("entry", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_its_line(entry, message, tmp_path):
    path = written(tmp_path, f"version: 1\nrecognizers:\n  - {entry}\n")
    with pytest.raises(ConfigError, match=message) as error:
        load_recognizers(path)
    assert "recognizers.yaml:3:" in str(error.value)


def test_switching_off_what_does_not_exist_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError, match="CREDITCARD"):
        load_recognizers(written(tmp_path, "version: 1\ndisabled: [CREDITCARD]\n"))


def test_a_name_used_twice_is_a_mistake(tmp_path):
    entry = "  - {name: a, type: AB, regex: x}\n"
    with pytest.raises(ConfigError, match="twice"):
        load_recognizers(written(tmp_path, f"version: 1\nrecognizers:\n{entry}{entry}"))


def test_the_shipped_file_loads_and_changes_nothing():
    shipped = load_recognizers()
    assert shipped.recognizers == () and shipped.disabled == ()


def test_without_a_model_that_is_said_loudly():
    status = ner_status()
    assert status.model is None
    assert status.warning is not None and "no spaCy model" in status.warning


def test_a_model_that_is_not_there_is_a_mistake_and_not_a_download(tmp_path):
    recognizers = load_recognizers(written(tmp_path, "version: 1\nner: {model: en_core_web_sm}\n"))
    with pytest.raises(ConfigError, match="not installed"):
        scanner("audit", recognizers)


@pytest.mark.parametrize("text", ["", "short", "word " * 3000, "x" * 10_000, "line\n" * 2500], ids=len)
def test_a_text_in_pieces_is_the_same_text(text):
    parts = list(pieces(text))
    assert "".join(part for _, part in parts) == text
    assert all(text[start : start + len(part)] == part for start, part in parts)
    assert all(len(part) <= PIECE_CHARACTERS for _, part in parts)


# In processes of their own: what is imported there must not be what other tests imported before.
MODEL = """
import socket, sys

def refuse(*_):
    raise SystemExit("the network is asked")

socket.getaddrinfo = socket.socket.connect = refuse
import spacy
from sluiceway.guard.company import Ner, Recognizers
from sluiceway.guard.load import ner_status, scanner

nlp = spacy.blank("en")
ruler = nlp.add_pipe("entity_ruler")
ruler.add_patterns([{"label": "PERSON", "pattern": "Zephyrine"}, {"label": "GPE", "pattern": "Oxmoor"},
                    {"label": "ORG", "pattern": "Acme"}])
nlp.to_disk(sys.argv[1])
recognizers = Recognizers(version=1, ner=Ner(model=sys.argv[1]))
assert ner_status(recognizers).warning is None
text = "zz " * 3000 + "Acme let zippy Zephyrine go to Oxmoor, mail alice@example.com."
for finding in scanner("audit", recognizers).scan(text):
    print(finding.type, finding.rule, text[finding.start:finding.end])
"""
PRESIDIO = """
from sluiceway.guard.recognizers import Detectors, analyzer
from sluiceway.guard.scan import built_in

engine = analyzer(built_in("inline"))
text = "mail alice@example.com, card 4111 1111 1111 1111"
for result in sorted(engine.analyze(text, "en"), key=lambda result: result.start):
    print(result.entity_type, text[result.start:result.end])
print(len(engine.analyze(text, "en", entities=["CREDIT_CARD"])))
"""
LIGHT = """
import sys
from sluiceway.guard.scan import scan
assert scan("alice@example.com", "inline") and scan("Alice Moreau", "audit")
from sluiceway.guard.load import load_recognizers, scanner
scanner("audit", load_recognizers()).scan("Alice Moreau")
print([name for name in ("presidio_analyzer", "spacy", "phonenumbers", "tldextract") if name in sys.modules])
"""


def output(program: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_spacy_models_names_join_the_audit_profile(tmp_path):
    assert output(MODEL, str(tmp_path / "model")) == [
        "PERSON spacy Zephyrine",
        "LOCATION spacy Oxmoor",
        "EMAIL_ADDRESS email alice@example.com",
    ]


def test_the_detectors_run_inside_a_presidio_engine_without_a_model():
    expected = ["EMAIL_ADDRESS alice@example.com", "CREDIT_CARD 4111 1111 1111 1111", "1"]
    assert output(PRESIDIO) == expected


def test_scanning_without_a_model_imports_neither_presidio_nor_spacy():
    assert output(LIGHT) == ["[]"]
