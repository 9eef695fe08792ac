"""Failovers, breakers, mirrors and deferred jobs: what the report says of them, from rows worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from page_reader import section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from sqlalchemy import Connection, insert, select, update

from sluiceway.report import audience as audience_room
from sluiceway.report import build
from sluiceway.report import timeline as time_axis
from sluiceway.report.section import Context
from sluiceway.report.sections import breakers, changes, deferred, failovers, latency, mirrors
from sluiceway.store import tables
from sluiceway.store.moments import to_us
from sluiceway.store.tables import events
from sluiceway.types import LedgerRow

GPT: dict[str, Any] = {"provider": "openai", "model_routed": "gpt-5.1"}
FAILED: dict[str, Any] = {"outcome": "upstream_error", "status": None, "cost_nusd": 0, "duration_ms": 300.0}


def asked(store: Connection, *given: LedgerRow) -> Context:
    fill(store, list(given))
    audience = audience_room.load(store, MONTH, names=False, min_group=1)
    return Context(store, MONTH, time_axis.load(store, MONTH), True, (), audience, MADE_AT, "1")


def tried(request_id: str, *attempts: dict[str, Any]) -> list[LedgerRow]:
    """The attempts of one request, from the first."""
    return [
        row(request_id=request_id, attempt=number, started_at=FROM + timedelta(seconds=number), **given)
        for number, given in enumerate(attempts, 1)
    ]


def note(store: Connection, state: str, at: datetime, key: str = "main", reason: str = "529") -> None:
    detail = {"provider": "anthropic", "model": "claude-opus-4-5", "key": key, "reason": reason}
    values = {"at": to_us(at), "kind": f"breaker_{state}", "actor": "serve"}
    store.execute(insert(events).values(**values, detail=orjson.dumps(detail).decode()))


def test_failovers_are_told_by_where_from_why_and_where_to(store: Connection) -> None:
    overloaded = FAILED | {"upstream_status": 529, "error_type": "overloaded_error"}
    silent = FAILED | {"error_type": "first_byte_timeout", "duration_ms": 900.0, "cost_nusd": 7}
    data = failovers.load(
        asked(
            store,
            *tried("r-a", overloaded, GPT),
            *tried("r-b", overloaded, GPT | FAILED | {"upstream_status": 500}),
            *tried("r-c", silent, GPT),
            *tried("r-d", overloaded, GPT | {"outcome": "refused"}),
            row(),
        )
    )
    assert (data.requests, data.answered, data.lost, data.attempts) == (4, 2, 2, 3)
    first, second = data.moves
    assert (first.provider, first.reason, first.to_provider) == ("anthropic", "overloaded_error", "openai")
    assert (first.attempts, first.answered, first.waited_ms, first.cost_nusd) == (2, 1, 300.0, 0)
    assert (second.reason, second.waited_ms, second.cost_nusd) == ("first_byte_timeout", 900.0, 7)
    few, many = data, replace(data, requests=20, answered=2)
    said = "2 requests were answered by another target"
    assert [each.headline for each in failovers.attention(few)] == [said]
    assert [each.headline for each in failovers.attention(many)] == [
        "18 requests got no answer anywhere",
        said,
    ]


def test_a_breakers_time_is_from_its_opening_to_its_closing(store: Connection) -> None:
    for state, after_s in (("open", 0), ("half_open", 10), ("open", 11), ("half_open", 31), ("closed", 32)):
        note(store, state, FROM + timedelta(seconds=after_s))
    note(store, "open", MONTH.to_at - timedelta(seconds=5), key="spare", reason="connect_error")
    context = asked(store)
    data = breakers.load(context)
    main, spare = data.places
    assert (main.key, main.opened, main.shut_s, main.still) == ("main", 1, 32.0, False)
    assert (main.length, data.turns[0].when) == ("32 s", "1 Oct 00:00:00")
    assert (spare.key, spare.opened, spare.shut_s, spare.still) == ("spare", 1, 5.0, True)
    assert spare.reasons == ("connect_error",)
    assert [turn.what for turn in data.turns[:2]] == ["opened", "one probe let through"]
    assert len(breakers.attention(data)) == 1
    assert changes.load(context).deeds == ()  # no operator's deed


def test_a_mirror_is_compared_with_what_it_is_a_copy_of(store: Connection) -> None:
    service: dict[str, Any] = {"principal": "mirror", "principal_kind": "service", "team": "mirror"}
    copied = service | GPT | {"route_rule": "compare", "status": None}
    context = asked(
        store,
        row(request_id="r-a", cost_nusd=90, ttft_ms=100.0, duration_ms=1000.0),
        row(request_id="r-a-mirror", **copied, cost_nusd=30, ttft_ms=300.0, duration_ms=500.0),
        row(request_id="r-b", cost_nusd=90),
        row(request_id="r-b-mirror", **copied | {"outcome": "refused", "cost_nusd": 0}),
    )
    data = mirrors.load(context)
    (pair,) = data.pairs
    assert (data.copies, data.cost_nusd, pair.copies, pair.refused, pair.compared) == (2, 30, 2, 1, 1)
    assert pair.dearer == pytest.approx(-2 / 3)  # 30 in place of 90
    assert (pair.own.provider, pair.own.cost_nusd, pair.own.ttft_ms) == ("anthropic", 90, 100.0)
    assert (pair.other.provider, pair.other.cost_nusd, pair.other.ttft_ms) == ("openai", 30, 300.0)


def later(store: Connection, *given: LedgerRow) -> Context:
    """Rows of batches, each with the line that says by which job it ends."""
    context = asked(store, *given)
    rows = store.execute(select(tables.ledger.c.id, tables.ledger.c.outcome)).all()
    for each in rows:
        settled_at = None if each.outcome == "open" else to_us(FROM)
        line = {"ledger_id": each.id, "kind": "batch", "digest": str(each.id).encode(), "input_tokens": 1}
        values = line | {"spends": True, "expires_at": to_us(MONTH.to_at), "settled_at": settled_at}
        store.execute(insert(tables.deferred).values(values))
    waiting = tables.ledger.c.outcome == "open"
    store.execute(update(tables.ledger).where(waiting).values(reserved_nusd=500))
    return context


def test_a_deferred_job_is_told_by_its_results_or_by_what_is_held_for_it(store: Connection) -> None:
    batch: dict[str, Any] = {"operation": "batch", "model_routed": "claude-haiku-4-5"}
    unseen = {"usage_source": "estimated", "cost_nusd": None, "charged_nusd": 70}
    data = deferred.load(
        later(
            store,
            row(**batch, cost_nusd=40, charged_nusd=40),
            row(**batch, outcome="open", cost_nusd=None, usage_source="none"),
            row(**batch, **unseen, error_type="usage_never_seen"),
            row(**batch | GPT, cost_nusd=9),
        )
    )
    claude, gpt = data.groups
    assert (claude.kind, claude.jobs, claude.told, claude.waiting, claude.unseen) == ("batch", 3, 1, 1, 1)
    assert (claude.cost_nusd, claude.held_nusd, claude.bound_nusd) == (40, 500, 70)
    assert (gpt.provider, gpt.told, gpt.cost_nusd, gpt.held_nusd) == ("openai", 1, 9, 0)
    assert (data.jobs, data.waiting, data.held_nusd, data.unseen) == (4, 1, 500, 1)
    (found,) = deferred.attention(data)
    assert found.headline == "1 deferred job ended without telling what it used"
    assert not deferred.attention(replace(data, unseen=0))


def test_time_to_the_first_token_is_also_told_by_provider(store: Connection) -> None:
    failed = row(**FAILED, ttft_ms=1.0)
    rows = [row(ttft_ms=100.0), row(ttft_ms=200.0), row(**GPT, ttft_ms=50.0), failed]
    data = latency.load(asked(store, *rows))
    assert [(each.label, each.answers, each.p50_ms) for each in data.providers] == [
        ("anthropic", 2, 100.0),
        ("openai", 1, 50.0),
    ]


@pytest.mark.parametrize("name", ["failovers", "breakers", "mirrors", "deferred"])
def test_a_month_without_any_says_so(store: Connection, name: str) -> None:
    fill(store, [row()])
    page = build(store, period=MONTH, caps=(), names=False, generated_at=MADE_AT, version="1")
    assert section(page, name).all("p")[0].plain().startswith("No ")
