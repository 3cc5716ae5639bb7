"""A hundred thousand numbers are priced by a file or by one step: the preview is the result, terms follow."""

from decimal import Decimal

import pytest

from dids.models import DID
from dids.plans.choices import RentalSide
from dids.rentals.billing import book_charges, make_due
from dids.rentals.models import RentalCharge, RentalTerm
from tests.inventory import an_account, an_alias, some_dids
from tests.jobs.desk import Desk, outcomes
from tests.rentals.scene import a_plan, at, happened

# What a job writes is told by its transaction's id, which a test's own wrapping transaction would hide.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def terms(**which: object) -> list[tuple[str, str]]:
    found = RentalTerm.objects.filter(until=None, **which).order_by("did__number", "side")
    return list(found.values_list("did__number", "side"))


def plans() -> list[tuple[str | None, str | None]]:
    return list(DID.objects.order_by("number").values_list("bought_plan__name", "sold_plan__name"))


def test_a_file_names_plans_and_numbers_without_one_take_the_default(desk: Desk) -> None:
    a_plan("Wholesale", RentalSide.BOUGHT, "0.85", is_default=True)
    a_plan("Special", RentalSide.BOUGHT, "9")
    a_plan("Standard", is_default=True)
    a_plan("Gold", monthly="25")
    job = desk.preview(
        "Number,Carrier,Alias,Bought by plan,Plan\n"
        "+442079460018,Acme,desk-101,special,gold\n"
        "+442079460019,Acme,desk-101,,\n"
        "+442079460020,Acme,,-,\n"
    )
    assert job.counts["new"] == 3
    desk.apply(job)
    assert plans() == [("Special", "Gold"), ("Wholesale", "Standard"), (None, None)]
    assert terms() == [
        ("442079460018", "bought"),
        ("442079460018", "sold"),
        ("442079460019", "bought"),
        ("442079460019", "sold"),
    ]
    assert set(RentalTerm.objects.filter(side="sold").values_list("account", flat=True)) == {desk.account.pk}
    again = desk.preview("Number,Carrier,Alias,Bought by plan,Plan\n+442079460018,Acme,desk-101,special,gold\n")
    assert again.counts["unchanged"] == 1


def test_a_file_is_refused_where_a_plan_is_unknown_or_in_another_currency(desk: Desk) -> None:
    a_plan("Euro", currency="EUR")
    a_plan("Wholesale", RentalSide.BOUGHT)
    some_dids(desk.actor, desk.acme, "+442079460018, +442079460019, +442079460020")
    job = desk.preview(
        "Number,Alias,Sold by plan\n"
        "+442079460018,desk-101,Euro\n"
        "+442079460019,,Wholesale\n"
        "+442079460020,,Silver\n"
    )  # fmt: skip
    assert outcomes(job) == [
        (2, "refused", "“Euro” is priced in EUR, this balance is in USD."),
        (3, "refused", "There is no rental plan “Wholesale” by which numbers are sold."),
        (4, "refused", "There is no rental plan “Silver” by which numbers are sold."),
    ]


def test_undoing_an_import_ends_its_rentals_unless_something_was_charged(desk: Desk) -> None:
    a_plan("Wholesale", RentalSide.BOUGHT, "0.85", is_default=True)
    first = desk.apply(desk.preview("Number,Carrier\n+442079460018,Acme\n"))
    assert terms() == [("442079460018", "bought")]
    assert desk.undo(first).state == "undone"
    assert not RentalTerm.objects.exists() and not DID.objects.exists()
    second = desk.apply(desk.preview("Number,Carrier\n+442079460018,Acme\n"))
    make_due()
    book_charges()
    assert RentalCharge.objects.count() == 1
    refused = desk.undo(second)
    assert refused.state == "applied" and refused.error == (
        "It cannot be undone: line 2: +442079460018 has 1 rental charge. Retire such numbers instead."
    )
    assert DID.objects.count() == RentalCharge.objects.count() == 1


def test_one_step_gives_many_numbers_a_plan_and_refuses_those_it_does_not_fit(desk: Desk) -> None:
    plan = a_plan()
    dids = some_dids(desk.actor, desk.acme, "+442079460018, +442079460019, +442079460020")
    euros = an_account(desk.actor, "Filiale", "Blumen GmbH", currency="EUR")
    DID.objects.filter(pk=dids[0].pk).update(alias=desk.alias, state="mapped")
    DID.objects.filter(pk=dids[1].pk).update(alias=an_alias(desk.actor, euros, "amt-1"), state="mapped")
    job = desk.choose("plans", sold_plan=plan.pk)
    assert [(outcome, message) for _, outcome, message in outcomes(job)] == [
        ("changed", ""),
        ("refused", "“Standard” is priced in USD, this balance is in EUR."),
        ("changed", ""),
    ]
    desk.apply(job)
    assert terms() == [("442079460018", "sold")]
    assert desk.undo(job).state == "undone"
    assert terms() == []


def test_mapping_many_at_once_rents_them_by_their_default(desk: Desk) -> None:
    plan = a_plan(is_default=True)
    some_dids(desk.actor, desk.acme, "+442079460010 - 0014")
    desk.apply(desk.choose("map", alias=desk.alias.pk))
    assert set(DID.objects.values_list("sold_plan", flat=True)) == {plan.pk}
    assert len(terms(account=desk.account)) == 5
    happened(at("2026-11-01T00:00"), *RentalTerm.objects.all())
    make_due(at("2026-11-02T00:00"))
    assert sum(RentalCharge.objects.values_list("amount", flat=True)) == Decimal(15)
    desk.apply(desk.choose("unmap", quarantine=False))
    assert terms() == []
