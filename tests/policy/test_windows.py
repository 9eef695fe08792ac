"""Budget windows: minutes, hours, calendar days, weeks and months, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluiceway.policy.windows import GRAINS, grain, parse_length, spell_length, window

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks change by half an hour
CAIRO = ZoneInfo("Africa/Cairo")  # skips midnight in spring
ST_JOHNS = ZoneInfo("America/St_Johns")  # went back at 00:01 until 2011: one date twice
TORONTO = ZoneInfo("America/Toronto")  # in 1919 its clocks jumped from 23:30 to 00:30
APIA = ZoneInfo("Pacific/Apia")  # had no 30 December 2011


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINDOWS = {
    "a day in UTC": ("day", "2026-11-21T09:36", UTC, "2026-11-21T00:00", "2026-11-22T00:00"),
    "the last moment of a day": (
        "day", "2026-11-21T23:59:59.999999", UTC, "2026-11-21T00:00", "2026-11-22T00:00",
    ),
    "the first moment of a day": ("day", "2026-11-22T00:00", UTC, "2026-11-22T00:00", "2026-11-23T00:00"),
    "a week starts on Monday": ("week", "2026-11-22T12:00", UTC, "2026-11-16T00:00", "2026-11-23T00:00"),
    "Monday is in its own week": ("week", "2026-11-23T00:00", UTC, "2026-11-23T00:00", "2026-11-30T00:00"),
    "a week across the year's end": ("week", "2027-01-01T12:00", UTC, "2026-12-28T00:00", "2027-01-04T00:00"),
    "a month": ("month", "2026-11-21T09:36", UTC, "2026-11-01T00:00", "2026-12-01T00:00"),
    "February of a leap year": ("month", "2028-02-29T12:00", UTC, "2028-02-01T00:00", "2028-03-01T00:00"),
    "December": ("month", "2026-12-31T23:59", UTC, "2026-12-01T00:00", "2027-01-01T00:00"),
    "Berlin is ahead": ("day", "2026-11-21T23:30", BERLIN, "2026-11-21T23:00", "2026-11-22T23:00"),
    "New York is behind": ("month", "2026-11-01T03:00", NEW_YORK, "2026-10-01T04:00", "2026-11-01T04:00"),
    "a day of 23 hours": ("day", "2026-03-29T12:00", BERLIN, "2026-03-28T23:00", "2026-03-29T22:00"),
    "a day of 25 hours": ("day", "2026-11-01T12:00", NEW_YORK, "2026-11-01T04:00", "2026-11-02T05:00"),
    "a month with a change": ("month", "2026-10-25T12:00", BERLIN, "2026-09-30T22:00", "2026-10-31T23:00"),
    "a day of 23 and a half hours": (
        "day", "2026-10-03T20:00", LORD_HOWE, "2026-10-03T13:30", "2026-10-04T13:00",
    ),
    "a day whose midnight is skipped": (
        "day", "2026-04-24T12:00", CAIRO, "2026-04-23T22:00", "2026-04-24T21:00",
    ),
    "the hour that is a date's second one": (
        "day", "2009-11-01T02:45", ST_JOHNS, "2009-11-01T02:30", "2009-11-02T03:30",
    ),
    "a clock that jumps over midnight": (
        "day", "1919-03-31T04:40", TORONTO, "1919-03-30T05:00", "1919-03-31T05:00",
    ),
    "a minute": ("minute", "2026-11-21T09:36:59.999999", UTC, "2026-11-21T09:36", "2026-11-21T09:37"),
    "the first moment of a minute": (
        "minute", "2026-11-21T09:36", UTC, "2026-11-21T09:36", "2026-11-21T09:37",
    ),
    "an hour": ("hour", "2026-11-21T09:36", BERLIN, "2026-11-21T09:00", "2026-11-21T10:00"),
    "an hour begins at half past where clocks are half an hour off": (
        "hour", "2026-11-21T09:36", ST_JOHNS, "2026-11-21T09:00", "2026-11-21T10:00",
    ),
    "the last hour before the epoch": (
        "hour", "1969-12-31T23:59", UTC, "1969-12-31T23:00", "1970-01-01T00:00",
    ),
    "a day that never was": ("day", "2011-12-30T10:00", APIA, "2011-12-30T10:00", "2011-12-31T10:00"),
    "a fiscal month": ("fiscal_month_25", "2026-11-21T09:36", UTC, "2026-10-25T00:00", "2026-11-25T00:00"),
    "its first day": ("fiscal_month_25", "2026-11-25T00:00", UTC, "2026-11-25T00:00", "2026-12-25T00:00"),
    "a fiscal month across the year's end": (
        "fiscal_month_28", "2027-01-02T00:00", UTC, "2026-12-28T00:00", "2027-01-28T00:00",
    ),
    "a fiscal month that February cuts short": (
        "fiscal_month_28", "2026-03-01T00:00", UTC, "2026-02-28T00:00", "2026-03-28T00:00",
    ),
    "a fiscal month with a change": (
        "fiscal_month_10", "2026-10-25T12:00", BERLIN, "2026-10-09T22:00", "2026-11-09T23:00",
    ),
    "a rolling day, by hours": (
        "rolling_24h", "2026-11-21T09:36", BERLIN, "2026-11-20T09:00", "2026-11-21T10:00",
    ),
    "a rolling hour, by minutes": (
        "rolling_1h", "2026-11-21T09:36:59", UTC, "2026-11-21T08:36", "2026-11-21T09:37",
    ),
    "a rolling week, by quarters of a day": (
        "rolling_7d", "2026-11-21T09:36", UTC, "2026-11-14T06:00", "2026-11-21T12:00",
    ),
    "a rolling month, by days": (
        "rolling_30d", "2026-11-21T09:36", UTC, "2026-10-22T00:00", "2026-11-22T00:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "at", "zone", "starts", "ends"), WINDOWS.values(), ids=WINDOWS.keys())
def test_a_window_begins_and_ends_with_the_calendar_of_its_zone(kind, at, zone, starts, ends):
    assert window(kind, utc(at), zone) == (utc(starts), utc(ends))


def test_a_lifetime_has_one_beginning_and_no_end():
    early, late = utc("2026-11-21T09:36"), utc("2031-01-01T00:00")
    assert window("lifetime", early, BERLIN) == window("lifetime", late, UTC)
    assert window("lifetime", early, BERLIN)[1] is None


def test_the_result_is_in_utc_whatever_zone_the_time_came_in():
    at = datetime(2026, 11, 21, 9, 36, tzinfo=NEW_YORK)
    starts_at, ends_at = window("day", at, BERLIN)
    assert (starts_at.tzinfo, ends_at and ends_at.tzinfo) == (UTC, UTC)
    assert (starts_at, ends_at) == window("day", at.astimezone(UTC), BERLIN)


def test_a_time_without_a_zone_is_a_mistake():
    with pytest.raises(ValueError):
        window("day", datetime(2026, 11, 21), UTC)


CALENDAR = ["minute", "hour", "day", "week", "month", "fiscal_month_2", "fiscal_month_25", "fiscal_month_28"]
KINDS = st.sampled_from(CALENDAR)
MINUTES = st.integers(10, 31 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
ZONES = st.sampled_from([UTC, BERLIN, NEW_YORK, LORD_HOWE, CAIRO, ST_JOHNS, APIA])
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))
TICK = timedelta(microseconds=1)


@given(KINDS, TIMES, ZONES)
@example("day", utc("2026-10-25T00:30"), BERLIN)
@example("day", utc("2009-11-01T02:31"), ST_JOHNS)
@example("day", utc("2009-11-01T03:29"), ST_JOHNS)
@example("day", utc("2026-10-29T20:30"), CAIRO)
@example("day", utc("2011-12-30T09:59:59"), APIA)
@example("week", utc("2026-04-04T15:00"), LORD_HOWE)
def test_windows_hold_their_moment_and_tile_the_time_line(kind, at, zone):
    starts_at, ends_at = window(kind, at, zone)
    assert ends_at is not None
    assert starts_at <= at < ends_at
    assert window(kind, starts_at, zone) == (starts_at, ends_at)
    assert window(kind, ends_at - TICK, zone) == (starts_at, ends_at)
    assert window(kind, ends_at, zone)[0] == ends_at
    assert window(kind, starts_at - TICK, zone)[1] == starts_at


@given(TIMES, ZONES)
def test_a_week_begins_on_a_monday_and_a_month_on_a_first(at, zone):
    week, month = window("week", at, zone)[0].astimezone(zone), window("month", at, zone)[0].astimezone(zone)
    assert week.weekday() == 0
    assert month.day == 1
    assert (week.hour, month.hour) <= (1, 1)


@given(TIMES, ZONES)
@example(utc("2026-10-25T00:30"), BERLIN)
@example(utc("2026-04-04T15:00"), LORD_HOWE)
def test_all_minutes_and_all_hours_last_equally_long(at, zone):
    for kind, length in (("minute", timedelta(minutes=1)), ("hour", timedelta(hours=1))):
        starts_at, ends_at = window(kind, at, zone)
        assert ends_at is not None
        assert ends_at - starts_at == length


@given(TIMES, ZONES)
def test_a_day_lasts_about_a_day(at, zone):
    starts_at, ends_at = window("day", at, zone)
    assert ends_at is not None
    assert timedelta(hours=22) <= ends_at - starts_at <= timedelta(hours=26)


@given(MINUTES, TIMES, ZONES)
def test_a_rolling_window_holds_its_length_and_at_most_a_grain_more(length, at, zone):
    kind = f"rolling_{spell_length(length)}"
    starts_at, ends_at = window(kind, at, zone)
    assert starts_at <= at - length + grain(length)
    assert starts_at <= at < ends_at
    assert at - starts_at >= length  # what is not yet that old counts
    assert at - starts_at < length + grain(length)  # and nothing that is older by a grain
    assert window(kind, ends_at - TICK, zone) == (starts_at, ends_at)
    following = window(kind, ends_at, zone)
    assert following == (starts_at + grain(length), ends_at + grain(length))


@given(MINUTES)
def test_a_length_has_one_spelling(length):
    assert parse_length(spell_length(length)) == length
    assert spell_length(parse_length(spell_length(length))) == spell_length(length)


@given(MINUTES)
def test_a_grain_is_a_small_part_of_its_window(length):
    assert grain(length) in GRAINS
    assert grain(length) * 10 <= length


@pytest.mark.parametrize(
    "text", ["", "24", "h", "0h", "-1h", "1.5h", "24 h", "9m", "32d", "1w", "99999h", "१h"]
)
def test_what_is_no_length_is_a_mistake(text):
    with pytest.raises(ValueError, match="write a length such as 90m"):
        parse_length(text)


def test_a_day_and_24_hours_are_the_same_window():
    assert {spell_length(parse_length(text)) for text in ("24h", "1d", "1440m")} == {"24h"}
