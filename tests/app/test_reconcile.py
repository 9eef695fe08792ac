"""`reconcile`: what a provider exports beside the ledger, in every format, and every class of difference."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluiceway.app.init import init
from sluiceway.types import LedgerRow
from tests.app import exports
from tests.app.desk import DAY, fill, row
from tests.command_line import Said, sluiceway
from tests.properties import examples

SONNET: dict[str, Any] = {
    "provider": "anthropic",
    "provider_requested": "anthropic",
    "host": "api.anthropic.com",
    "model_requested": "claude-sonnet-4-5",
    "model_routed": "claude-sonnet-4-5",
    "model_served": "claude-sonnet-4-5-20250929",
    "input_tokens": 10_000,
    "output_tokens": 500,
    "cache_read_tokens": 8000,
    "cache_write_tokens": 1000,
    "cache_write_1h_tokens": 200,
    "cost_nusd": 17_100_000,  # as worked out in tests/pricing: 0.0171
}
ALL = {**exports.OPENAI, **exports.ANTHROPIC}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "here"
    init(folder, "Test")
    return folder


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "mine"))


def of(name: str, request_id: str, **given: Any) -> LedgerRow:
    """A row of the provider whose export this is."""
    return row(request_id, **(given if name in exports.OPENAI else {**SONNET, **given}))


def run(folder: Path, *files: bytes, more: Sequence[str] = ("--json",)) -> Said:
    paths = []
    for number, content in enumerate(files):
        paths.append(folder / f"export-{number}.txt")
        paths[-1].write_bytes(content)
    return sluiceway("reconcile", *paths, *more, folder=folder)


def why(said: Said) -> list[str]:
    assert said.code in (0, 1), said.err
    return sorted({each["class"] for each in said.json["differences"]})


@pytest.mark.parametrize("name", ALL)
def test_what_is_equal_is_equal_in_every_format(mine: Path, name: str) -> None:
    rows = [
        of(name, "a"),
        of(name, "b", started_at=DAY + timedelta(days=1)),
        of(name, "c", service_tier="priority"),
    ]
    asyncio.run(fill(mine, rows))
    said = run(mine, ALL[name](rows))
    assert said.code == 0, said.out + said.err
    assert set(why(said)) <= {"rounding"}
    assert list(said.json["files"].values()) == [name.removesuffix(", CSV")]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("family", ["openai", "anthropic"])
def test_a_provider_that_is_named_has_to_be_the_files(mine: Path, name: str, family: str) -> None:
    rows = [of(name, "a")]
    asyncio.run(fill(mine, rows))
    said = run(mine, ALL[name](rows), more=("--provider", family))
    fits = (name in exports.OPENAI) == (family == "openai")
    assert said.code == (0 if fits else 1)
    assert fits or "this is no usage or cost export that can be read. Tried:" in said.err


# Classes of difference. `theirs` is what the provider has, `ours` what the ledger has.
PARTIAL: dict[str, Any] = {"usage_source": "partial", "outcome": "truncated", "output_tokens": 40}
GONE: dict[str, Any] = {"usage_source": "partial", "outcome": "client_cancelled", "output_tokens": 40}
LATE = DAY.replace(hour=23, minute=59)
NEXT = (DAY + timedelta(days=1)).replace(hour=0, minute=1)
UNPRICED: dict[str, Any] = {"cost_nusd": None, "cost_basis": "unknown", "charged_nusd": 99}
CLASSES = [
    pytest.param(
        [row("a")], [row("a"), row("b", model_served="gpt-4o")], ["not through the proxy"], 1, id="elsewhere"
    ),
    pytest.param(
        [row("a")], [row("a"), row("b")], ["not through the proxy"], 1, id="elsewhere, a model we know"
    ),
    pytest.param([row("a"), row("b")], [row("a")], ["not in the export"], 1, id="only ours"),
    pytest.param([row("a", **PARTIAL)], [row("a", output_tokens=100)], ["estimated"], 1, id="a cut answer"),
    pytest.param(
        [row("a", **GONE)], [row("a", output_tokens=100)], ["cancelled"], 1, id="the client hung up"
    ),
    pytest.param(
        [row("a"), row("l", started_at=LATE), row("n", started_at=NEXT)],
        [row("a"), row("l", started_at=NEXT), row("n", started_at=NEXT)],
        ["time boundary"],
        0,
        id="counted on the next day",
    ),
    pytest.param(
        [row("a", **PARTIAL), row("l", started_at=LATE, ended_at=NEXT), row("k", started_at=LATE)],
        [row("a", output_tokens=90), row("l", started_at=NEXT), row("k", started_at=LATE)],
        ["estimated", "time boundary"],
        1,
        id="one that ended on the next day, beside a cut answer",
    ),
    pytest.param(
        [row("a"), row("n", started_at=NEXT), row("m", started_at=NEXT)],
        [row("a"), row("n", started_at=LATE), row("m", started_at=NEXT)],
        ["time boundary"],
        0,
        id="counted on the day before",
    ),
    pytest.param(
        [row("a"), row("l", started_at=DAY), row("n", started_at=NEXT)],
        [row("a"), row("l", started_at=NEXT), row("n", started_at=NEXT)],
        ["not in the export", "not through the proxy"],
        1,
        id="near miss: nothing of ours was near midnight",
    ),
    pytest.param([row("a")], [row("a", cost_nusd=2_000_000)], ["price difference"], 1, id="another price"),
    pytest.param([row("a", **UNPRICED)], [row("a")], ["unknown price"], 1, id="no price was known"),
    pytest.param(
        [row("a"), row("s", key_class="subscription")], [row("a")], [], 0, id="a login is on no bill"
    ),
    pytest.param([row("a"), row("p", key_class="personal")], [row("a")], [], 0, id="nor is a personal key"),
    pytest.param(
        [row("a"), row("u", metered=False, operation="unlisted", model_served=None, usage_source="none")],
        [row("a"), row("u")],
        ["unmetered paths"],
        1,
        id="it passed unmetered",
    ),
    pytest.param([row("a", service_tier="flex")], [row("a", service_tier="flex")], [], 0, id="another tier"),
    pytest.param([row("a", model_served="gpt-5.1")], [row("a")], [], 0, id="an alias and a date"),
]


@pytest.mark.parametrize(("ours", "theirs", "classes", "code"), CLASSES)
def test_a_difference_is_explained(
    mine: Path, ours: list[LedgerRow], theirs: list[LedgerRow], classes: list[str], code: int
) -> None:
    asyncio.run(fill(mine, ours))
    said = run(mine, exports.openai_usage(theirs), exports.openai_costs_csv(theirs))
    assert (why(said), said.code) == (classes, code), said.out
    for kind, figures in said.json["totals"].items():
        explained = sum(float(each.get(kind, 0)) for each in said.json["differences"])
        left = float(figures["provider"]) - float(figures["ledger"])
        assert explained == pytest.approx(left, abs=1e-12), "nothing is left without a class"


def test_rounding_is_no_difference(mine: Path) -> None:
    rows = [row(f"r{number}", **SONNET) for number in range(3)]  # 0.0513, exported as 0.05
    asyncio.run(fill(mine, rows))
    said = run(mine, exports.anthropic_cost_csv(rows))
    assert (said.code, why(said)) == (0, ["rounding"])


def test_fees_that_are_listed_apart_are_found_in_the_requests_cost(mine: Path) -> None:
    dear = SONNET["cost_nusd"] + 20_000_000  # two searches
    ours = row("a", **{**SONNET, "cost_nusd": dear, "tool_units": {"web_search": 2}})
    asyncio.run(fill(mine, [ours]))
    text = exports.anthropic_cost([replace(ours, cost_nusd=SONNET["cost_nusd"])]).decode()
    search = {
        "currency": "USD",
        "amount": "2.0",
        "model": None,
        "cost_type": "web_search",
        "service_tier": None,
    }
    page = {"data": [{"starting_at": "2026-11-10T00:00:00Z", "results": [search]}]}
    said = run(mine, text.encode(), json.dumps(page).encode())
    assert (said.code, why(said)) == (0, ["tool fees"])


def test_corrections_count(mine: Path) -> None:
    asyncio.run(fill(mine, [row("a")]))
    sluiceway("ledger", "correct", "a", "--cost-usd", "0.001", "--reason", "credit", folder=mine)
    assert run(mine, exports.openai_costs_csv([row("a", cost_nusd=1_000_000)])).code == 0


def test_one_key_and_some_days_may_be_chosen(mine: Path) -> None:
    rows = [row("a"), row("b", started_at=DAY + timedelta(days=1))]
    asyncio.run(fill(mine, rows[:1]))
    both = exports.openai_usage(rows)
    assert run(mine, both).code == 1
    assert run(mine, both, more=("--to", "2026-11-11", "--json")).code == 0
    assert run(mine, both, more=("--to", "2026-11-11", "--key", "key_1", "--json")).code == 0
    said = run(mine, both, more=("--key", "key_2", "--json"))
    assert (said.code, "no line is of the days and keys asked for" in said.err) == (1, True)


def test_the_tolerance_decides(mine: Path) -> None:
    asyncio.run(fill(mine, [row("a", output_tokens=99)]))
    theirs = exports.openai_usage_csv([row("a")])
    assert run(mine, theirs).code == 1
    assert run(mine, theirs, more=("--tolerance", "1", "--json")).code == 0


def test_people_get_a_table_with_the_meaning_of_each_class(mine: Path) -> None:
    asyncio.run(fill(mine, [row("a"), row("s", key_class="subscription")]))
    theirs = [row("a"), row("b", model_served="=cmd|\x1b[31m\t<b>")]
    said = run(mine, exports.openai_usage(theirs), more=())
    assert said.code == 1
    assert "not through the proxy  used with the company's account" in said.out
    assert "1 request with a login" in said.out
    assert "of these keys or workspaces: key_1" in said.out
    assert said.out.endswith("NOT equal within 0.1 %.\n")
    assert "\x1b" not in said.out


# Files as spreadsheets and strangers leave them

GOOD = exports.anthropic_usage_csv([row("a", **SONNET)]).decode()
ENCODINGS = {
    "with a byte order mark": GOOD.encode("utf-8-sig"),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "semicolons": GOOD.replace(",", ";").encode(),
    "tabs": GOOD.replace(",", "\t").encode(),
    "old line ends": GOOD.replace("\r\n", "\r").encode(),
    "Unix line ends": GOOD.replace("\r\n", "\n").encode(),
    "blank lines": ("\r\n" + GOOD.replace("\r\n", "\r\n\r\n")).encode(),
    "capitals": (GOOD.partition("\r\n")[0].upper() + "\r\n" + GOOD.partition("\r\n")[2]).encode(),
    "thousands": GOOD.replace(",8000,", ',"8,000",').encode(),
    "quotes": GOOD.replace("Default", '"a ""quoted"", name"').encode(),
}


@pytest.mark.parametrize("content", ENCODINGS.values(), ids=ENCODINGS)
def test_a_file_is_read_however_it_was_saved(mine: Path, content: bytes) -> None:
    asyncio.run(fill(mine, [row("a", **SONNET)]))
    said = run(mine, content)
    assert said.code == 0, said.err or said.out


BAD = {
    "empty": (b"", "there is nothing in it"),
    "blanks": (b" \r\n\r\n", "there is nothing in it"),
    "a heading alone": (GOOD.partition("\r\n")[0].encode(), "no line is of the days and keys asked for"),
    "unknown columns": (
        b"date,cost\n2026-11-10,1\n",
        "Anthropic Console cost CSV: no cost_usd, model, usage_date_utc",
    ),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not text in UTF-8 or UTF-16"),
    "Latin-1": (GOOD.replace("Default", "Büro").replace("≤", "<").encode("latin-1"), "not text in UTF-8"),
    "a formula": (
        GOOD.replace(",8000,", ",=1+1,").encode(),
        "usage_input_tokens_cache_read must be a number, not '=1+1'",
    ),
    "half a token": (GOOD.replace(",8000,", ",0.5,").encode(), "must be a whole number"),
    "a fortune": (GOOD.replace(",8000,", ",1e99,").encode(), "a number that can be true"),
    "not a number": (GOOD.replace(",8000,", ",NaN,").encode(), "a number that can be true"),
    "no date": (
        GOOD.replace("2026-11-10", "10.11.26").encode(),
        "usage_date_utc must be a date, not '10.11.26'",
    ),
    "no model": (GOOD.replace("claude-sonnet-4-5-20250929", "").encode(), "model_version is empty"),
    "a cell too many": (GOOD.rstrip().encode() + b",1\r\n", "line 2 has 13 cells, the heading 12"),
    "an open quote": (GOOD.replace("Default", '"Default').encode(), "not a CSV file"),
    "a huge cell": (GOOD.replace("Default", "x" * 200_000).encode(), "not a CSV file"),
    "half a page": (exports.openai_usage([row("a")])[:-40], "not the JSON of a usage API"),
    "other JSON": (b'{"hello": ["world"]}', "this is no usage or cost export"),
    "a list of numbers": (b"[1, 2]", "not the JSON of a usage API"),
    "deep JSON": (b'{"data": [' + b"[" * 100_000, "not the JSON of a usage API"),
    "an error answer": (b'{"error": {"message": "x"}}', "this is no usage or cost export"),
    "no groups": (
        exports.openai_usage([row("a", model_served="")]).replace(b'"?"', b"null"),
        "grouped by model",
    ),
    "euros": (exports.openai_costs_csv([row("a")]).replace(b"usd", b"eur"), "only USD"),
}


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
def test_a_bad_file_says_what_is_wrong_with_it(mine: Path, content: bytes, says: str) -> None:
    said = run(mine, content)
    assert (said.code, said.out) == (1, "")
    assert says in said.err
    assert len(said.err) < 2000


def test_exports_of_two_providers_are_not_mixed(mine: Path) -> None:
    said = run(mine, exports.openai_usage([row("a")]), GOOD.encode())
    assert "reconcile one provider at a time" in said.err


def test_a_file_that_is_not_there_is_wrong_usage(mine: Path) -> None:
    assert sluiceway("reconcile", "nowhere.csv", folder=mine).code == 2


# Properties

counts = st.integers(0, 3_000_000)


@st.composite
def ledgers(draw: st.DrawFn, name: str) -> list[LedgerRow]:
    found = []
    for number in range(draw(st.integers(1, 8))):
        read, write, hour, plain = draw(counts), draw(counts), draw(st.integers(0, 100)), draw(counts)
        if name in exports.OPENAI:
            write = hour = 0  # it bills none
        at = datetime(
            2026, 11, draw(st.integers(1, 4)), draw(st.integers(0, 23)), draw(st.integers(0, 59)), tzinfo=UTC
        )
        found.append(
            of(
                name,
                f"r{number}",
                started_at=at,
                ended_at=at,
                service_tier=draw(st.sampled_from([None, "flex", "priority"])),
                input_tokens=plain + read + write + hour,
                output_tokens=draw(counts),
                cache_read_tokens=read,
                cache_write_tokens=write + hour,
                cache_write_1h_tokens=hour,
                cost_nusd=draw(st.integers(0, 10**13)),
            )
        )
    return found


@pytest.mark.parametrize("name", ALL)
@settings(
    max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_a_ledger_written_as_an_export_reconciles_to_nothing(
    made: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    rows = data.draw(ledgers(name))
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("any") / "here"))
    asyncio.run(fill(folder, rows))
    said = run(folder, ALL[name](rows), more=("--tolerance", "0", "--json"))
    assert said.code == 0, said.out + said.err
    assert set(why(said)) <= {"rounding"}
