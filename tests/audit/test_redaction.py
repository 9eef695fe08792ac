"""Redaction in a process of its own: what is taken out, what is found after it, what a failure means."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

import pytest

from sluiceway.audit.redaction import Redactor, ScanFailed, ScanProcess
from sluiceway.guard.patterns import Profile
from sluiceway.guard.scan import built_in
from sluiceway.types import Finding

TEXT = "Dear Ms Alice Bobsdale, alice.bobsdale@example.com, IBAN DE89370400440532013000, +49 30 901820"
RECOGNIZERS = '{"version": 1, "recognizers": [{"name": "badge", "type": "BADGE", "regex": "E-[0-9]{6}"}]}'


@pytest.fixture
def process() -> Iterator[ScanProcess]:
    made = ScanProcess()
    yield made
    made.close()


def test_what_is_taken_out_is_counted_and_not_found_again(process: ScanProcess) -> None:
    redactor = Redactor(process.scan)
    found = redactor.redact(TEXT)
    assert found.text == "Dear Ms <PERSON_1>, <EMAIL_1>, IBAN <IBAN_1>, <PHONE_1>"
    assert found.findings == {"PERSON": 1, "EMAIL_ADDRESS": 1, "IBAN_CODE": 1, "PHONE_NUMBER": 1}
    assert redactor.residue(found.text) == []
    assert {each.type for each in redactor.residue(TEXT)} == set(found.findings)


def test_the_process_finds_what_the_scanner_finds_here(process: ScanProcess) -> None:
    profiles: tuple[Profile, ...] = ("audit", "inline")
    for profile in profiles:
        assert process.scan(TEXT, profile) == built_in(profile).scan(TEXT)


def test_a_killed_process_fails_its_scan_and_is_replaced(process: ScanProcess) -> None:
    process.scan(TEXT, "audit")
    before = process.pid
    assert before is not None
    os.kill(before, signal.SIGSTOP)
    late = ScanProcess(deadline_s=0.2)
    late._process, late._started_with = process._process, "null"
    with pytest.raises(ScanFailed):
        late.scan(TEXT, "audit")
    assert process.scan(TEXT, "audit") and process.pid not in (None, before)


def test_the_companys_recognisers_are_used_from_the_next_text_on(process: ScanProcess) -> None:
    assert process.scan("badge E-204417", "audit") == ()
    process.use(RECOGNIZERS)
    assert [each.type for each in process.scan("badge E-204417", "audit")] == ["BADGE"]


def test_what_hides_behind_another_finding_is_found_in_the_next_round() -> None:
    """A scanner that sees only the first of what there is."""

    def scan(text: str, profile: Profile) -> Sequence[Finding]:
        at = text.find("secret")
        return [Finding("SECRET", "test", at, at + 6)] if at >= 0 else []

    redactor = Redactor(scan)
    assert redactor.redact("secret secret secret").text == "<SECRET_1> <SECRET_1> <SECRET_1>"
    left = redactor.redact("secret " * 9)
    assert redactor.residue(left.text)  # three rounds of two: what is left is seen, so it is not kept


@pytest.mark.parametrize(
    ("text", "ours"),
    [("<PERSON_1>", True), ("<AKIAIOSFODNN7EXAMPLE_1>", False), ("Ms <PERSON_1> Bobsdale", False)],
)
def test_only_our_own_placeholders_are_no_findings(text: str, ours: bool) -> None:
    redactor = Redactor(lambda text, _: [Finding("PERSON", "test", 0, len(text))])
    assert (redactor.residue(text) == []) is ours
