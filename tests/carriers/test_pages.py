"""Pages of carriers: the guide's labels, errors beside their fields, previews that are the result."""

import re
from decimal import Decimal

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing.selectors import free_inbound_product
from carriers.models import Carrier, CarrierAccount
from core.models import User
from dids.services import retire_dids
from tests.inventory import a_carrier, a_product, an_address, some_dids


@pytest.fixture
def acme(operator: User) -> Carrier:
    return a_carrier(operator, "Acme")


def page(browser: Browser, name: str, *args: object, **query: str) -> str:
    """Return the text of a page that must be there."""
    response = browser.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def test_a_carrier_is_added_and_opens_at_main_with_what_is_still_to_be_done(operator_page: Browser) -> None:
    assert "Add carrier" in page(operator_page, "carriers:carrier_list")
    values = {"name": "Acme", "currency": "USD", "credit_limit": "0", "notes": ""}
    response = operator_page.post(reverse("carriers:carrier_add"), values, follow=True)
    carrier = Carrier.objects.get()
    shown = response.content.decode()
    assert response.redirect_chain[-1][0] == carrier.get_absolute_url()
    assert "Carrier is DID provider" in shown and "No credit" in shown
    assert shown.count("step-open") == 4


def test_the_list_counts_no_retired_numbers(operator_page: Browser, operator: User, acme: Carrier) -> None:
    gone, *_ = some_dids(operator, acme, "+442079460018\n+442079460019\n+442079460020")
    retire_dids(actor=operator, did_ids=[gone.pk])
    listed = operator_page.get(reverse("carriers:carrier_list"), {"export": "csv", "columns": "did_count"})
    assert b"".join(listed.streaming_content).decode().split()[-1] == "Acme,2"


def test_what_asks_for_the_head_of_a_page_gets_its_head(operator_page: Browser, acme: Carrier) -> None:
    """Link checkers and proxies ask by HEAD; an object's page and its tabs answer as they answer GET."""
    for address in (acme.get_absolute_url(), reverse("carriers:carrier_add"), reverse("carriers:carrier_list")):
        assert operator_page.head(address).status_code == 200


def test_the_checkbox_of_main_makes_a_carrier_a_did_provider(operator_page: Browser, acme: Carrier) -> None:
    values = {"name": "Acme", "is_did_provider": "on", "enabled": "on", "credit_limit": "3", "notes": ""}
    assert operator_page.post(acme.get_absolute_url(), values).status_code == 302
    acme.refresh_from_db()
    assert acme.is_did_provider and acme.enabled
    assert acme.balance.credit_limit == 3


def test_a_refused_name_keeps_the_heading_and_what_was_typed(
    operator_page: Browser, operator: User, acme: Carrier
) -> None:
    a_carrier(operator, "Other")
    values = {"name": "Other", "enabled": "on", "credit_limit": "0", "notes": "typed"}
    response = operator_page.post(acme.get_absolute_url(), values)
    shown = response.content.decode()
    assert response.status_code == 422
    assert '<h1 class="page-title">Acme</h1>' in shown
    assert "typed" in shown and "already exists" in shown


def test_credit_is_a_payment_and_never_a_number_to_edit(operator_page: Browser, acme: Carrier) -> None:
    shown = page(operator_page, "carriers:carrier_detail", acme.pk)
    assert "Add payment" in shown and 'name="amount"' not in shown
    form = page(operator_page, "carriers:carrier_payment", acme.pk)
    found = re.search(r'name="form_id" value="([^"]+)"', form)
    assert found
    address = reverse("carriers:carrier_payment", args=[acme.pk])
    for _ in range(2):
        operator_page.post(address, {"amount": "5", "form_id": found[1]})
    acme.balance.refresh_from_db()
    assert acme.balance.amount == 5
    refused = operator_page.post(address, {"amount": "-5", "form_id": found[1][:-1] + "0"})
    assert refused.status_code == 422
    assert "more than zero" in refused.content.decode()


def test_free_inbound_is_chosen_before_and_the_labels_are_the_guides(operator_page: Browser, acme: Carrier) -> None:
    shown = page(operator_page, "carriers:carrieraccount_add", acme.pk)
    assert re.search(rf'<option value="{free_inbound_product().pk}"\s+selected\s*>\s*free inbound', shown)
    assert "subnet" in shown and "CIDR" in shown


