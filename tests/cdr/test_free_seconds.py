"""A DID's own price goes before the account's product, and free seconds pay first, in whatever order calls end."""

import datetime as dt
import itertools
import random
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import Account
from billing.free_seconds import Bucket, FreeSecondsLedger
from billing.ledger import check_ledger
from billing.models import FreeSeconds, LedgerEntry, Product
from cdr.legs import OWN_PRICE
from cdr.lost_calls import close_lost
from cdr.models import CDR, ChargedLeg
from core.business_time import today
from dids.models import DIDPrice
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry, SeenEvent
from tests.calls import START, Call
from tests.cdr.test_charging import route  # noqa: F401 - a fixture
from tests.timing import zone_at_noon

pytestmark = pytest.mark.django_db
SECONDS = 36  # of each call of tests.calls
MONTH = dt.date(2025, 11, 1)


@pytest.fixture(autouse=True)
def new_version(route: dict[str, int]) -> None:  # noqa: F811
    """Let what changes from here on be a version of its own: all of a test is one transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('voipbilling.config_version', '', true)")


def now_in_force(route: dict[str, int]) -> dict[str, int]:  # noqa: F811
    """Return the route with the version of what stands now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('voipbilling.config_version', '', true)")
    with snapshots.at() as config:
        return route | {"version": config.version}


def grant(route: dict[str, int], seconds: int) -> dict[str, int]:  # noqa: F811
    """Let the account's product grant free seconds."""
    product = Account.objects.get(pk=route["account_id"]).product
    Product.objects.filter(pk=product.pk if product else 0).update(free_seconds=seconds)
    return now_in_force(route)


def take(*events: dict[str, object]) -> None:
    take_in([event_of(event) for event in events])


def account_legs() -> list[tuple[int, int, Decimal]]:
    legs = ChargedLeg.objects.filter(leg="account").order_by("started_at")
    return list(legs.values_list("charged_seconds", "free_seconds", "amount"))


def test_a_dids_own_price_goes_before_the_accounts_product(route: dict[str, int]) -> None:  # noqa: F811
    DIDPrice.objects.create(did_id=route["did_id"], currency="USD", rate_minute=1, rate_call=Decimal("0.25"))
    route = now_in_force(route)
    take(*Call().answered(**route))
    leg = ChargedLeg.objects.get(leg="account")
    assert (leg.product_label, leg.amount, leg.currency) == (OWN_PRICE, Decimal("0.85"), "USD")
    assert (leg.product_id, leg.rate["did"]) == (None, route["did_id"])
    # A version of before it still prices as it did.
    take(*Call().answered(**route | {"version": route["version"] - 1}))
    assert set(ChargedLeg.objects.filter(leg="account").values_list("amount", flat=True)) == {
        Decimal("0.85"),
        Decimal("0.36"),
    }


def test_an_account_without_a_product_pays_the_dids_own_price(route: dict[str, int]) -> None:  # noqa: F811
    Account.objects.filter(pk=route["account_id"]).update(product=None)
    DIDPrice.objects.create(did_id=route["did_id"], currency="USD", rate_minute=1)
    take(*Call().answered(**now_in_force(route)))
    assert account_legs() == [(SECONDS, 0, Decimal("0.6"))]


def test_free_seconds_cover_whole_calls_then_a_part_then_none(route: dict[str, int]) -> None:  # noqa: F811
    route = grant(route, 50)
    for later in range(3):
        take(*Call(started=START + 100 * later).answered(**route))
    assert account_legs() == [
        (SECONDS, SECONDS, Decimal(0)),
        (SECONDS, 14, Decimal("0.22")),
        (SECONDS, 0, Decimal("0.36")),
    ]
    bucket = FreeSeconds.objects.get()
    assert (bucket.account_id, bucket.did_id, bucket.month, bucket.used) == (route["account_id"], None, MONTH, 50)
    assert LedgerEntry.objects.filter(attempt_id__isnull=False).count() == 2


def test_the_month_of_the_set_up_counts_in_the_business_time_zone(
    route: dict[str, int],  # noqa: F811
    settings: object,
) -> None:
    settings.BUSINESS_TIME_ZONE = "Europe/Riga"  # type: ignore[attr-defined]
    snapshots.forget()
    route = grant(route, 40)
    midnight = dt.datetime(2025, 11, 30, 22, tzinfo=dt.UTC).timestamp()
    # The first begins a second before December does in Riga, and lasts into it.
    for start in (midnight - 1, midnight, midnight + 100):
        take(*Call(started=start).answered(**route))
    assert [free for _, free, _ in account_legs()] == [SECONDS, SECONDS, 4]
    used = dict(FreeSeconds.objects.values_list("month", "used"))
    assert used == {MONTH: SECONDS, dt.date(2025, 12, 1): 40}
    snapshots.forget()


