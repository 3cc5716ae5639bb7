"""The roll-up equals the calls: whatever comes, in whatever order, however late."""

import datetime as dt
import random
import threading
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cdr.merge import SWITCH_LOST
from cdr.models import CDR, ChargedLeg
from cdr.reports import rollup
from cdr.reports.check import check_day, check_days
from cdr.reports.marks import mark_changed
from cdr.reports.models import Mark, MoneyDay, RolledDay, TrafficDay
from cdr.reports.rollup import renew_day, renew_due
from cdr.reports.tasks import check_reports
from core.business_time import day_of
from routing.reasons import REASONS
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry
from tests.calls import Call
from tests.reports.calls import a_call

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - dt.timedelta(days=5)
DAY = NOON.date()
ENDS = [None, *REASONS]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every marked day be due."""
    monkeypatch.setattr(rollup, "LEAST_PAUSE", dt.timedelta(0))
    monkeypatch.setattr(rollup, "SHARE", 0)


def sums_of_rollup() -> tuple[Counter[Any], Counter[Any]]:
    traffic: Counter[Any] = Counter()
    for row in TrafficDay.objects.all():
        for name in ("attempts", "seizures", "answered", "effective", "rang", "talk_us", "pdd_us"):
            traffic[row.day, row.carrier_id, row.did_id, row.account_id, name] += getattr(row, name)
    money: Counter[Any] = Counter()
    for row in MoneyDay.objects.all():
        money[row.day, row.carrier_id, row.did_id, row.account_id, row.kind, row.currency] += row.amount
    return +traffic, money


def sums_of_calls() -> tuple[Counter[Any], Counter[Any]]:
    """Count one call after the other in Python: slow and obviously right."""
    legs: dict[Any, list[ChargedLeg]] = {}
    for leg in ChargedLeg.objects.all():
        legs.setdefault(leg.attempt_id, []).append(leg)
    traffic: Counter[Any] = Counter()
    money: Counter[Any] = Counter()
    for call in CDR.objects.all():
        key = (call.started_at.date(), call.carrier_id, call.did_id, call.account_id)
        for leg in legs.get(call.attempt_id, []):
            money[*key, leg.leg, leg.currency] += leg.amount
        if call.ended_at is None:
            continue
        known = REASONS[call.reason]
        traffic[*key, "attempts"] += 1
        traffic[*key, "seizures"] += bool(call.answered_at or not known.refuses or call.reason == "not_registered")
        traffic[*key, "answered"] += bool(call.answered_at)
        user = call.reason in {"busy", "no_answer", "declined", "cancelled", "not_registered"}
        traffic[*key, "effective"] += bool(call.answered_at or user)
        traffic[*key, "rang"] += bool(call.rang_at)
        if call.answered_at:
            traffic[*key, "talk_us"] += (call.ended_at - call.answered_at) // dt.timedelta(microseconds=1)
        if call.rang_at:
            traffic[*key, "pdd_us"] += (call.rang_at - call.started_at) // dt.timedelta(microseconds=1)
    return +traffic, money


AMOUNTS = st.decimals(-5, 5, places=6).map(str)
LEGS = st.lists(
    st.tuples(st.sampled_from(["account", "carrier"]), AMOUNTS, st.sampled_from(["GBP", "USD"])),
    max_size=2,
    unique_by=lambda leg: leg[0],
).map(tuple)
CALLS = st.fixed_dictionaries(
    {
        "after": st.integers(-40 * 3600, 40 * 3600),
        "reason": st.sampled_from(ENDS),
        "talk": st.none() | st.integers(0, 80_000_000_000).map(lambda us: us / 1_000_000),
        "legs": LEGS,
        "carrier_id": st.none() | st.integers(1, 2),
        "did_id": st.none() | st.integers(1, 3),
        "account_id": st.none() | st.integers(1, 2),
    }
)


def write(call: dict[str, Any]) -> CDR:
    values = dict(call)
    at = NOON + dt.timedelta(seconds=values.pop("after"))
    if values["reason"] is None:
        values |= {"reason": "", "ended_at": None, "talk": None}
    return a_call(at, **values)


@hypothesis_settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(CALLS, min_size=1, max_size=12), st.lists(CALLS, max_size=4), st.randoms())
def test_sums_of_the_roll_up_are_sums_of_calls(
    first: list[dict[str, Any]], later: list[dict[str, Any]], chance: random.Random
) -> None:
    for model in (CDR, ChargedLeg, TrafficDay, MoneyDay, Mark, RolledDay):
        model._default_manager.all().delete()
    calls = [write(call) for call in first]
    renew_due()
    assert sums_of_rollup() == sums_of_calls()
    # Late events: more calls of those days, other parties, corrected ends and charges, a record that goes.
    calls += [write(call) for call in later]
    for call in chance.sample(calls, len(calls) // 2):
        call.carrier_id = chance.choice([None, 1, 2, 9])
        if call.ended_at:
            call.ended_at += dt.timedelta(seconds=chance.randrange(100))
        call.save()
        ChargedLeg.objects.filter(attempt_id=call.attempt_id).update(amount=Decimal(chance.randrange(99)) / 7)
        mark_changed([call.started_at])
    gone = chance.choice(calls)
    mark_changed([gone.started_at])
    CDR.objects.filter(pk=gone.pk).delete()
    renew_due()
    assert sums_of_rollup() == sums_of_calls()
    assert not Mark.objects.exists()
    assert not check_days({DAY + dt.timedelta(days=days) for days in range(-3, 4)})


def test_an_event_of_the_switch_marks_its_day_and_a_repeat_does_not_count_twice() -> None:
    call = Call(started=NOON.timestamp())
    events = [event_of(event) for event in call.answered()]
    for _ in range(2):
        take_in(events)
        renew_due()
        row = TrafficDay.objects.get()
        assert (row.day, row.attempts, row.answered, row.talk_us) == (DAY, 1, 1, 35_500_000)


def test_an_end_that_was_concluded_and_is_corrected_moves_the_minutes() -> None:
    call = Call(started=NOON.timestamp())
    *before, end = call.answered()
    lost = call.event("end", 3, seq=9, reason=SWITCH_LOST, sip=200, q850=41, by="switch", answered=end["answered"])
    take_in([event_of(event) for event in [*before, lost]])
    renew_due()
    assert TrafficDay.objects.get().talk_us == 0
    take_in([event_of(end)])
    renew_due()
    assert TrafficDay.objects.get().talk_us == 35_500_000


def test_a_batch_that_rolls_back_leaves_no_mark_and_no_sum() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        a_call(NOON, talk=10)
        raise ZeroDivisionError
    assert not Mark.objects.exists()
    a_call(NOON, talk=10)
    renew_due()
    assert TrafficDay.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_renewal_that_dies_takes_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    a_call(NOON, talk=10)
    with monkeypatch.context() as patched, pytest.raises(DataError):
        patched.setattr(rollup, "renew_statement", lambda each: "SELECT 1 / 0")
        renew_due()
    assert Mark.objects.exists()
    assert not RolledDay.objects.exists()
    renew_due()
    assert TrafficDay.objects.get().attempts == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_that_commits_during_a_renewal_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    renew_due()
    a_call(NOON, talk=10)
    genuine = rollup.renew_statement

    def and_then_another_call(each: rollup.Rollup) -> str:
        # Money is read last: this call commits between the statements of the renewal, on a connection of its own.
        if each.table == MoneyDay._meta.db_table:
            thread = threading.Thread(target=write_elsewhere)
            thread.start()
            thread.join()
        return genuine(each)

    def write_elsewhere() -> None:
        a_call(NOON, talk=20, legs=(("account", "1", "GBP"),))
        connection.close()

    with monkeypatch.context() as patched:
        patched.setattr(rollup, "renew_statement", and_then_another_call)
        renew_day(DAY)
    assert Mark.objects.exists(), "the later call's mark stays"
    renew_due()
    assert TrafficDay.objects.get().attempts == 2
    assert MoneyDay.objects.get().amount == 1
    assert not check_day(DAY)


def test_days_are_those_of_business_where_clocks_are_set(settings: Any) -> None:
    """In London the 29th of March 2026 has 23 hours and the 25th of October 25."""
    settings.BUSINESS_TIME_ZONE = "Europe/London"
    for text in ("2026-03-28T23:59:59", "2026-03-29T00:00:00", "2026-03-29T22:59:59", "2026-03-29T23:00:00"):
        a_call(dt.datetime.fromisoformat(f"{text}+00:00"), talk=1)
    for text in ("2026-10-24T22:59:59", "2026-10-24T23:00:00", "2026-10-25T23:59:59", "2026-10-26T00:00:00"):
        a_call(dt.datetime.fromisoformat(f"{text}+00:00"), talk=1)
    renew_due()
    counts = {f"{row.day:%m-%d}": row.attempts for row in TrafficDay.objects.all()}
    assert counts == {"03-28": 1, "03-29": 2, "03-30": 1, "10-24": 1, "10-25": 2, "10-26": 1}


def test_another_time_zone_makes_every_day_anew(settings: Any) -> None:
    a_call(dt.datetime(2026, 3, 10, 1, tzinfo=dt.UTC), talk=1)
    renew_due()
    assert TrafficDay.objects.get().day == dt.date(2026, 3, 10)
    settings.BUSINESS_TIME_ZONE = "America/New_York"
    renew_due()
    assert TrafficDay.objects.get().day == dt.date(2026, 3, 9)
    assert not Mark.objects.exists()


def test_calls_of_before_the_reports_are_counted_at_the_first_run() -> None:
    a_call(timezone.now() - dt.timedelta(days=3), talk=1)
    Mark.objects.all().delete()
    renew_due()
    assert TrafficDay.objects.get().attempts == 1


def test_a_busy_day_is_not_made_anew_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    a_call(NOON, talk=1)
    renew_due()
    monkeypatch.setattr(rollup, "SHARE", 20)
    RolledDay.objects.update(seconds=100)
    a_call(NOON, talk=1)
    assert renew_due() == 0, "it took 100 s, so it may wait for 2,000"
    RolledDay.objects.update(renewed_at=timezone.now() - dt.timedelta(seconds=2001))
    assert renew_due() == 1


def test_an_unchanged_row_is_not_written_again() -> None:
    a_call(NOON, talk=1, carrier_id=1)
    a_call(NOON, talk=1, carrier_id=2)
    renew_due()
    before = versions()
    a_call(NOON, talk=1, carrier_id=2)
    renew_due()
    after = versions()
    assert (before[1] == after[1], before[2] == after[2]) == (True, False)


def versions() -> dict[int, tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT carrier_id, ctid::text, attempts FROM reports_trafficday")
        return {carrier: (place, attempts) for carrier, place, attempts in cursor.fetchall()}


def test_the_check_names_what_differs_and_has_it_made_anew(capsys: pytest.CaptureFixture[str]) -> None:
    a_call(NOON, talk=1, carrier_id=1, legs=(("account", "0.25", "GBP"),))
    renew_day(DAY)
    Mark.objects.all().delete()
    TrafficDay.objects.update(answered=7)
    MoneyDay.objects.all().delete()
    MoneyDay.objects.create(
        day=DAY, carrier_id=3, kind="carrier", currency="USD", entries=1, charged_seconds=1, amount=1
    )
    with pytest.raises(CommandError, match="3 rows"):
        call_command("check_reports")
    told = capsys.readouterr().err
    assert f"{DAY}, trafficday, carrier_id 1" in told
    assert "answered=7" in told
    assert "answered=1" in told
    assert "nothing rolled up, entries=1 charged_seconds=1 amount=0.250000 by the calls" in told
    assert "amount=1.000000 rolled up, nothing by the calls" in told
    assert check_reports() == 3
    assert LogEntry.objects.filter(reason="report_difference", severity="error").count() == 3
    renew_due()
    assert check_reports() == 0


def test_a_marked_day_has_no_difference_yet() -> None:
    a_call(NOON, talk=1)
    assert not check_day(DAY)
    Mark.objects.all().delete()
    assert check_day(DAY)


def test_the_command_rebuilds_from_the_calls_alone(capsys: pytest.CaptureFixture[str]) -> None:
    at = timezone.now()
    a_call(at, talk=1)
    Mark.objects.all().delete()
    TrafficDay.objects.create(
        day=day_of(at), attempts=9, seizures=9, answered=9, effective=9, rang=9, talk_us=9, pdd_us=9,
        carrier_id=5,
    )  # fmt: skip
    call_command("rebuild_reports")
    assert "1 days made anew" in capsys.readouterr().out
    assert TrafficDay.objects.get().attempts == 1


@pytest.mark.parametrize("each", rollup.ROLLUPS, ids=lambda each: each.table)
def test_a_day_is_compared_by_hashing_not_row_by_row(each: rollup.Rollup) -> None:
    """With tens of thousands of rows a day, each against each took half a minute."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(f"EXPLAIN {rollup.renew_statement(each)}", rollup.values_for(DAY))
        plan = "\n".join(line for (line,) in cursor.fetchall())
    anti = [line for line in plan.splitlines() if "Anti" in line]
    assert anti
    assert all("Hash" in line or "Merge" in line for line in anti), plan