def add_address(browser: Browser, carrier: Carrier, network: str, **values: str) -> tuple[int, str]:
    values = {"network": network, "product": str(free_inbound_product().pk), "enabled": "on"} | values
    values = {"number_source": "request_uri", "audio": "automatic"} | values
    response = browser.post(reverse("carriers:carrieraccount_add", args=[carrier.pk]), values)
    return response.status_code, response.content.decode()


def test_an_address_and_a_subnet_are_added(operator_page: Browser, acme: Carrier) -> None:
    assert add_address(operator_page, acme, "203.0.113.5")[0] == 302
    assert add_address(operator_page, acme, "2001:db8::/48", subnet="on", translation="0 > 44\n00 >")[0] == 302
    assert [str(entry) for entry in acme.accounts.all()] == ["203.0.113.5", "2001:db8::/48"]
    assert acme.accounts.last().translation == [["0", "44"], ["00", ""]]
    shown = page(operator_page, "carriers:carrier_accounts", acme.pk)
    assert "203.0.113.5" in shown and "2001:db8::/48" in shown
    found = page(operator_page, "carriers:carrier_accounts", acme.pk, q="2001:db8::77")
    assert "2001:db8::/48" in found and "203.0.113.5" not in found
    assert "Acme" in page(operator_page, "carriers:carrier_list", q="203.0.113.5")


def test_what_cannot_be_added_is_said_beside_the_address(operator_page: Browser, operator: User, acme: Carrier) -> None:
    other = a_carrier(operator, "Other")
    an_address(operator, other, "203.0.113.0/24")
    an_address(operator, acme, "192.0.2.1")
    for network, subnet, words in (
        ("198.51.100.7/26", "on", "has host bits set: write 198.51.100.0/26"),
        ("203.0.113.7", "", "Overlaps 203.0.113.0/24 of Other"),
        ("192.0.2.1", "", "Acme already has 192.0.2.1"),
        ("198.51.100.0/26", "", "check “subnet”"),
    ):
        status, shown = add_address(operator_page, acme, network, subnet=subnet)
        assert status == 422
        assert words in shown
        assert f'value="{network}"' in shown, "what was typed stays"
        assert re.search(r'name="network"[^>]*is-invalid', shown)
    assert acme.accounts.count() == 1


def test_a_product_in_another_currency_is_refused_beside_the_product(operator_page: Browser, acme: Carrier) -> None:
    product = a_product("EUR", "0.01")
    status, shown = add_address(operator_page, acme, "203.0.113.5", product=str(product.pk))
    assert status == 422
    assert "priced in EUR, this balance is in USD" in shown


def test_an_address_is_edited_on_its_own_page_and_deleted_with_what_stops(
    operator_page: Browser, support_page: Browser, operator: User, acme: Carrier
) -> None:
    entry = an_address(operator, acme, "203.0.113.0/26", call_limit=3)
    shown = page(operator_page, "carriers:carrieraccount_detail", entry.pk)
    assert 'value="203.0.113.0/26"' in shown and "checked" in shown
    assert '<details class="form-more" open>' in shown, "a limit stands behind the fold"
    values = {"network": "203.0.113.9", "product": str(entry.product_id), "number_source": "to", "tech_prefix": "9#"}
    values["audio"] = "never"
    assert operator_page.post(entry.get_absolute_url(), values).status_code == 302
    entry.refresh_from_db()
    assert (str(entry), entry.number_source, entry.tech_prefix, entry.enabled, entry.call_limit) == (
        "203.0.113.9", "to", "9#", False, None,
    )  # fmt: skip
    assert support_page.get(entry.get_absolute_url()).status_code == 200
    assert support_page.post(entry.get_absolute_url(), values).status_code == 403
    assert "are refused from then on" in page(operator_page, "carriers:carrieraccount_delete", entry.pk)
    operator_page.post(reverse("carriers:carrieraccount_delete", args=[entry.pk]))
    assert not CarrierAccount.objects.exists()


def previewed(shown: str) -> str:
    found = re.search(r'name="previewed" value="([0-9a-f]+)"', shown)
    assert found, "the page shows a preview"
    return found[1]


