"""`ledger correct` and `ledger reprice`: what they write, what they leave alone, and what they say."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sluiceway.app.init import init
from tests.app.desk import fill, row
from tests.command_line import sluiceway

PERIOD = ("--from", "2026-11-01", "--to", "2026-12-01")
# No list knows it: 5000 bound.
UNKNOWN: dict[str, Any] = {
    "model_requested": "house-1",
    "model_routed": "house-1",
    "model_served": None,
    "cost_nusd": None,
    "charged_nusd": 210_000_000,
    "cost_basis": "unknown",
}
PRICE = """
  - {provider: openai, model: house-1, from: 2026-11-01, basis: contract,
     input_per_mtok: 2, output_per_mtok: 4}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "here"
    init(folder, "Test")
    return folder


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "mine"))


def add_price(folder: Path, text: str = PRICE) -> None:
    with (folder / "rules" / "prices.yaml").open("a") as file:
        file.write(text)


def exported(folder: Path) -> list[dict[str, Any]]:
    said = sluiceway("ledger", "export", folder=folder)
    assert said.code == 0, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def corrections(folder: Path) -> list[tuple[str, str, str, str]]:
    return [
        (each["corrects"], each["cost_usd"], each["cost_basis"], each["price_version"].split()[0])
        for each in exported(folder)
        if each["kind"] == "correction"
    ]


def holds(folder: Path) -> bool:
    return sluiceway("ledger", "verify", folder=folder).code == 0


def test_a_price_that_came_later_is_made_good_once(mine: Path) -> None:
    asyncio.run(fill(mine, [row("known"), row("house", **UNKNOWN)]))
    before = exported(mine)
    assert sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine).json["written"] == 0
    add_price(mine)
    dry = sluiceway("ledger", "reprice", *PERIOD, "--dry-run", "--json", folder=mine)
    assert exported(mine) == before
    assert dry.json["written"] == 0
    done = sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine)
    assert (done.json["price_was_unknown"], done.json["written"]) == (1, 1)
    # 1000*2 + 100*4 = 2400 millionths
    assert done.json["after_usd"] == "0.002400000"
    assert corrections(mine) == [("house", "0.002400000", "contract", "prices.yaml")]
    assert exported(mine)[:1] == before[:1]
    assert sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine).json["written"] == 0
    assert holds(mine)


def test_a_price_that_was_wrong_is_made_good_by_the_difference(mine: Path) -> None:
    asyncio.run(fill(mine, [row("dear", cost_nusd=3_000_000, charged_nusd=3_000_000)]))
    said = sluiceway("ledger", "reprice", *PERIOD, folder=mine)
    assert "price was another    1" in said.out
    # 0.00225 instead of 0.003
    assert corrections(mine) == [("dear", "-0.000750000", "list", "genai-prices")]
    assert holds(mine)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"usage_source": "none"}, id="nothing is known of its usage"),
        pytest.param({"price_version": "openrouter usage.cost"}, id="the provider's own figure"),
        pytest.param({"provider": "gone"}, id="a provider that is in no file any more"),
        pytest.param({"outcome": "upstream_error", "usage_source": "none"}, id="it failed"),
        pytest.param({"input_tokens": None}, id="a count is missing"),
    ],
)
def test_what_cannot_be_priced_is_left_alone(mine: Path, given: dict[str, Any]) -> None:
    asyncio.run(fill(mine, [row("r", **{"cost_nusd": 7, "charged_nusd": 7, **given})]))
    assert sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine).json["written"] == 0


def test_a_login_stays_notional_and_moves_no_cap(mine: Path) -> None:
    login = {"key_class": "subscription", "cost_basis": "notional", "cost_nusd": 1, "charged_nusd": 0}
    asyncio.run(fill(mine, [row("login", **login)]))
    sluiceway("ledger", "reprice", *PERIOD, folder=mine)
    assert corrections(mine) == [("login", "0.002249999", "notional", "genai-prices")]
    assert holds(mine)


def test_what_a_person_decided_no_price_list_overrules(mine: Path) -> None:
    asyncio.run(fill(mine, [row("r")]))
    arguments = ("ledger", "correct", "r", "--cost-usd", "0.001", "--reason", "credit note 17")
    said = sluiceway(*arguments, folder=mine)
    assert (said.code, said.out) == (0, "corrected: r cost 0.0010 USD\n")
    assert sluiceway(*arguments, folder=mine).out == "the ledger says so already; nothing was written\n"
    assert corrections(mine) == [("r", "-0.001250000", "list", "by")]
    assert sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine).json["written"] == 0
    assert holds(mine)


def test_one_of_several_attempts_has_to_be_named(mine: Path) -> None:
    asyncio.run(fill(mine, [row("r"), row("r", attempt=2)]))
    correct = ("ledger", "correct", "r", "--cost-usd", "0", "--reason", "never billed")
    said = sluiceway(*correct, folder=mine)
    assert said.code == 1
    assert "r has 2 rows, say which with --attempt or --turn: attempt 1 (gpt-5.1" in said.err
    assert sluiceway(*correct, "--attempt", "2", folder=mine).code == 0
    assert sluiceway(*correct, "--attempt", "3", folder=mine).code == 1
    assert corrections(mine) == [("r", "-0.002250000", "list", "by")]


@pytest.mark.parametrize(
    ("cost", "reason", "says"),
    [
        pytest.param("-1", "x", "write dollars", id="below nothing"),
        pytest.param("NaN", "x", "write dollars", id="no number"),
        pytest.param("1e9", "x", "write dollars", id="a fortune"),
        pytest.param("0.0000000001", "x", "at most nine decimals", id="less than a nano-dollar"),
        pytest.param("1", " ", "write one line", id="no reason"),
        pytest.param("1", "a\nb", "write one line", id="two lines"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(mine: Path, cost: str, reason: str, says: str) -> None:
    said = sluiceway("ledger", "correct", "r", f"--cost-usd={cost}", "--reason", reason, folder=mine)
    assert said.code == 2
    assert says in " ".join(said.err.split())


def test_a_request_nobody_knows_is_told(mine: Path) -> None:
    said = sluiceway("ledger", "correct", "sw_x", "--cost-usd", "1", "--reason", "x", folder=mine)
    assert (said.code, "has no request 'sw_x'" in said.err) == (1, True)


def test_many_rows_are_corrected_in_steps(mine: Path) -> None:
    asyncio.run(fill(mine, [row(f"r-{number}", cost_nusd=5, charged_nusd=5) for number in range(1203)]))
    said = sluiceway("ledger", "reprice", *PERIOD, "--json", folder=mine)
    assert said.json["written"] == 1203
    assert holds(mine)


def test_the_report_counts_rows_and_corrections_together(mine: Path) -> None:
    asyncio.run(fill(mine, [row("known"), row("house", **UNKNOWN)]))
    add_price(mine)
    sluiceway("ledger", "reprice", *PERIOD, folder=mine)
    assert sluiceway("report", "--out", "r.html", *PERIOD, folder=mine).code == 0
    page = (mine / "r.html").read_text()
    assert "$0.0046" in page or "$0.00465" in page  # 0.00225 + 0.0024
    assert "without a known cost" not in page
