"""Rentals of numbers stand in the margin, on both sides, on the day they fell due."""

import datetime as dt
from decimal import Decimal

import pytest

from cdr.reports.check import check_days
from cdr.reports.models import Mark, MoneyDay
from cdr.reports.rollup import recorded_days, renew_day, renew_due
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.billing import book_charges, make_due
from dids.rentals.models import RentalCharge, RentalTerm
from tests.rentals.scene import Scene, a_plan, at, happened

pytestmark = pytest.mark.django_db

FIRST, THEN, NOW = at("2026-09-01"), at("2026-10-01"), at("2026-10-20")


def rolled() -> dict[tuple[dt.date, str], Decimal]:
    return {(row.day, row.kind): row.amount for row in MoneyDay.objects.all()}


def test_fees_sold_and_bought_make_a_margin_once_they_are_charged() -> None:
    scene = Scene()
    bought = a_plan("Bought", side=RentalSide.BOUGHT, monthly="1.25")
    DID.objects.filter(pk=scene.did.pk).update(bought_plan=bought)
    sold = scene.sell(a_plan("Sold", monthly="3", setup_fee=Decimal(5)))
    happened(FIRST, *sold, *RentalTerm.objects.filter(side="bought"))
    make_due(NOW)
    book_charges(NOW)
    renew_due()
    assert rolled() == {
        (FIRST.date(), "rental_bought"): Decimal("-1.25"),
        (THEN.date(), "rental_bought"): Decimal("-1.25"),
    }, "the account has no funds yet"
    assert not Mark.objects.exists()
    scene.pay("100")
    book_charges(NOW)
    assert Mark.objects.exists(), "charging marks the day"
    for day in (FIRST.date(), THEN.date()):
        renew_day(day)
    assert rolled() == {
        (FIRST.date(), "rental_bought"): Decimal("-1.25"),
        (FIRST.date(), "rental_sold"): Decimal(8),
        (THEN.date(), "rental_bought"): Decimal("-1.25"),
        (THEN.date(), "rental_sold"): Decimal(3),
    }
    assert sum(rolled().values()) == sum(
        charge.amount if charge.side == "sold" else -charge.amount for charge in RentalCharge.objects.all()
    )
    parties = set(MoneyDay.objects.values_list("carrier_id", "did_id", "client_id", "account_id"))
    assert parties == {(scene.carrier.pk, scene.did.pk, scene.account.client_id, scene.account.pk)}
    assert recorded_days()[0] == FIRST.date()
    assert not check_days(recorded_days()[:40])


def test_a_charge_that_is_taken_back_leaves_the_day() -> None:
    scene = Scene()
    scene.pay("100")
    happened(THEN, *scene.sell(a_plan("Sold", monthly="3")))
    make_due(NOW)
    book_charges(NOW)
    renew_due()
    assert rolled() == {(THEN.date(), "rental_sold"): Decimal(3)}
    RentalCharge.objects.update(charged_at=None, entry=None)
    assert Mark.objects.exists()
    renew_day(THEN.date())
    assert rolled() == {}