def test_pasted_addresses_are_previewed_and_applied_as_previewed(
    operator_page: Browser, operator: User, acme: Carrier
) -> None:
    an_address(operator, a_carrier(operator, "Other"), "198.51.100.0/24")
    address = reverse("carriers:carrieraccount_paste", args=[acme.pk])
    values = {"text": "203.0.113.5 London\n198.51.100.7\n<b>x</b>", "product": str(free_inbound_product().pk)}
    shown = operator_page.post(address, values).content.decode()
    assert not acme.accounts.exists()
    assert "1 to add" in shown and "2 left out" in shown and "of Other" in shown
    assert "<b>x</b>" not in shown
    digest = previewed(shown)
    changed = operator_page.post(address, values | {"text": "203.0.113.6", "previewed": digest, "apply": "yes"})
    assert changed.status_code == 409
    assert not acme.accounts.exists(), "what was not previewed is not applied"
    assert operator_page.post(address, values | {"previewed": digest, "apply": "yes"}).status_code == 302
    assert acme.accounts.get().description == "London"


def test_a_list_of_nothing_is_refused_beside_it(operator_page: Browser, acme: Carrier) -> None:
    address = reverse("carriers:carrieraccount_paste", args=[acme.pk])
    response = operator_page.post(address, {"text": "# only a remark", "product": free_inbound_product().pk})
    assert response.status_code == 422
    assert "one address or subnet a line" in response.content.decode()


def test_many_addresses_are_disabled_at_once_after_a_question(
    operator_page: Browser, operator: User, acme: Carrier
) -> None:
    entries = [an_address(operator, acme, f"203.0.113.{number}") for number in (1, 2, 3)]
    address = reverse("carriers:carrier_accounts", args=[acme.pk])
    chosen = {"action": "disable", "pk": [entries[0].pk, entries[2].pk]}
    asked = operator_page.post(address, chosen).content.decode()
    assert "203.0.113.1" in asked and "203.0.113.3" in asked and "203.0.113.2<" not in asked
    operator_page.post(address, chosen | {"confirmed": "yes"})
    assert [entry.enabled for entry in acme.accounts.order_by("network")] == [False, True, False]


def test_a_carrier_with_dids_cannot_be_deleted_and_says_why(
    operator_page: Browser, operator: User, acme: Carrier
) -> None:
    some_dids(operator, acme, "+44 20 7946 0018")
    address = reverse("carriers:carrier_delete", args=[acme.pk])
    assert "1 DID" in page(operator_page, "carriers:carrier_delete", acme.pk)
    assert operator_page.post(address).status_code == 422
    acme.dids.all().delete()
    assert operator_page.post(address).status_code == 302
    assert not Carrier.objects.exists()


def test_support_reads_carriers_and_finds_no_button_that_would_refuse(
    support_page: Browser, operator: User, acme: Carrier
) -> None:
    an_address(operator, acme, "203.0.113.5")
    for name in ("carriers:carrier_detail", "carriers:carrier_accounts", "carriers:carrier_ledger"):
        shown = page(support_page, name, acme.pk)
        assert "Add payment" not in shown and "Add IP address" not in shown and "Delete" not in shown
    assert "row-action" not in page(support_page, "carriers:carrier_accounts", acme.pk)


def test_support_writes_notes_and_nothing_else(support_page: Browser, acme: Carrier) -> None:
    values = {
        "name": "Stolen",
        "is_did_provider": "on",
        "credit_limit": "1000",
        "notes": "Asked for addresses.",
    }
    assert support_page.post(acme.get_absolute_url(), values).status_code == 302
    acme.refresh_from_db()
    assert acme.notes == "Asked for addresses."
    assert (acme.name, acme.is_did_provider, acme.enabled, acme.balance.credit_limit) == ("Acme", False, True, 0)


def test_carriers_without_credit_are_found_by_the_filter(operator_page: Browser, operator: User, acme: Carrier) -> None:
    a_carrier(operator, "Rich", credit_limit=Decimal(10))
    assert "Rich" in page(operator_page, "carriers:carrier_list", in_credit="true")
    shown = page(operator_page, "carriers:carrier_list", in_credit="false")
    assert "Acme" in shown and "Rich" not in shown
