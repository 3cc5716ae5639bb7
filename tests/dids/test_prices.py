"""A DID's own price: given, changed and taken away on its page and over HTTP; never in a currency nobody pays in."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db.models.deletion import ProtectedError
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Alias
from core.models import User
from dids.models import DID, DIDPrice
from dids.prices import save_did_price
from dids.services import delete_dids, map_dids
from tests.inventory import a_carrier, an_account, an_alias, some_dids

VALUES = {"currency": "usd", "rate_minute": "0.012345", "rate_call": "0", "increment": "6", "grace": "0",
          "minimal_duration": "30", "free_seconds": "600"}  # fmt: skip


@pytest.fixture
def did(operator: User) -> DID:
    return some_dids(operator, a_carrier(operator), "+442079460018")[0]


@pytest.fixture
def alias(operator: User) -> Alias:
    return an_alias(operator, an_account(operator, currency="EUR"))


def test_a_price_is_given_on_the_page_changed_and_taken_away(operator_page: Browser, did: DID) -> None:
    address = reverse("dids:did_price", args=[did.pk])
    shown = operator_page.post(address, VALUES, follow=True).content.decode()
    assert "Own price of +44 20 7946 0018 saved." in shown
    assert "0.012345" in shown
    price = DIDPrice.objects.get(did=did)
    assert (price.currency, price.increment, price.free_seconds) == ("USD", 6, 600)
    operator_page.post(address, VALUES | {"rate_call": "0.5"})
    assert DIDPrice.objects.get(did=did).rate_call == Decimal("0.5")
    gone = operator_page.post(reverse("dids:did_price_remove", args=[did.pk]), follow=True).content.decode()
    assert "no price of its own" in gone
    assert not DIDPrice.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("rate_minute", "-0.01", "not below zero"),
        ("rate_minute", "0.1234567", "at most 6 decimals"),
        ("rate_call", "1,5", "Write a point"),
        ("increment", "0", "greater than or equal to 1"),
        ("currency", "US", "Three capital letters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_typed_is_lost(
    operator_page: Browser, did: DID, field: str, value: str, words: str
) -> None:
    answer = operator_page.post(reverse("dids:did_price", args=[did.pk]), VALUES | {field: value})
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert words in shown
    assert 'value="600"' in shown
    assert not DIDPrice.objects.exists()


def test_a_price_is_in_the_currency_of_who_pays_whichever_comes_first(operator: User, did: DID, alias: Alias) -> None:
    save_did_price(actor=operator, did=did, currency="USD", rate_minute=Decimal(1))
    with pytest.raises(ValidationError, match=r"own price in USD, and the account pays in EUR"):
        map_dids(actor=operator, did_ids=[did.pk], alias=alias, account=alias.account)
    save_did_price(actor=operator, did=did, currency="USD", rate_minute=Decimal(0))
    map_dids(actor=operator, did_ids=[did.pk], alias=alias, account=alias.account)
    with pytest.raises(ValidationError) as caught:
        save_did_price(actor=operator, did=did, currency="USD", rate_minute=Decimal(1))
    assert "pays in EUR" in caught.value.message_dict["currency"][0]


def test_a_price_over_http(operator_page: Browser, support_page: Browser, did: DID) -> None:
    address = f"/api/v1/dids/{did.pk}/price/"
    assert operator_page.get(address).status_code == 404
    answer = operator_page.put(address, VALUES | {"currency": "USD"}, content_type="application/json")
    assert (answer.status_code, answer.json()["rate_minute"]) == (200, "0.012345")
    wrong = operator_page.put(address, VALUES | {"currency": "USD", "rate_call": "-1"}, content_type="application/json")
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["rate_call"])
    assert support_page.put(address, VALUES, content_type="application/json").status_code == 403
    assert operator_page.get(address).json()["free_seconds"] == 600
    assert operator_page.delete(address).status_code == 204
    assert operator_page.get(address).status_code == 404


def test_a_deleted_did_takes_its_price_with_it(operator: User, did: DID) -> None:
    save_did_price(actor=operator, did=did, currency="USD", rate_minute=Decimal(1))
    try:
        delete_dids(actor=operator, did_ids=[did.pk])
    except ProtectedError:  # pragma: no cover - names what went wrong
        pytest.fail("a price kept its DID from being deleted")
    assert not DIDPrice.objects.exists()
