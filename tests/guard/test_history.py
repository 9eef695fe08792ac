"""The memory of what was scanned: found again for the same employee, bounded, without texts."""

from __future__ import annotations

from sluiceway.guard.incremental import History
from sluiceway.types import Finding

FOUND = (Finding("EMAIL_ADDRESS", "email", 0, 17),)


def known(history: History, owner: str, text: str, version: str = "1", profile: str = "inline"):
    return history.recall(owner, profile, version, [text])[1][0]


def remembered(texts: list[str], max_weight: int = 100) -> History:
    history = History(b"key" * 8, max_weight)
    for text in texts:
        digests, _ = history.recall("alice", "inline", "1", [text])
        history.remember(digests, [FOUND])
    return history


def test_a_text_is_not_scanned_twice_and_one_without_findings_is_known_too():
    history = History(b"key" * 8)
    digests, findings = history.recall("alice", "inline", "1", ["a", "b"])
    assert findings == [None, None]
    history.remember(digests, [FOUND, ()])
    assert history.recall("alice", "inline", "1", ["b", "a", "c"])[1] == [(), FOUND, None]


def test_what_is_known_of_one_employee_is_unknown_of_another_and_after_new_rules():
    history = remembered(["text"])
    assert known(history, "alice", "text") == FOUND
    assert known(history, "bob", "text") is None
    assert known(history, "alice", "text", version="2") is None
    assert known(history, "alice", "text", profile="audit") is None


def test_the_digest_of_a_text_differs_between_employees_and_keys():
    first, second = History(b"1" * 32), History(b"2" * 32)
    digests = {
        h.recall(owner, "inline", "1", ["text"])[0][0] for h in (first, second) for owner in ("a", "b")
    }
    assert len(digests) == 4


def test_the_least_recently_used_is_forgotten_first():
    history = remembered(["a", "b", "c"], max_weight=6)
    assert known(history, "alice", "a") == FOUND
    history.remember(history.recall("alice", "inline", "1", ["d"])[0], [FOUND])
    assert [known(history, "alice", text) is None for text in "abcd"] == [False, True, False, False]


def test_many_findings_weigh_more_than_few():
    history = remembered([], max_weight=10)
    history.remember(history.recall("alice", "inline", "1", ["long"])[0], [FOUND * 20])
    assert len(history) == 0


def test_it_holds_no_text():
    assert "secret text" not in repr(vars(remembered(["secret text"])))
