"""The exports: the contract's fields in its order, nothing lost, nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded_ledger import FROM, empty_store, fill, row, values
from sqlalchemy import Connection, insert

from sluiceway.errors import StoreError
from sluiceway.report.export import FIELDS, Format, export
from sluiceway.store.tables import ledger

# design.md, "Ledger row (JSONL)", copied as it stands without the remarks in brackets; then what came since.
CONTRACT = (
    "kind, corrects, request_id, attempt, turn, response_id, started_at, ended_at, principal, "
    "principal_kind, team, project, cost_center, key_fingerprint, key_class, client_name, "
    "client_version, agent, conversation_id, provider_requested, provider, host, operation, dialect, "
    "upstream_dialect, stream, service_tier, model_requested, model_routed, model_served, route_rule, "
    "route_path, task, input_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, "
    "output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, image_tokens, "
    "tool_units, usage_source, cost_usd, cost_basis, price_version, ttft_ms, duration_ms, overhead_ms, "
    "status, upstream_status, outcome, metered, refusal_code, refusal_rule, error_type, guard_findings, "
    "audit, policy_version"
)
# What came later is added at the end.
LATER = ("cost_as_requested_usd", "identity_path")


def exported(store: Connection, form: Format, **period: Any) -> bytes:
    out = io.BytesIO()
    export(store, form, out, **period)
    return out.getvalue()


def lines(store: Connection, **period: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exported(store, "jsonl", **period).splitlines()]


def cells(store: Connection) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(store, "csv").decode("utf-8"), newline="")))


def test_fields_are_the_contracts_in_its_order(store: Connection) -> None:
    fill(store, [row()])
    names = (*CONTRACT.split(", "), *LATER)
    assert names == FIELDS
    assert tuple(lines(store)[0]) == names
    assert tuple(cells(store)[0]) == names


def test_a_full_row_comes_back_as_the_contract_spells_it(store: Connection) -> None:
    full = row(
        FROM + timedelta(microseconds=7),
        request_id="r-1",
        ended_at=FROM + timedelta(seconds=2),
        cost_nusd=12_345_678,
        stream=True,
        input_tokens=10,
        tool_units={"web_search": 2},
        guard_findings={"EMAIL": 1},
        ttft_ms=12.5,
    )
    fill(store, [full])
    (line,) = lines(store)
    assert line["started_at"] == "2026-10-01T00:00:00.000007Z"
    assert line["ended_at"] == "2026-10-01T00:00:02.000000Z"
    assert line["cost_usd"] == "0.012345678"
    assert line["stream"] is True
    assert line["metered"] is True
    assert line["tool_units"] == {"web_search": 2}
    assert line["guard_findings"] == {"EMAIL": 1}
    assert line["ttft_ms"] == 12.5
    assert line["output_tokens"] is None
    (cell,) = cells(store)
    assert cell["stream"] == "true"
    assert json.loads(cell["tool_units"]) == {"web_search": 2}
    assert cell["cost_usd"] == "0.012345678"
    assert cell["output_tokens"] == ""


@pytest.mark.parametrize(
    ("cost_nusd", "written"),
    [
        (None, None),
        (0, "0.000000000"),
        (1, "0.000000001"),
        (-5, "-0.000000005"),
        (10**15, "1000000.000000000"),
    ],
    ids=["unknown", "free", "a nano-dollar", "a correction", "a million"],
)
def test_money_is_a_plain_decimal_or_null(
    store: Connection, cost_nusd: int | None, written: str | None
) -> None:
    fill(store, [row(cost_nusd=cost_nusd, cost_as_requested_nusd=cost_nusd)])
    for field in ("cost_usd", "cost_as_requested_usd"):
        assert lines(store)[0][field] == written
        assert cells(store)[0][field] == (written or "")


def test_open_rows_are_there_and_say_so(store: Connection) -> None:
    fill(store, [row(outcome="open", ended_at=None, cost_nusd=None)])
    assert [(line["outcome"], line["ended_at"], line["cost_usd"]) for line in lines(store)] == [
        ("open", None, None)
    ]


def test_rows_come_oldest_first_and_only_of_the_period(store: Connection) -> None:
    hours = (5, 1, 3, 2)
    fill(store, [row(FROM + timedelta(hours=hour), request_id=f"r-{hour}") for hour in hours])
    assert [line["request_id"] for line in lines(store)] == ["r-1", "r-2", "r-3", "r-5"]
    part = lines(store, from_at=FROM + timedelta(hours=2), to_at=FROM + timedelta(hours=5))
    assert [line["request_id"] for line in part] == ["r-2", "r-3"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=cmd()|'/C calc'!A0", "'=cmd()|'/C calc'!A0"),
        ("+1", "'+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("a=1", "a=1"),
        ("ft:-x", "ft:-x"),
        ('say "no", then\r\nleave', 'say "no", then\r\nleave'),
        ("naïve-模型", "naïve-模型"),
    ],
    ids=[
        "equals",
        "plus",
        "minus",
        "at",
        "tab",
        "return",
        "newline",
        "inside",
        "minus inside",
        "quotes",
        "unicode",
    ],
)
def test_text_that_a_spreadsheet_would_run_is_defused(store: Connection, text: str, written: str) -> None:
    fill(store, [row(model_served=text, principal=text, team=text, error_type=text)])
    cell = cells(store)[0]
    assert {cell[field] for field in ("model_served", "principal", "team", "error_type")} == {written}
    assert lines(store)[0]["model_served"] == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=5))
def test_any_text_survives_both_forms(texts: list[str]) -> None:
    with empty_store() as store:
        fill(store, [row(FROM, model_served=text) for text in texts])
        assert [line["model_served"] for line in lines(store)] == texts
        back = [cell["model_served"] for cell in cells(store)]
        assert [cell[1:] if cell.startswith("'") and cell != text else cell
                for cell, text in zip(back, texts, strict=True)] == texts  # fmt: skip


def test_csv_is_utf8_without_a_mark_and_ends_lines_as_rfc_4180_says(store: Connection) -> None:
    fill(store, [row()])
    written = exported(store, "csv")
    assert written.startswith(b"kind,corrects,")
    assert written.count(b"\r\n") == 2
    assert written.endswith(b"\r\n")


def test_an_empty_ledger_exports_a_heading_or_nothing(store: Connection) -> None:
    assert exported(store, "jsonl") == b""
    assert exported(store, "csv").decode().strip().split(",") == list(FIELDS)


def test_a_broken_count_is_an_error_that_names_the_row(store: Connection) -> None:
    store.execute(insert(ledger), values(row(request_id="r-9")) | {"tool_units": "{"})
    with pytest.raises(StoreError, match="r-9"):
        exported(store, "jsonl")


class Nowhere(io.RawIOBase):
    """Swallows what is written, so that only the export's own memory is measured."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_memory_does_not_grow_with_the_ledger(store: Connection, form: Format) -> None:
    plain = row()
    peaks = []
    for batch in range(2):
        count = 4000 if batch == 0 else 12_000
        fill(store, [replace(plain, request_id=f"r-{batch}-{number}") for number in range(count)])
        tracemalloc.start()
        heard: list[int] = []
        export(store, form, Nowhere(), progress=heard.append)  # type: ignore[arg-type]  # a raw sink is enough
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert heard == [10_000]
    assert peaks[1] < peaks[0] * 1.5  # four times the rows