def test_a_dids_free_seconds_are_its_own(route: dict[str, int]) -> None:  # noqa: F811
    DIDPrice.objects.create(did_id=route["did_id"], currency="USD", rate_minute=6, rate_call=1, free_seconds=40)
    route = grant(route, 1000)
    for later in range(2):
        take(*Call(started=START + 100 * later).answered(**route))
    assert account_legs() == [(SECONDS, SECONDS, Decimal(0)), (SECONDS, 4, Decimal("4.2"))]
    assert FreeSeconds.objects.get().did_id == route["did_id"]


def test_what_costs_nothing_uses_no_free_seconds(route: dict[str, int]) -> None:  # noqa: F811
    DIDPrice.objects.create(did_id=route["did_id"], currency="USD", rate_minute=1, grace=40, free_seconds=40)
    take(*Call(started=START).answered(**now_in_force(route)))
    assert account_legs() == [(0, 0, Decimal(0))]
    assert FreeSeconds.objects.get().used == 0


def test_a_corrected_end_gives_back_what_it_does_not_use(route: dict[str, int]) -> None:  # noqa: F811
    route = grant(route, 100)
    lost = Call(started=START)
    *before, _ = lost.answered(**route)
    take(*before, lost.event("alive", 60))
    close_lost(dt.datetime.now(dt.UTC))
    assert account_legs() == [(57, 57, Decimal(0))]
    take(*Call(started=START + 500).answered(**route))
    assert FreeSeconds.objects.get().used == 57 + SECONDS
    # The switch tells the end after all, later than the last sign of life: all of it that is left is used.
    take(lost.end(after=103))
    assert account_legs() == [(100, 64, Decimal("0.36")), (SECONDS, SECONDS, Decimal(0))]
    assert FreeSeconds.objects.get().used == 100
    assert not check_ledger()


def test_what_is_held_for_a_call_that_lasts_is_left_to_it(route: dict[str, int]) -> None:  # noqa: F811
    route = grant(route, 50)
    FreeSeconds.objects.create(account_id=route["account_id"], month=MONTH, held=30)
    take(*Call(started=START).answered(**route))
    assert account_legs() == [(SECONDS, 20, Decimal("0.16"))]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(), st.integers(0, 200), st.integers(1, 8), st.integers(0, 3))
def test_the_sum_used_is_the_same_in_any_order_and_after_repeats(
    route: dict[str, int],  # noqa: F811
    shuffle: random.Random,
    granted: int,
    size: int,
    repeats: int,
) -> None:
    for model in (ChargedLeg, CDR, SeenEvent, LogEntry, FreeSeconds):
        model._default_manager.all().delete()
    route = grant(route, granted)
    calls = [Call(started=START + 100 * number) for number in range(5)]
    told = list(itertools.chain.from_iterable(call.answered(**route) for call in calls))
    told += [shuffle.choice(told) for _ in range(repeats)]
    shuffle.shuffle(told)
    for start in range(0, len(told), size):
        take(*told[start : start + size])
    used = min(granted, 5 * SECONDS)
    assert sum(free for _, free, _ in account_legs()) == used
    assert sum(bucket.used for bucket in FreeSeconds.objects.all()) == used
    # One rate: then the sum of money does not depend on the order either.
    assert sum(amount for *_, amount in account_legs()) == (5 * SECONDS - used) * Decimal("0.01")


def test_buckets_are_locked_in_one_order_whatever_the_callers() -> None:
    keys = [Bucket(2, None, MONTH), Bucket(2, 7, MONTH), Bucket(1, None, MONTH)]
    ledger = FreeSecondsLedger(keys + keys)
    ledger.take(keys[1], 10)
    ledger.take(keys[1], -4)
    ledger.save()
    again = FreeSecondsLedger(reversed(keys))
    assert [again.left(key, 10) for key in keys] == [10, 4, 10]


@pytest.fixture
def _at_noon(settings: Settings) -> Iterator[None]:
    """Let no month end while a test runs."""
    settings.BUSINESS_TIME_ZONE = zone_at_noon()
    snapshots.forget()
    yield
    snapshots.forget()


@pytest.mark.usefixtures("_at_noon")
def test_pages_say_how_much_of_the_month_is_used(route: dict[str, int], operator_page: Browser) -> None:  # noqa: F811
    route = grant(route, 6000)
    take(*Call().answered(**route))
    shown = operator_page.get(reverse("accounts:account_detail", args=[route["account_id"]])).content.decode()
    assert f"{SECONDS} of 6\u202f000" in shown
    DIDPrice.objects.create(did_id=route["did_id"], currency="USD", rate_minute=6, free_seconds=600)
    FreeSeconds.objects.create(
        account_id=route["account_id"], did_id=route["did_id"], month=today().replace(day=1), used=10, held=20
    )
    shown = operator_page.get(reverse("dids:did_detail", args=[route["did_id"]])).content.decode()
    assert "10 of 600" in shown and "held for calls now" in shown
    Account.objects.filter(pk=route["account_id"]).update(product=None)
    address = reverse("accounts:account_detail", args=[route["account_id"]])
    assert "No credit" in operator_page.get(address).content.decode()
    DIDPrice.objects.all().delete()
    assert "receives calls free" in operator_page.get(address).content.decode()
