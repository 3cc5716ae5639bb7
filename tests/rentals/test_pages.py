"""The pages of rental plans and rentals: what they show, refuse beside the field, and offer."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.rentals.models import RentalTerm
from tests.inventory import a_user, an_account, an_alias
from tests.rentals.scene import Scene, a_plan, at, happened
from tests.rentals.test_dunning import DAY, START, run

pytestmark = pytest.mark.django_db


def plan_form(**values: Any) -> dict[str, Any]:
    return {
        "name": "Standard", "side": "sold", "currency": "usd", "setup_fee": "5", "monthly_fee": "3.50",
        "first_period": "prorated", "free_days": "0", **values,
    }  # fmt: skip


def test_a_plan_is_added_and_its_side_and_currency_stay(operator_page: Client) -> None:
    assert operator_page.post(reverse("rental_plans:rentalplan_add"), plan_form()).status_code == 302
    plan = RentalPlan.objects.get()
    assert (plan.currency, plan.monthly_fee, plan.setup_fee) == ("USD", Decimal("3.5"), Decimal(5))
    page = reverse("rental_plans:rentalplan_detail", args=[plan.pk])
    operator_page.post(page, plan_form(side="bought", currency="EUR", monthly_fee="4"))
    plan.refresh_from_db()
    assert (plan.side, plan.currency, plan.monthly_fee) == ("sold", "USD", Decimal(4))
    history = operator_page.get(reverse("rental_plans:rentalplan_history", args=[plan.pk])).content.decode()
    assert "3.50" in history and "4.00" in history


def test_a_second_default_for_the_same_numbers_is_refused_and_nothing_typed_is_lost(operator_page: Client) -> None:
    a_plan(is_default=True)
    answer = operator_page.post(reverse("rental_plans:rentalplan_add"), plan_form(name="Other", is_default="on"))
    assert answer.status_code == 422
    assert "There is a default for these numbers" in answer.content.decode()
    assert 'value="Other"' in answer.content.decode()


def test_a_negative_fee_is_refused_beside_its_field(operator_page: Client) -> None:
    answer = operator_page.post(reverse("rental_plans:rentalplan_add"), plan_form(monthly_fee="-1"))
    assert answer.status_code == 422
    assert answer.context["form"].errors["monthly_fee"] == ["A fee is not negative."]


def test_a_plan_in_another_currency_than_the_account_is_refused_beside_the_field(operator_page: Client) -> None:
    scene = Scene()
    scene.sell(a_plan())
    euro = a_plan("Euro", currency="EUR")
    answer = operator_page.post(reverse("rentals:did_plans", args=[scene.did.pk]), {"sold_plan": euro.pk})
    assert answer.status_code == 422
    assert answer.context["form"].errors["sold_plan"] == ["“Euro” is priced in EUR, this balance is in USD."]


def test_taking_the_plan_away_ends_the_rental(operator_page: Client) -> None:
    scene = Scene()
    scene.sell(a_plan())
    assert operator_page.post(reverse("rentals:did_plans", args=[scene.did.pk]), {}).status_code == 302
    assert RentalTerm.objects.get().until is not None


def test_mapping_shows_what_it_costs_and_takes_the_chosen_plan(operator_page: Client) -> None:
    scene = Scene()
    a_plan(is_default=True, monthly="3.5", setup_fee=Decimal(5))
    gold = a_plan("Gold", monthly="25")
    page = reverse("dids:accountdid_add", args=[scene.account.pk])
    assert "3.50 USD a month, set-up 5.00 (Standard)" in operator_page.get(page).content.decode()
    operator_page.post(page, {"pk": scene.did.pk, "alias": scene.alias.pk, "sold_plan": gold.pk})
    assert DID.objects.get().sold_plan == gold
    assert RentalTerm.objects.get().account == scene.account


def test_a_number_mapped_without_a_choice_takes_the_default_of_its_carrier_and_country(operator_page: Client) -> None:
    scene = Scene()
    a_plan(is_default=True)
    a_plan("British", is_default=True, country="GB")
    own = a_plan("British by Acme", is_default=True, country="GB", carrier=scene.carrier)
    a_plan("Euro", is_default=True, country="GB", carrier=scene.carrier, currency="EUR")
    page = reverse("dids:accountdid_add", args=[scene.account.pk])
    operator_page.post(page, {"pk": scene.did.pk, "alias": scene.alias.pk})
    assert DID.objects.get().sold_plan == own


def test_a_number_sold_in_another_currency_is_not_mapped_without_a_plan_that_fits(operator_page: Client) -> None:
    scene = Scene()
    DID.objects.update(sold_plan=a_plan("Euro", currency="EUR"))
    a_plan()
    page = reverse("dids:accountdid_add", args=[scene.account.pk])
    answer = operator_page.post(page, {"pk": scene.did.pk, "alias": scene.alias.pk})
    assert answer.status_code == 422
    assert "Choose a plan in USD" in str(answer.context["form"].errors["sold_plan"])
    assert DID.objects.get().state == "available"


def test_new_numbers_are_bought_by_the_default_plan_of_their_carrier() -> None:
    user = a_user()
    plan = a_plan("Wholesale", RentalSide.BOUGHT, "0.85", is_default=True)
    scene = Scene()
    assert scene.did.bought_plan == plan
    assert RentalTerm.objects.get().carrier == scene.carrier
    assert user.pk


def test_the_tabs_tell_what_is_rented_owed_and_how_to_mend_it(operator_page: Client, support_page: Client) -> None:
    scene = Scene()
    happened(START, *scene.sell(a_plan()))
    run(START)
    run(START + 7 * DAY)
    number = reverse("dids:did_rental", args=[scene.did.pk])
    payment = reverse("accounts:account_payment", args=[scene.account.pk])
    words = operator_page.get(number).content.decode()
    assert "Suspended, unpaid" in words and payment in words
    assert payment not in support_page.get(number).content.decode()
    account = operator_page.get(reverse("accounts:account_rentals", args=[scene.account.pk])).content.decode()
    assert "Suspended, unpaid" in account and "1.70" in account
    unpaid = operator_page.get(reverse("accounts:account_rentals", args=[scene.account.pk]) + "?paid=yes")
    assert "+44 20 7946 0018" not in unpaid.content.decode()


def test_a_plan_that_numbers_have_is_archived_instead_of_deleted(operator_page: Client) -> None:
    scene = Scene()
    plan = a_plan()
    scene.sell(plan)
    page = reverse("rental_plans:rentalplan_delete", args=[plan.pk])
    assert "1 DID" in operator_page.get(page).content.decode()
    assert operator_page.post(page).status_code == 422
    operator_page.post(reverse("rental_plans:rentalplan_archive", args=[plan.pk]))
    listed = reverse("rental_plans:rentalplan_list")
    assert f">{plan}</a>" not in operator_page.get(listed).content.decode()
    assert f">{plan}</a>" in operator_page.get(listed + "?archived=all").content.decode()
    # It goes on being charged, and stays among the choices of the number that has it.
    assert "Standard" in operator_page.get(reverse("rentals:did_plans", args=[scene.did.pk])).content.decode()
    happened(at("2026-11-01T00:00"), *RentalTerm.objects.all())
    scene.pay("10")
    run(START)
    assert scene.balance() == Decimal(7)


def test_the_database_itself_keeps_a_plan_from_a_balance_in_another_currency() -> None:
    from django.db import IntegrityError

    scene = Scene()
    euro = a_plan("Euro", currency="EUR")
    DID.objects.update(sold_plan=euro)
    other = an_account(scene.user, "Branch", client="Rose Inc")
    with pytest.raises(IntegrityError, match="Euro is in EUR"):
        DID.objects.update(alias=an_alias(scene.user, other, "desk-9"), state="mapped")
