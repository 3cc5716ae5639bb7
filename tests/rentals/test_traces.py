"""What remains of money: numbers that it refers to stay, and a call that was refused for it says so."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.selectors import what_keeps_owner
from cdr.explanation import explain
from cdr.fixes import fixes_for
from cdr.models import CDR, ChargedLeg
from cdr.selectors import evidence_for
from dids.models import DID
from dids.rentals.billing import book_charges, make_due
from dids.rentals.dunning import follow_payments
from dids.rentals.models import RentalTerm
from dids.services import delete_dids, resume_dids, retire_dids, suspend_dids, unmap_dids
from tests.rentals.scene import Scene, a_plan

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def refused_call(scene: Scene, reason: str = "did_suspended") -> CDR:
    """Record a call to the number, as the worker does."""
    return CDR.objects.create(
        attempt_id=uuid.uuid4(), started_at=timezone.now(), ended_at=timezone.now(), switch="sw1", reason=reason,
        sip_code=404, did_id=scene.did.pk, did_label=f"+{scene.did.number}", carrier_id=scene.carrier.pk,
        carrier_label="Acme", number=scene.did.number,
    )  # fmt: skip


@pytest.fixture
def suspended(settings: Any) -> Scene:
    """Return a number that is suspended because it is unpaid."""
    settings.RENTAL_GRACE_DAYS = 0
    scene = Scene()
    scene.sell(a_plan())
    make_due()
    book_charges()
    follow_payments()
    assert DID.objects.get().state == "suspended"
    return scene


def test_a_call_to_an_unpaid_number_says_so_and_offers_the_payment(suspended: Scene) -> None:
    record = refused_call(suspended)
    said = explain(record, evidence_for(record, None))
    assert said.happened == "The DID is suspended: its rental is unpaid. The carrier was told 404."
    assert said.causes == ["The balance of Bloom Ltd › Main office does not cover the number's monthly fee."]
    fix = fixes_for(record, may_write=True)[0]
    assert fix.words == "Add payment for Bloom Ltd › Main office"
    assert fix.url == reverse("accounts:account_payment", args=[suspended.account.pk])
    assert fixes_for(record, may_write=False)[0].url == reverse("accounts:account_detail", args=[suspended.account.pk])


def test_the_payment_is_no_longer_offered_once_it_is_paid_but_the_call_still_says_why(suspended: Scene) -> None:
    record = refused_call(suspended)
    suspended.pay("10")
    book_charges()
    follow_payments()
    # In one transaction, as a test is, all versions have one time.
    resumed = apps.get_model("dids", "DIDEvent").objects.latest("pgh_id")
    type(resumed).objects.filter(pk=resumed.pk).update(pgh_created_at=record.started_at + DAY)
    assert "its rental is unpaid" in explain(record, evidence_for(record, None)).happened
    assert [fix.words for fix in fixes_for(record, may_write=True)] == ["Resume +442079460018", "Open +442079460018"]


def test_a_call_to_a_number_that_a_person_suspended_says_nothing_of_money(suspended: Scene) -> None:
    resume_dids(actor=suspended.user, did_ids=[suspended.did.pk])
    suspend_dids(actor=suspended.user, did_ids=[suspended.did.pk])
    record = refused_call(suspended)
    assert "unpaid" not in explain(record, evidence_for(record, None)).happened
    assert fixes_for(record, may_write=True)[0].words == "Resume +442079460018"


def test_resuming_by_hand_says_that_it_is_still_unpaid(suspended: Scene, operator_page: Client) -> None:
    words = operator_page.get(reverse("dids:did_resume", args=[suspended.did.pk])).content.decode()
    assert "its rental is still unpaid" in words


def test_a_number_that_was_charged_for_is_retired_instead_of_deleted(operator_page: Client) -> None:
    scene = Scene()
    scene.pay("10")
    scene.sell(a_plan())
    make_due()
    book_charges()
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    with pytest.raises(ValidationError, match=r"\+44 20 7946 0018 has 1 rental charge\. Retire such numbers instead"):
        delete_dids(actor=scene.user, did_ids=[scene.did.pk])
    page = reverse("dids:did_delete", args=[scene.did.pk])
    words = operator_page.get(page).content.decode()
    assert "1 rental charge" in words and reverse("dids:did_retire", args=[scene.did.pk]) in words
    assert operator_page.post(page).status_code == 422
    assert DID.objects.count() == 1


def test_a_number_with_a_rental_that_charged_nothing_yet_is_deleted_with_it() -> None:
    scene = Scene()
    scene.sell(a_plan())
    unmap_dids(actor=scene.user, did_ids=[scene.did.pk])
    assert delete_dids(actor=scene.user, did_ids=[scene.did.pk]) == 1
    assert not RentalTerm.objects.exists()


def test_a_number_whose_calls_were_charged_stays_and_one_with_free_calls_goes() -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    for did, amount in zip(scene.dids, (1, 0), strict=True):
        scene.did = did
        record = refused_call(scene, "completed")
        ChargedLeg.objects.create(
            attempt_id=record.attempt_id, started_at=record.started_at, leg="account", product_label="p",
            rate_table_label="t", charged_seconds=60, amount=amount, currency="USD",
        )  # fmt: skip
    with pytest.raises(ValidationError, match=r"0018 has calls that were charged"):
        delete_dids(actor=scene.user, did_ids=[scene.dids[0].pk])
    assert delete_dids(actor=scene.user, did_ids=[scene.dids[1].pk]) == 1


def test_an_account_that_owes_a_rental_is_not_deleted(suspended: Scene) -> None:
    assert what_keeps_owner(suspended.account) == ["1 alias", "1 rental charge"]


def test_a_retired_number_is_out_of_the_lists_until_it_is_asked_for(operator_page: Client) -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    retire_dids(actor=scene.user, did_ids=[scene.dids[0].pk])
    pages = (reverse("dids:did_list"), reverse("carriers:carrier_dids", args=[scene.carrier.pk]))
    for page in pages:
        words = operator_page.get(page).content.decode()
        assert "+44 20 7946 0019" in words and "+44 20 7946 0018" not in words
        for query in ("?state=retired", "?q=79460018"):
            assert "+44 20 7946 0018" in operator_page.get(page + query).content.decode()
    retire_dids(actor=scene.user, did_ids=[scene.dids[1].pk])
    for page in pages:
        words = operator_page.get(page).content.decode()
        assert "All retired" in words and "No DID number yet" not in words


def test_the_api_leaves_retired_numbers_out_of_its_list_as_the_page_does(operator_page: Client) -> None:
    scene = Scene("+44 20 7946 0018, +44 20 7946 0019")
    retired, kept = scene.dids
    retire_dids(actor=scene.user, did_ids=[retired.pk])

    def listed(query: str = "") -> list[int]:
        return [row["id"] for row in operator_page.get(f"/api/v1/dids/{query}").json()["results"]]

    assert listed() == [kept.pk]
    assert listed("?state=retired") == listed("?q=79460018") == [retired.pk]
    assert operator_page.get(f"/api/v1/dids/{retired.pk}/").status_code == 200
