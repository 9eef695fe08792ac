"""Where the cut is made, and that a serve makes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sluiceway.app.housekeeping import Housekeeping, cut
from sluiceway.app.init import init
from sluiceway.settings.config import Retention
from sluiceway.store.retention import Deleted

BERLIN = ZoneInfo("Europe/Berlin")

CUTS = {
    # The month of 2025-10-24 began on a Wednesday; its week began on Monday, 29 September.
    "a year and more": (datetime(2026, 11, 28, 12, tzinfo=UTC), 400, UTC, datetime(2025, 9, 29, tzinfo=UTC)),
    # The month of 2026-10-27 began on a Thursday.
    "a month": (datetime(2026, 11, 28, 12, tzinfo=UTC), 32, UTC, datetime(2026, 9, 28, tzinfo=UTC)),
    # June 2026 began on a Monday; midnight in Berlin is 22:00 in London.
    "on a Monday, in summer": (
        datetime(2026, 8, 1, tzinfo=UTC), 40, BERLIN, datetime(2026, 5, 31, 22, tzinfo=UTC),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("now", "days", "zone", "expected"), CUTS.values(), ids=CUTS)
def test_the_cut_leaves_every_window_that_may_be_open_whole(
    now: datetime, days: int, zone: ZoneInfo, expected: datetime
) -> None:
    assert cut(now, days, zone) == expected


async def test_a_deed_is_recorded_only_when_something_went(tmp_path: Path) -> None:
    deployment = init(tmp_path / "d", "Test").deployment
    with deployment.store(writable=True) as store:
        housekeeping = Housekeeping(store, Retention(), UTC)
        store.traffic.tunnel("2020-01-01", 1, 1)
        for work in store.traffic.orders():
            store._run(work.do)
        for _ in range(2):
            housekeeping._events(await housekeeping.tidy(datetime.now(UTC)))
        deeds = store.events.list(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    assert [(deed.kind, deed.detail) for deed in deeds] == [
        ("retention", {"ledger_rows": 0, "discovery_rows": 1})
    ]
    assert not Deleted().anything
