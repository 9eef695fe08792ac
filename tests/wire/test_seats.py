"""Seat windows out of answers' headers: what is told is kept, what cannot be true is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluiceway.types import SeatWindow
from sluiceway.wire.seats import MOST_WINDOWS, windows

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SOON = NOW + timedelta(hours=2)
UNIX = str(int(SOON.timestamp()))
UNIFIED = "anthropic-ratelimit-unified"


def told(headers: dict[str, str], status: int = 200) -> tuple[SeatWindow, ...]:
    return windows(headers.items(), status, NOW)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        pytest.param(
            {
                f"{UNIFIED}-5h-utilization": "0.42",
                f"{UNIFIED}-5h-reset": UNIX,
                f"{UNIFIED}-5h-status": "allowed",
                f"{UNIFIED}-status": "allowed",
                f"{UNIFIED}-representative-claim": "five_hour",
                f"{UNIFIED}-fallback-percentage": "0.5",
            },
            [SeatWindow("5h", 0.42, SOON, "allowed")],
            id="anthropic",
        ),
        pytest.param(
            {"Anthropic-Ratelimit-Unified-7d_oi-Utilization": "1.02", f"{UNIFIED}-7d_oi-status": "rejected"},
            [SeatWindow("7d_oi", 1.02, None, "rejected")],
            id="anthropic beyond its limit, capitals",
        ),
        pytest.param(
            {f"{UNIFIED}-overage-status": "allowed"},
            [SeatWindow("overage", None, None, "allowed")],
            id="anthropic overage",
        ),
        pytest.param(
            {
                "x-codex-primary-used-percent": "12.5",
                "x-codex-primary-window-minutes": "300",
                "x-codex-primary-reset-at": UNIX,
                "x-codex-secondary-used-percent": "100",
                "x-codex-secondary-window-minutes": "10080",
                "x-codex-secondary-reset-after-seconds": "7200",
            },
            [SeatWindow("5h", 0.125, SOON, "allowed"), SeatWindow("7d", 1.0, SOON, "rejected")],
            id="codex",
        ),
        pytest.param(
            {
                "x-codex-bengalfox-primary-used-percent": "40",
                "x-codex-bengalfox-primary-window-minutes": "15",
            },
            [SeatWindow("bengalfox-15m", 0.4, None, "allowed")],
            id="codex, a limit of one model",
        ),
        pytest.param(
            {"x-codex-primary-used-percent": "1"},
            [SeatWindow("primary", 0.01, None, "allowed")],
            id="no length",
        ),
        pytest.param({"x-ratelimit-remaining-requests": "9"}, [], id="a key's limits are no seat"),
        pytest.param({"anthropic-ratelimit-tokens-remaining": "9"}, [], id="an API key's either"),
        pytest.param({f"{UNIFIED}-5h-utilization": "nan"}, [SeatWindow("5h", None, None, None)], id="nan"),
        pytest.param({f"{UNIFIED}-5h-utilization": "-1"}, [SeatWindow("5h", None, None, None)], id="below"),
        pytest.param({f"{UNIFIED}-5h-reset": "9" * 11}, [SeatWindow("5h", None, None, None)], id="far away"),
        pytest.param({f"{UNIFIED}-5h-status": "<b>no</b>"}, [SeatWindow("5h", None, None, None)], id="tags"),
    ],
)
def test_what_the_headers_say(headers: dict[str, str], wanted: list[SeatWindow]) -> None:
    assert list(told(headers)) == wanted


def test_a_used_up_quota_without_windows_is_told_by_its_status() -> None:
    assert told({"retry-after": "7200"}, 429) == (SeatWindow("quota", None, SOON, "rejected"),)
    assert told({}, 429) == (SeatWindow("quota", None, None, "rejected"),)
    assert told({"retry-after": "7200"}, 503) == ()


def test_no_answer_fills_the_memory() -> None:
    many = {f"{UNIFIED}-w{number}-status": "allowed" for number in range(1000)}
    assert len(told(many)) == MOST_WINDOWS


names = st.sampled_from(
    [f"{UNIFIED}-5h-reset", f"{UNIFIED}-7d-utilization", "retry-after"]
) | st.sampled_from(
    [
        f"x-codex-primary-{field}"
        for field in ("used-percent", "window-minutes", "reset-at", "reset-after-seconds")
    ]
)


@given(st.lists(st.tuples(names, st.text() | st.floats().map(str) | st.integers().map(str))), st.integers())
def test_nothing_a_header_says_raises(headers: list[tuple[str, Any]], status: int) -> None:
    for window in windows(headers, status, NOW):
        assert window.utilisation is None or 0 <= window.utilisation <= 1000
        assert len(window.name) < 64
