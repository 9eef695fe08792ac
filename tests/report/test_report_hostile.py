"""Names that users and models choose: shown as they are, bounded, and without any power over the page."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_reader import Page
from seeded_ledger import FROM, MADE_AT, MONTH, empty_store, fill, row
from sqlalchemy import Connection, insert

from sluiceway.audit.overview import Kept, Overview, Reading
from sluiceway.audit.verdict import Fault, Verdict
from sluiceway.report import AuditState, CapState, GuardState, Verification, build
from sluiceway.report.model import AuditRule, LedgerCheck, LogCheck, to_us
from sluiceway.report.text import name, visible
from sluiceway.store.records import Discrepancy
from sluiceway.store.tables import discovery, events

HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "an attribute": '" onmouseover="alert(1)" x="',
    "single quotes": "' onfocus='alert(1)",
    "a closing style": "</style><style>*{display:none}",
    "a closing title": "</title></svg><b>",
    "a formula": '=cmd()|"/C calc"!A0',
    "a template": "{{ 7*7 }}{% raw %}",
    "an entity": "&lt;b&gt;&#60;",
    "control characters": "a\x00\x07\x1b[31mb\r\nc\x85",
    "bidi overrides": "gpt\u202e4-edualc\u2066\u200f",
    "zero width": "cl\u200baude\ufeff",
    "line separators": "a\u2028b\u2029c",
    "very long": "x" * 50_000,
    "long and wide": "\u6f22" * 5_000,
    "piled marks": "e" + "\u0301" * 4_000,
    "a comment": "--><!-- ",
    "cdata": "]]><![CDATA[",
}
_COLUMNS = """
    principal team project provider provider_requested host operation model_requested model_routed
    model_served route_rule refusal_code refusal_rule error_type price_version
    policy_version client_name key_class
"""


def page_with(connection: Connection, text: str) -> str:
    everywhere: dict[str, Any] = dict.fromkeys(_COLUMNS.split(), text)
    priced = everywhere | {"key_class": "company"}
    timed = {"ttft_ms": 5.0, "overhead_ms": 1.0, "usage_source": "reported"}
    fill(
        connection,
        [
            row(FROM, **priced, cost_nusd=10**9, **timed),
            row(FROM + timedelta(days=9), **everywhere, cost_nusd=None, cost_basis="unknown", **timed),
            row(FROM, **everywhere, outcome="refused"),
            row(FROM, **everywhere, metered=False),
            row(FROM, **everywhere, outcome="upstream_error", upstream_status=500),
        ],
    )
    seen = {"day": "2026-10-03", "connections": 3, "bytes_up": 1, "bytes_down": 1}
    connection.execute(insert(discovery), seen | {"host": text, "reason": text, "team": text})
    cap = CapState(text, ((text, text),), text, 100, 100, 10, None, text)
    fill(connection, [row(FROM, **moved(text)), row(FROM, guard_findings={text: 1, "SECRET": 2}, team=text)])
    for kind in ("started", "person_moved", "key_added", text):
        detail = json.dumps(dict.fromkeys(("name", "team", "policy_version"), text))
        connection.execute(insert(events), {"at": to_us(FROM), "kind": kind, "actor": text, "detail": detail})
    return build(
        connection, period=MONTH, caps=[cap], names=True, generated_at=MADE_AT, version="1", title=text,
        guard=GuardState((text,), text, text), audit=audited(text), verification=checked(text),
    )  # fmt: skip


def moved(text: str) -> dict[str, Any]:
    places = dict.fromkeys(("route_rule", "model_requested", "provider_requested", "provider"), text)
    return places | {"model_routed": f"{text}!", "cost_nusd": 1, "cost_as_requested_nusd": 2}


def audited(text: str) -> AuditState:
    read = Reading("a-1", FROM, text, text, FROM, MADE_AT, 1, text, (text,), FROM, (FROM,))
    kept = (Kept(text, text, "sealed", 1), Kept(text, text, text, 1))
    found = Overview(kept, (read,), 1, 1, {text: 2}, ((FROM, ((text, text),)),))
    return AuditState(
        (AuditRule(text, text, text, text, MADE_AT.date(), 3, True),), ((text, text),), True, found
    )


def checked(text: str) -> Verification:
    verdict = Verdict(1, 1, 1, 1, [Fault(text, text)], [text])
    differing = (
        Discrepancy(text, "usd", 1, 1, 2, 2),
        Discrepancy(f"{text}={text}|{text}|{text}", "usd", 1, 1, 2, 2),
    )
    return Verification(
        LedgerCheck(MADE_AT, 2, differing), LogCheck(MADE_AT, (text,), True, text, 1, verdict)
    )


@pytest.fixture(scope="module")
def harmless_tags() -> dict[str, int]:
    with empty_store() as connection:
        return tag_counts(page_with(connection, "plain"))


def tag_counts(html: str) -> dict[str, int]:
    """How often each tag and attribute occurs, as a browser would see them."""
    read = Page(html)
    assert read.faults == []
    counts: dict[str, int] = {}
    elements = [read.root]
    while elements:
        element = elements.pop()
        elements += element.children
        for key in (element.tag, *(f"{element.tag}@{one}" for one in element.attrs)):
            counts[key] = counts.get(key, 0) + 1
    return {key: number for key, number in counts.items() if key != "bdi@title"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_in_every_column_changes_no_tag(
    store: Connection, harmless_tags: dict[str, int], text: str
) -> None:
    html = page_with(store, text)
    assert tag_counts(html) == expected(harmless_tags, text)
    for hidden in "\x00\x07\x1b\x85\u202e\u2066\u200f\u200b\ufeff\u2028\u2029":
        assert hidden not in html
    assert "\u0301" * 4 not in html
    assert len(html) < 300_000


def expected(plain: dict[str, int], text: str) -> dict[str, int]:
    """No price can be suggested for a name that is too long, so that block of the page goes."""
    if len(text) <= 120:
        return plain
    with empty_store() as connection:
        return tag_counts(page_with(connection, "y" * 121))


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("modèle-日本語", "modèle-日本語"),
        ("a b", "a b"),
        ("a\tb", "a\\x09b"),
        ("a\u202eb", "a\\u202eb"),
        ("\U000e0041x", "\\U000e0041x"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
    ids=[
        "plain",
        "accents and Japanese",
        "space",
        "tab",
        "bidi override",
        "tag character",
        "surrogate",
        "empty",
    ],
)
def test_what_cannot_be_seen_becomes_an_escape(given_text: str, shown: str) -> None:
    assert visible(given_text) == shown


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("abcdefgh", "abcdefgh"),
        ("abcdefghi", "abcdefg…"),
        ("abcdefg\x00", "abcdefg…"),
        ("abcd\x00", "abcd\\x00"),
    ],
    ids=["just fits", "one too many", "an escape that does not fit", "an escape that fits"],
)
def test_long_text_ends_in_an_ellipsis(given_text: str, shown: str) -> None:
    assert visible(given_text, 8) == shown


@given(st.text(max_size=200), st.integers(min_value=2, max_value=80))
def test_shown_text_is_bounded_and_prints(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert visible(shown, limit) == shown
    shown.encode("utf-8")


def test_a_shortened_name_keeps_its_beginning_in_the_title() -> None:
    assert name("x" * 70) == f'<bdi title="{"x" * 70}">{"x" * 59}…</bdi>'
    assert name("") == '<i class="none">not named</i>'
    assert name("<b>") == "<bdi>&lt;b&gt;</bdi>"
