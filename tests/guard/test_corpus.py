"""The labelled corpus: recall and precision stay above their floors."""

from __future__ import annotations

import pytest

from tests.guard.eval.corpus import read
from tests.guard.eval.measure import measure

LINES = read()
RECALL = {"EMAIL_ADDRESS": 0.98, "IP_ADDRESS": 0.98, "US_SSN": 0.98, "IBAN_CODE": 0.98, "CREDIT_CARD": 0.98,
          "PHONE_NUMBER": 0.9, "SECRET": 0.95}  # fmt: skip


def test_the_corpus_is_large_and_half_of_it_is_easily_mistaken():
    assert len(LINES) >= 400
    assert sum(not line.labels for line in LINES) >= 100


@pytest.mark.parametrize("profile", ["inline", "audit"])
def test_recall_stays_above_its_floor(profile):
    scores = measure(LINES, profile)
    below = {name: (scores[name].recall, scores[name].missed_lines) for name in RECALL
             if scores[name].recall < RECALL[name]}  # fmt: skip
    assert not below
    assert all(scores[name].labels >= 20 for name in RECALL)


def test_precision_inline_stays_above_its_floor():
    scores = measure(LINES, "inline")
    assert scores["ALL"].precision >= 0.95
    assert {name: score.wrong_lines for name, score in scores.items() if score.precision < 0.9} == {}


def test_names_and_places_are_found_in_the_audit_profile():
    scores = measure(LINES, "audit")
    assert scores["PERSON"].recall >= 0.8
    assert scores["LOCATION"].recall >= 0.7
    assert scores["ALL"].precision >= 0.9
