"""The billing settings: one row, administrators only, and nothing in it that would spoil a number or a header."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Client
from billing.currencies import amount_text, decimals_of, minor_digits, to_minor
from billing.seller.models import BillingSettings, number_prefix
from billing.seller.services import billing_settings, change_billing_settings, mail_sender
from core.models import User

pytestmark = pytest.mark.django_db
URL = "/settings/billing/"
FORM = {
    "name": "Aurora Telecom Ltd", "address": "12 Harbour Road\nLondon", "tax_id": "GB 123", "footer": "IBAN …",
    "tax_name": "VAT", "tax_rate": "20", "payment_days": "14", "payment_terms": "Please pay in time.",
    "line_detail": "did", "invoice_prefix": "INV-{year}-", "credit_note_prefix": "CN-{year}-",
    "mail_from": "billing@aurora.example", "reply_to": "",
}  # fmt: skip


def test_an_administrator_sets_them_and_all_read_them(
    admin_page: Browser, operator_page: Browser, administrator: User
) -> None:
    assert reverse("seller:billingsettings") == URL
    assert "INV-{year}-" in admin_page.get(URL).content.decode()
    assert not BillingSettings.objects.exists()
    assert admin_page.post(URL, FORM).status_code == 302
    stored = billing_settings()
    assert (stored.pk, stored.name, stored.tax_rate, stored.missing) == (1, "Aurora Telecom Ltd", Decimal(20), [])
    shown = operator_page.get(URL).content.decode()
    assert "Aurora Telecom Ltd" in shown and ">Save<" not in shown
    assert operator_page.post(URL, FORM | {"name": "Thief"}).status_code == 403
    assert mail_sender() == ("Aurora Telecom Ltd <billing@aurora.example>", "")
    event = BillingSettings.pgh_event_model.objects.latest("pgh_id")  # type: ignore[attr-defined]
    assert event.pgh_context.metadata["user"] == administrator.pk


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tax_rate", "101", "less than or equal to 100"),
        ("tax_rate", "-1", "greater than or equal to 0"),
        ("tax_rate", "20,5", "Enter a number"),
        ("payment_days", "400", "365"),
        ("invoice_prefix", "INV1", "End it with"),
        ("invoice_prefix", "{year}", "End it with"),
        ("invoice_prefix", "inv-", "Capital letters"),
        ("invoice_prefix", "{pk}-", "Capital letters"),
        ("invoice_prefix", "=1+", "Capital letters"),
        ("credit_note_prefix", "INV-{year}-", "another prefix"),
        ("mail_from", "a@b.example\nBcc: x@y.example", "valid email"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_nothing_typed_is_lost(
    admin_page: Browser, field: str, value: str, words: str
) -> None:
    answer = admin_page.post(URL, FORM | {field: value})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert words in shown and "Please pay in time." in shown
    assert not BillingSettings.objects.exists()


def test_nobody_else_changes_them_and_there_is_one_row(operator: User, administrator: User) -> None:
    with pytest.raises(PermissionDenied):
        change_billing_settings(actor=operator, name="x")
    change_billing_settings(actor=administrator, name="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        BillingSettings.objects.create(pk=2)


@pytest.mark.parametrize("prefix", ["", "INV-", "{year}-", "A/{year}/", "2026-INV-"])
def test_prefixes_that_no_number_mistakes(prefix: str) -> None:
    number_prefix(prefix)


@pytest.mark.parametrize(
    ("currency", "amount", "rounded", "text"),
    [
        ("EUR", "1234.565", "1234.57", "1\u202f234.565"),
        ("EUR", "-0.005", "-0.01", "−0.005"),
        ("JPY", "1234.5", "1235", "1\u202f234.5"),
        ("JPY", "1200", "1200", "1\u202f200"),
        ("KWD", "0.0005", "0.001", "0.0005"),
        ("KWD", "7", "7", "7.000"),
        ("EUR", "0.000000", "0.00", "0.00"),
        ("EUR", "-0.000000", "0.00", "0.00"),
    ],
)
def test_amounts_are_paid_in_the_currencys_own_decimals(currency: str, amount: str, rounded: str, text: str) -> None:
    assert to_minor(Decimal(amount), currency) == Decimal(rounded)
    assert amount_text(Decimal(amount), currency) == text
    assert -to_minor(Decimal(amount), currency).as_tuple().exponent == minor_digits(currency)  # type: ignore[operator]


CLIENT: dict[str, Any] = {
    "name": "Bloom Ltd", "billing_name": "Bloom Holding", "billing_address": "5 Long Street\nRiga", "tax_id": "LV1",
    "tax_rate": "21.5", "tax_note": "Reverse charge", "tax_included": True,
}  # fmt: skip


def test_a_client_has_a_billing_address_and_a_tax_of_its_own(operator_page: Browser) -> None:
    assert operator_page.post(reverse("accounts:client_add"), CLIENT).status_code == 302
    client = Client.objects.get()
    assert (client.tax_rate, client.tax_included) == (Decimal("21.5"), True)
    assert client.billing_address.splitlines() == ["5 Long Street", "Riga"]
    bad = operator_page.post(reverse("accounts:client_detail", args=[client.pk]), CLIENT | {"tax_rate": "x"})
    assert bad.status_code == 422 and "Enter a number" in bad.content.decode()
    added = operator_page.post("/api/v1/clients/", CLIENT | {"name": "Two"}, "application/json")
    assert added.status_code == 201
    assert added.json()["tax_rate"] == "21.500"
    refused = operator_page.patch(f"/api/v1/clients/{client.pk}/", {"tax_rate": "200"}, "application/json")
    assert refused.status_code == 400 and "tax_rate" in str(refused.json())
    with pytest.raises(ValidationError):
        Client(name="x", billing_name="a\nb").full_clean()


def test_amounts_under_each_other_have_the_same_decimals() -> None:
    amounts = [Decimal("1.5"), Decimal("0.000010"), Decimal(1000)]
    assert decimals_of(amounts, "EUR") == 5
    assert [amount_text(amount, "EUR", 5) for amount in amounts] == ["1.50000", "0.00001", "1\u202f000.00000"]
    assert decimals_of([Decimal(1000)], "JPY") == 0 and decimals_of([], "KWD") == 3
