"""Business days and months follow each other without gap or overlap, in every zone, where clocks are set too."""

import datetime as dt
from zoneinfo import available_timezones

import pytest
from django.core.checks import run_checks
from hypothesis import given
from hypothesis import strategies as st

from core.business_time import day_bounds, day_of, month_bounds, month_of, next_month
from core.days import month_at

HOUR = dt.timedelta(hours=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00", 24),
        ("Europe/Riga", "2026-03-28", "2026-03-27T22:00", 24),
        ("Europe/Riga", "2026-03-29", "2026-03-28T22:00", 23),  # 03:00 becomes 04:00
        ("Europe/Riga", "2026-10-25", "2026-10-24T21:00", 25),  # 04:00 becomes 03:00
        ("America/New_York", "2026-11-01", "2026-11-01T04:00", 25),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00", 23),  # there is no midnight: 00:00 becomes 01:00
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),  # midnight comes twice: 01:00 becomes 00:00
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30", 25),  # 00:01 becomes 23:01 of the day before
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", 0),  # a day that never was
        ("Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15", 24),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30", 23.5),  # 23:30 became 00:30
    ],
)
def test_a_day_has_the_hours_its_clocks_show(zone: str, day: str, start: str, hours: float) -> None:
    bounds = day_bounds(dt.date.fromisoformat(day), zone)
    assert bounds == (utc(start), utc(start) + hours * HOUR)
    assert all(bound.tzinfo is dt.UTC for bound in bounds)


ZONES = sorted(available_timezones())
instants = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31), timezones=st.just(dt.UTC))


@given(instants, st.sampled_from(ZONES))
def test_an_instant_lies_in_its_day_and_its_month(instant: dt.datetime, zone: str) -> None:
    start, end = day_bounds(day_of(instant, zone), zone)
    assert start <= instant < end
    start, end = month_bounds(month_of(instant, zone), zone)
    assert start <= instant < end
    at = (instant - utc("1970-01-01T00:00")) // dt.timedelta(microseconds=1)
    for near in (at, at, at + 86_400_000_000 * 20):
        assert month_at(near, zone) == month_of(instant + dt.timedelta(microseconds=near - at), zone)


@given(st.dates(dt.date(1971, 1, 1), dt.date(2037, 12, 1)), st.sampled_from(ZONES))
def test_the_edges_of_a_day_belong_to_one_day_each(day: dt.date, zone: str) -> None:
    start, end = day_bounds(day, zone)
    assert start <= end
    if start < end:
        assert day_of(start, zone) == day == day_of(end - dt.timedelta(microseconds=1), zone)
        assert day_of(start - dt.timedelta(microseconds=1), zone) < day < day_of(end, zone)


def test_a_month_runs_to_the_next_one() -> None:
    assert next_month(dt.date(2026, 12, 31)) == dt.date(2027, 1, 1)
    assert next_month(dt.date(2028, 1, 31)) == dt.date(2028, 2, 1)
    assert month_bounds(dt.date(2026, 10, 17), "Europe/Riga") == (utc("2026-09-30T21:00"), utc("2026-10-31T22:00"))


def test_the_setting_is_the_zone_that_counts(settings: object) -> None:
    settings.BUSINESS_TIME_ZONE = "Asia/Tokyo"  # type: ignore[attr-defined]
    assert day_of(utc("2026-05-31T15:00")) == dt.date(2026, 6, 1)
    assert month_of(utc("2026-05-31T14:59")) == dt.date(2026, 5, 1)


def test_a_zone_that_is_none_stops_the_start(settings: object) -> None:
    settings.BUSINESS_TIME_ZONE = "Europe/Atlantis"  # type: ignore[attr-defined]
    assert "core.E002" in [message.id for message in run_checks()]
