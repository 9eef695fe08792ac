"""Routing: what moved requests cost and would have cost as asked; what is unknown is never a zero."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from page_reader import rows, section
from seeded_ledger import FROM, MADE_AT, MONTH, fill, row
from sqlalchemy import Connection
from test_report_sections import DOLLAR, UNKNOWN, asked

from sluiceway.report import build
from sluiceway.report.sections import routing
from sluiceway.types import LedgerRow

FAILED: dict[str, Any] = {
    "outcome": "upstream_error",
    "usage_source": "none",
    "cost_nusd": 0,
    "cost_as_requested_nusd": None,
}


def moved(rule: str = "cheap", **given: Any) -> LedgerRow:
    """Asked for `big`, sent to `small`: 1 dollar instead of 5."""
    usual: dict[str, Any] = {
        "route_rule": rule,
        "model_requested": "big",
        "model_routed": "small",
        "cost_nusd": DOLLAR,
        "cost_as_requested_nusd": 5 * DOLLAR,
    }
    return row(**(usual | given))


def page(store: Connection, *given: LedgerRow) -> str:
    fill(store, list(given))
    return build(store, period=MONTH, caps=[], names=False, generated_at=MADE_AT, version="1")


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({}, (1, 1, 0)),
        ({"cost_as_requested_nusd": None}, (1, 0, 1)),
        (UNKNOWN, (1, 0, 1)),
        ({"model_requested": "small"}, (0, 0, 0)),
        ({"model_requested": "small", "provider": "other"}, (1, 1, 0)),
        ({"model_requested": None}, (1, 1, 0)),
        ({"model_routed": None}, (0, 0, 0)),
        ({"outcome": "refused", "cost_nusd": 0, "cost_as_requested_nusd": None}, (0, 0, 0)),
        ({"outcome": "open", "cost_nusd": None, "cost_as_requested_nusd": None}, (0, 0, 0)),
        (FAILED, (1, 0, 0)),
        ({"principal_kind": "service", "principal": "mirror"}, (0, 0, 0)),
    ],
    ids=[
        "both known",
        "no price as asked",
        "no price as sent",
        "not moved",
        "only the provider",
        "no model named",
        "never sent",
        "refused",
        "open",
        "failed and not billed",
        "a copy of a mirror",
    ],
)
def test_what_was_moved_and_what_can_be_compared(
    store: Connection, given: dict[str, Any], counts: tuple[int, int, int]
) -> None:
    found = routing.load(asked(store, moved(**given))).all
    assert (found.requests, found.priced, found.unpriced) == counts
    assert found.saved_nusd == (4 * DOLLAR if counts[1] else None)


def test_what_no_rule_chose_is_told_as_a_failover_where_another_had_failed(store: Connection) -> None:
    failed_over = {"route_rule": None, "route_path": "anthropic/big(529)>openai/small"}
    data = routing.load(asked(store, moved(**failed_over), moved(**failed_over), moved(route_rule=None)))
    assert [(move.took_over, move.balance.requests) for move in data.moves] == [(True, 2), (False, 1)]


def test_rules_that_save_and_rules_that_cost_extra_are_told_apart(store: Connection) -> None:
    html = page(
        store,
        moved(),
        moved(),
        moved(cost_as_requested_nusd=None),
        moved("better", model_requested="tiny", cost_nusd=3 * DOLLAR, cost_as_requested_nusd=DOLLAR),
        moved("spread", model_requested="small", provider="other", cost_as_requested_nusd=DOLLAR),
    )
    cells = {line[0]: line[4:] for line in rows(section(html, "routing"))[-3:]}
    # The one of unknown price is in neither sum: 2 x 1 and 2 x 5.
    assert cells["cheap"] == ["3", "1", "$2.00", "$10.00", "$8.00 saved"]
    assert cells["better"] == ["1", "0", "$3.00", "$1.00", "$2.00 extra"]
    assert cells["spread"] == ["1", "0", "$1.00", "$1.00", "no difference"]
    lead = section(html, "routing").plain()
    assert "they cost $6.00; the same tokens would have cost $12.00 as asked for: $6.00 saved." in lead
    assert "Of 1 request a price is unknown on one side" in lead
    assert "Routing saved $6.00" in html
    assert "Rule &#39;better&#39; costs $2.00 extra" in html


def test_saved_and_extra_are_not_set_off_against_each_other_in_a_day(store: Connection) -> None:
    data = routing.load(
        asked(
            store,
            moved(),
            moved("better", cost_as_requested_nusd=0),
            moved(started_at=FROM + timedelta(days=20), request_id="late"),
        )
    )
    assert data.steps[0] == ("1 Oct", 4 * DOLLAR, DOLLAR)
    assert data.steps[20] == ("21 Oct", 4 * DOLLAR, 0)
    assert [piece.series for piece in data.drawing.columns[0].pieces] == [1, 3]
    assert data.drawing.columns[0].title == "1 Oct: $4.00 saved, $1.00 extra"


def test_what_is_only_unknown_is_said_to_be_unknown(store: Connection) -> None:
    html = page(store, moved(cost_as_requested_nusd=None))
    assert rows(section(html, "routing"))[-1][4:] == ["1", "1", "unknown", "unknown", "unknown"]
    assert "Routing saved" not in html


def test_without_moves_the_section_says_so(store: Connection) -> None:
    assert (
        "No request was sent elsewhere than the client asked."
        in section(page(store, row()), "routing").plain()
    )


def test_many_moves_are_summed_up(store: Connection) -> None:
    data = routing.load(asked(store, *[moved(f"rule-{number:02}") for number in range(23)]))
    assert (len(data.moves), data.other_moves) == (20, 3)
    assert data.others is not None
    assert (data.others.requests, data.others.saved_nusd, data.all.saved_nusd) == (
        3,
        12 * DOLLAR,
        92 * DOLLAR,
    )
