"""The page as a whole: closed to scripts and networks, well formed, readable, silent about people."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from page_reader import Element, Page, rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, caps, employees, fill, row
from sqlalchemy import Connection

from sluiceway.report import CapState, Period, build, page, write


@pytest.fixture(scope="module")
def tree(month_page: str) -> Page:
    return Page(month_page)


@pytest.fixture
def empty_page(store: Connection) -> str:
    return build(store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="0.1.0")


def with_names(connection: Connection, **given: object) -> str:
    return build(connection, period=MONTH, caps=caps(), names=True, generated_at=MADE_AT, version="0.1.0")


def test_the_policy_allows_the_one_style_and_nothing_else(month_page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", month_page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = Page(month_page).root.all("meta")[1]
    assert policy.attrs["http-equiv"] == "Content-Security-Policy"
    assert policy.attrs["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_the_page_holds_nothing_that_runs_or_loads(tree: Page) -> None:
    fetching = {"src", "srcset", "action", "formaction", "data", "background", "poster", "ping", "xlink:href"}
    for element in tree.root.all(*{one.tag for one in everything(tree.root)}):
        assert element.tag not in {
            "script",
            "link",
            "iframe",
            "img",
            "object",
            "embed",
            "form",
            "base",
            "image",
        }
        for name, value in element.attrs.items():
            assert not name.startswith("on")
            assert name != "style"
            assert name not in fetching
            assert name != "href" or (value or "").startswith("#")
            assert "url(" not in (value or "").replace("url(#", "")
    css = tree.root.all("style")[0].text
    assert "@import" not in css
    assert "url(" not in css


@pytest.mark.parametrize("names", [False, True], ids=["without names", "with names"])
def test_tags_close_in_order_and_ids_are_unique(month: Connection, month_page: str, names: bool) -> None:
    read = Page(with_names(month) if names else month_page)
    assert read.faults == []
    ids = [one.attrs["id"] for one in everything(read.root) if "id" in one.attrs]
    assert len(ids) == len(set(ids))
    for one in everything(read.root):
        for reference in (one.attrs.get("aria-labelledby") or "").split():
            assert reference in ids
        if (href := one.attrs.get("href")) is not None:
            assert href[1:] in ids


def test_every_table_has_a_caption_and_scoped_headings(tree: Page) -> None:
    tables = tree.root.all("table")
    assert len(tables) >= 10
    for table in tables:
        assert table.children[0].tag == "caption"
        assert table.children[0].text.strip()
        assert all(heading.attrs.get("scope") in {"col", "row"} for heading in table.all("th"))
        widths = {len([cell for cell in one.children if cell.tag in {"th", "td"}]) for one in table.all("tr")}
        assert len(widths) == 1, table.children[0].text


def test_every_chart_is_described_and_has_a_table(tree: Page) -> None:
    charts = [svg for svg in tree.root.all("svg") if svg.attrs.get("role") == "img"]
    assert len(charts) == 4
    for svg in tree.root.all("svg"):
        if svg in charts:
            assert [child.tag for child in svg.children[:2]] == ["title", "desc"]
            assert enclosing(svg, "section").all("table")
        else:  # drawn beside the figure it repeats, or a swatch beside its name
            assert svg.attrs.get("aria-hidden") == "true"
            assert svg.parent is not None
            assert svg.parent.tag != "td" or enclosing(svg, "table")


@pytest.mark.parametrize("names", [False, True], ids=["without names", "with names"])
def test_people_appear_only_in_a_report_asked_for_names(
    month: Connection, month_page: str, names: bool
) -> None:
    html = with_names(month) if names else month_page
    assert ("Contains names of people" in html) is names
    assert ("No names of people" in html) is not names
    shown = [name for name in [*(person for person, _ in employees()), "ci-review"] if name in html.lower()]
    assert bool(shown) is names
    if names:
        assert "bob (team core)" in html


def test_a_rule_named_after_a_person_does_not_give_the_name_away(store: Connection) -> None:
    fill(store, [row(principal="alice", outcome="refused", refusal_rule="Alice-day"), row(principal="al")])
    cap = CapState("alice-day", (("employee", "alice"),), "day", 100, 100, 0, None, "core")
    kept = CapState("alert-day", (("employee", "al"),), "day", 100, 100, 0, None, "core")
    html = build(store, period=MONTH, caps=[cap, kept], names=False, generated_at=MADE_AT, version="1")
    assert "alice" not in html.lower()
    assert "(not named)-day" in html
    assert "alert-day" in html


def test_small_teams_are_told_together(store: Connection) -> None:
    big = [row(team="core", principal=name, cost_nusd=10**9) for name in ("alice", "bob", "carol")]
    small = [
        row(team="legal", principal="dave", cost_nusd=2 * 10**9),
        row(team="board", principal="zeno", cost_nusd=3 * 10**9),
        row(team="board", principal="zeno", outcome="refused", refusal_code="budget_spent"),
    ]
    fill(store, big + small)
    cap = CapState("board_day", (("employee", "zeno"),), "day", 100, 100, 0, None, "board")
    html = build(store, period=MONTH, caps=[cap], names=False, generated_at=MADE_AT, version="1", min_group=2)
    assert "legal" not in html
    assert "board" not in html
    assert "(not named)_day" in html
    fold = "other teams, told together"
    # 2 + 3 dollars of 2 people; 3 dollars of 3 people
    assert [(cells[0], cells[2], cells[5]) for cells in rows(section(html, "teams"))] == [
        (fold, "$5.00", "2"),
        ("core", "$3.00", "3"),
    ]
    assert f"one person in {fold}" in section(html, "caps").all_text()
    assert fold in section(html, "refusals").all_text()


def test_an_empty_ledger_says_what_to_do_next(empty_page: str) -> None:
    read = Page(empty_page)
    assert read.faults == []
    text = read.root.all_text()
    assert "No AI request passed Sluiceway in this period" in text
    assert "sluiceway employee add" in text
    assert "Nothing. No cap is above" not in text
    assert [one.attrs["id"] for one in read.root.all("section")] == [
        "totals", "caps", "discovery", "audit", "changes", "verification", "method",
    ]  # fmt: skip
    assert "budgets:" in text


def test_progress_hears_of_each_section(store: Connection) -> None:
    heard: list[tuple[str, int, int]] = []
    build(
        store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1",
        progress=lambda title, done, total: heard.append((title, done, total)),
    )  # fmt: skip
    assert [done for _, done, _ in heard] == list(range(len(heard)))
    assert {total for _, _, total in heard} == {len(heard)}


def test_what_needs_attention_names_the_gravest_first(month_page: str) -> None:
    cards = next(one for one in Page(month_page).root.all("ol") if one.attrs.get("class") == "cards")
    headlines = [one.text for one in cards.all("strong")]
    assert headlines[0] == "1 cap is used up, 2 more above 80\u202f%"
    assert headlines[1:] == ["1 model without a known cost", "44 requests carried secrets"]
    assert "3 AI hosts were used without metering." in month_page
    assert "Refusals spiked on 21 Oct." in month_page


def test_the_period_before_is_compared(store: Connection) -> None:
    before = MONTH.previous().from_at
    fill(store, [row(before, cost_nusd=10 * 10**9), row(before, cost_nusd=None, cost_basis="unknown")])
    fill(store, [row(FROM, cost_nusd=12 * 10**9), row(FROM + timedelta(days=1), cost_nusd=3 * 10**9)])
    html = build(store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1")
    totals = section(html, "totals").plain()
    assert "Compared with 1 Sep 2026 to 30 Sep 2026 (UTC)" in totals
    assert "$15.00 up 50 % ($10.00 before, without 1 request of unknown cost)" in totals  # 12 + 3 after 10
    assert "Requests2unchanged" in totals


def test_a_file_is_replaced_whole_and_left_alone_on_failure(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write(out, "<p>one</p>")
    write(out, "<p>two…</p>")
    assert out.read_text(encoding="utf-8") == "<p>two…</p>"
    with pytest.raises(UnicodeEncodeError):
        write(out, "\ud800")
    assert out.read_text(encoding="utf-8") == "<p>two…</p>"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert out.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("from_at", "to_at"),
    [(FROM, FROM), (FROM, FROM - timedelta(days=1)), (FROM.replace(tzinfo=None), FROM)],
    ids=["nothing in it", "backwards", "without a zone"],
)
def test_a_period_that_is_none_is_turned_down(from_at: object, to_at: object) -> None:
    with pytest.raises(ValueError, match="period"):
        Period(from_at, to_at)  # type: ignore[arg-type]  # that is the test


def test_the_style_sheet_cannot_end_its_element() -> None:
    assert "</" not in page.style()


def everything(element: Element) -> list[Element]:
    return [one for child in element.children for one in [child, *everything(child)]]


def enclosing(element: Element, tag: str) -> Element:
    while element.tag != tag:
        assert element.parent is not None, f"no <{tag}> around"
        element = element.parent
    return element
