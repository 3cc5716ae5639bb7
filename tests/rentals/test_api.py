"""Rentals over HTTP: plans made, given to numbers, refused beside the field, and what was charged."""

from decimal import Decimal

import pytest
from django.test import Client

from dids.models import DID
from dids.rentals.billing import book_charges, make_due
from dids.rentals.models import RentalTerm
from tests.api.test_configuration import Api
from tests.rentals.scene import Scene, a_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(operator_page: Client) -> Api:
    return Api(operator_page)


def test_a_plan_is_made_given_and_charged(api: Api) -> None:
    scene = Scene()
    body = {"name": "Standard", "side": "sold", "currency": "USD", "monthly_fee": "3", "first_period": "full"}
    status, plan = api("post", "rental-plans/", body)
    assert (status, plan["monthly_fee"]) == (201, "3.000000")
    status, answer = api("patch", f"dids/{scene.did.pk}/", {"sold_plan": plan["id"]})
    assert (status, answer["sold_plan"]) == (200, plan["id"])
    api("post", "dids/map/", {"dids": [scene.did.pk], "alias": scene.alias.pk})
    make_due()
    book_charges()
    _, charges = api("get", "rental-charges/", account=str(scene.account.pk), unpaid="true")
    assert [(row["number"], row["amount"], row["charged_at"]) for row in charges["results"]] == [
        ("442079460018", "3.000000", None)
    ]
    _, none = api("get", "rental-charges/", account=str(scene.account.pk), unpaid="false")
    assert none["results"] == []


def test_a_plan_that_does_not_fit_is_refused_beside_its_field(api: Api) -> None:
    scene = Scene()
    scene.sell(a_plan())
    euro = a_plan("Euro", currency="EUR")
    status, problem = api("patch", f"dids/{scene.did.pk}/", {"sold_plan": euro.pk})
    assert status == 400
    assert "priced in EUR" in str(problem["errors"]["sold_plan"])
    status, problem = api("patch", f"rental-plans/{euro.pk}/", {"currency": "USD"})
    assert (status, list(problem["errors"])) == (400, ["currency"])


def test_mapping_takes_a_plan_and_a_bulk_step_gives_one(api: Api) -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    gold = a_plan("Gold", monthly="25")
    first, second = scene.dids
    api("post", "dids/map/", {"dids": [first.pk], "alias": scene.alias.pk, "sold_plan": gold.pk})
    assert RentalTerm.objects.get().did == first
    status, job = api("post", "dids/bulk/", {"action": "plans", "dids": [second.pk], "sold_plan": gold.pk})
    assert status == 201, job
    status, problem = api("post", "dids/bulk/", {"action": "plans", "dids": [second.pk]})
    assert (status, list(problem["errors"])) == (400, ["sold_plan"])


def test_an_archived_plan_is_left_out_of_the_list_and_kept_by_its_numbers(api: Api) -> None:
    scene = Scene()
    plan = a_plan()
    scene.sell(plan)
    assert api("delete", f"rental-plans/{plan.pk}/")[0] == 400
    assert api("post", f"rental-plans/{plan.pk}/archive/")[0] == 200
    assert api("get", "rental-plans/")[1]["results"] == []
    assert DID.objects.get().sold_plan == plan
    assert api("get", "rental-plans/", archived="only")[1]["results"][0]["id"] == plan.pk
    assert api("get", f"rental-plans/{plan.pk}/")[0] == 200
    assert api("post", f"rental-plans/{plan.pk}/restore/")[1]["archived_at"] is None
    assert RentalTerm.objects.get().until is None and plan.monthly_fee == Decimal(3)
