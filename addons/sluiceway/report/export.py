"""The ledger as JSON Lines or CSV, row by row in constant memory, with the contract's fields in its order.

Both are UTF-8 without a byte order mark. JSON Lines: one object a line, unknown is null. CSV (RFC 4180):
unknown is an empty cell, objects are JSON text, and text that a spreadsheet would run as a formula
gets a leading apostrophe. People are named: it is finance's file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Literal

import orjson
from sqlalchemy import Connection, select

from sluiceway.errors import StoreError
from sluiceway.report.model import from_us, to_us
from sluiceway.store.tables import ledger
from sluiceway.types import to_usd

Format = Literal["jsonl", "csv"]
Record = dict[str, Any]

# As design.md lists them, and then what came later; names and order are what others read.
_CONTRACT = """
    kind corrects request_id attempt turn response_id started_at ended_at
    principal principal_kind team project cost_center key_fingerprint key_class
    client_name client_version agent conversation_id
    provider_requested provider host operation dialect upstream_dialect stream service_tier
    model_requested model_routed model_served route_rule route_path task
    input_tokens cache_read_tokens cache_write_tokens cache_write_1h_tokens
    output_tokens reasoning_tokens audio_input_tokens audio_output_tokens image_tokens
    tool_units usage_source cost_usd cost_basis price_version ttft_ms duration_ms overhead_ms
    status upstream_status outcome metered refusal_code refusal_rule error_type
    guard_findings audit policy_version cost_as_requested_usd identity_path
"""
FIELDS = tuple(_CONTRACT.split())

_OBJECTS = ("tool_units", "guard_findings")
_MONEY = {"cost_usd": "cost_nusd", "cost_as_requested_usd": "cost_as_requested_nusd"}
_NUMBERS_AS_TEXT = frozenset(_MONEY)  # a negative correction is a number, not a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FETCH_ROWS = 1000
_REPORT_ROWS = 10_000


def export(
    connection: Connection,
    format: Format,
    out: BinaryIO,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write the rows started from `from_at` until before `to_at` (None: no bound), oldest first.

    Returns how many; `progress` hears the number so far every ten thousand rows. `out` stays open.
    """
    records = _counted(_records(connection, from_at, to_at), progress)
    return _write_jsonl(records, out) if format == "jsonl" else _write_csv(records, out)


def _records(connection: Connection, from_at: datetime | None, to_at: datetime | None) -> Iterator[Record]:
    names = [_MONEY.get(field, field) for field in FIELDS]
    query = select(*(ledger.c[name] for name in names)).order_by(ledger.c.started_at, ledger.c.id)
    if from_at is not None:
        query = query.where(ledger.c.started_at >= to_us(from_at))
    if to_at is not None:
        query = query.where(ledger.c.started_at < to_us(to_at))
    # yield_per also asks for a cursor on the server, where the engine has one.
    for row in connection.execute(query, execution_options={"yield_per": _FETCH_ROWS}):
        yield _record(dict(zip(FIELDS, row, strict=True)))


def _record(record: Record) -> Record:
    """The stored values as the contract spells them; the order of the fields is kept."""
    record["started_at"] = _moment(record["started_at"])
    record["ended_at"] = _moment(record["ended_at"])
    for field in _MONEY:  # always nine decimals, never an exponent
        record[field] = None if record[field] is None else format(to_usd(record[field]), "f")
    for field in _OBJECTS:
        record[field] = _object(record[field], record["request_id"])
    return record


def _moment(us: int | None) -> str | None:
    return None if us is None else f"{from_us(us):%Y-%m-%dT%H:%M:%S.%fZ}"


def _object(text: str, request_id: str) -> Mapping[str, int]:
    try:
        value: Mapping[str, int] = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"ledger row {request_id!r} holds a count that is not JSON") from error
    return value


def _counted(records: Iterator[Record], progress: Callable[[int], None] | None) -> Iterator[Record]:
    for number, record in enumerate(records, start=1):
        yield record
        if progress is not None and number % _REPORT_ROWS == 0:
            progress(number)


def _write_jsonl(records: Iterator[Record], out: BinaryIO) -> int:
    written = 0
    for record in records:
        out.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        written += 1
    return written


def _write_csv(records: Iterator[Record], out: BinaryIO) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(FIELDS)
    written = 0
    try:
        for record in records:
            writer.writerow([_cell(field, value) for field, value in record.items()])
            written += 1
    finally:
        text.flush()
        text.detach()  # the caller's file stays open
    return written


def _cell(field: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    if isinstance(value, str) and field not in _NUMBERS_AS_TEXT and value.startswith(_FORMULA):
        return f"'{value}"
    return str(value)
