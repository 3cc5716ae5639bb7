"""Products, mappings and rates keep "free inbound" free and currencies apart."""

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import InternalError, transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from billing.choices import ProductKind
from billing.models import Product, ProductMapping, Rate, RateTable
from billing.pricing import (
    archive_product,
    archive_rate_table,
    delete_mapping,
    delete_product,
    delete_rate,
    delete_rate_table,
    save_mapping,
    save_product,
    save_rate,
    save_rate_table,
)
from billing.selectors import currency_conflict, free_inbound_product, priced_currencies, products_of_kind
from cdr.models import ChargedLeg
from tests.inventory import a_carrier, a_product, a_user, an_account, an_address

pytestmark = pytest.mark.django_db


def test_free_inbound_is_there_and_can_neither_be_changed_nor_deleted() -> None:
    actor, product = a_user(), free_inbound_product()
    mapping = product.mappings.get()
    rate = mapping.rate_table.rates.get()
    assert (mapping.prefix, rate.code, rate.rate_minute, rate.rate_call, rate.enabled) == ("", "", 0, 0, True)
    for change in (
        lambda: delete_product(actor=actor, product=product),
        lambda: save_product(actor=actor, product=product),
        lambda: save_mapping(actor=actor, mapping=mapping),
        lambda: delete_mapping(actor=actor, mapping=mapping),
        lambda: save_rate(actor=actor, rate=rate),
        lambda: delete_rate(actor=actor, rate=rate),
        lambda: save_rate_table(actor=actor, table=mapping.rate_table),
        lambda: delete_rate_table(actor=actor, table=mapping.rate_table),
    ):
        with pytest.raises(ValidationError, match=r"built|prices"):
            change()


def test_the_database_itself_keeps_free_inbound() -> None:
    with pytest.raises(InternalError, match="Cannot delete"), transaction.atomic():
        Product.objects.filter(builtin=True).delete()


def test_a_product_in_use_is_not_deleted_and_keeps_its_kind() -> None:
    actor = a_user()
    product = a_product("USD", "0.01")
    an_address(actor, a_carrier(actor), "203.0.113.5", product=product)
    with pytest.raises(ValidationError, match="1 carrier address"):
        delete_product(actor=actor, product=product)
    product.kind = ProductKind.ACCOUNT
    with pytest.raises(ValidationError) as caught:
        save_product(actor=actor, product=product)
    assert "kind" in caught.value.error_dict


def test_a_product_nobody_uses_goes_with_its_mappings() -> None:
    product = a_product("USD", "0.01")
    delete_product(actor=a_user(), product=product)
    assert not ProductMapping.objects.filter(product_id=product.pk).exists()


def test_a_free_product_fits_every_currency_and_a_priced_one_its_own() -> None:
    free, priced = a_product("EUR", "0"), a_product("EUR", "0.01")
    assert priced_currencies(free) == set()
    assert not currency_conflict(free, "USD")
    assert not currency_conflict(priced, "EUR")
    assert not currency_conflict(None, "USD")
    assert "priced in EUR, this balance is in USD" in currency_conflict(priced, "USD")


def test_a_price_may_not_appear_in_a_currency_that_charged_balances_lack() -> None:
    actor = a_user()
    free = a_product("EUR", "0")
    an_address(actor, a_carrier(actor, currency="USD"), "203.0.113.5", product=free)
    rate = Rate.objects.get(table__mappings__product=free)
    rate.rate_minute = 1
    with pytest.raises(ValidationError) as caught:
        save_rate(actor=actor, rate=rate)
    assert "not converted" in caught.value.message_dict["rate_minute"][0]
    table = RateTable.objects.create(name="Riga", currency="EUR")
    Rate.objects.create(table=table, code="371", rate_call=1)
    with pytest.raises(ValidationError) as caught:
        save_mapping(
            actor=actor,
            mapping=ProductMapping(product=free, rate_table=table, prefix="371", starts_at="2026-01-01T00:00Z"),
        )
    assert "rate_table" in caught.value.error_dict


def test_a_rate_table_in_use_names_its_products() -> None:
    product = a_product("USD", "0.01", ProductKind.ACCOUNT)
    with pytest.raises(ValidationError, match=product.name):
        delete_rate_table(actor=a_user(), table=product.mappings.get().rate_table)


def test_an_account_takes_no_product_in_another_currency() -> None:
    product = a_product("EUR", "0.01", ProductKind.ACCOUNT)
    with pytest.raises(ValidationError) as caught:
        an_account(a_user(), product=product)
    assert "product" in caught.value.error_dict


def test_what_calls_were_charged_by_is_archived_and_not_deleted(operator_page: Browser) -> None:
    actor, product = a_user(), a_product("USD", "0.01", ProductKind.ACCOUNT)
    mapping = product.mappings.get()
    table = mapping.rate_table
    ChargedLeg.objects.create(
        attempt_id=uuid.uuid4(), started_at=timezone.now(), leg="account", product_id=product.pk,
        rate_table_id=table.pk, charged_seconds=1, amount=1, currency="USD",
    )  # fmt: skip
    with pytest.raises(ValidationError, match="calls that were charged by it: archive it instead"):
        delete_product(actor=actor, product=product)
    page = operator_page.get(reverse("billing:product_delete", args=[product.pk])).content.decode()
    assert "calls that were charged by it" in page and "Archive it" in page
    with pytest.raises(ValidationError, match=f"prices {product.name}"):
        archive_rate_table(actor=actor, table=table)
    operator_page.post(reverse("billing:product_archive", args=[product.pk]))
    product.refresh_from_db()
    assert product.archived_at and product not in products_of_kind(ProductKind.ACCOUNT)
    assert "archived" in currency_conflict(product, "USD")
    listed = reverse("billing:product_list")
    assert product.get_absolute_url() not in operator_page.get(listed).content.decode()
    assert product.get_absolute_url() in operator_page.get(listed, {"archived": "only"}).content.decode()
    archive_rate_table(actor=actor, table=table)
    delete_mapping(actor=actor, mapping=mapping)
    with pytest.raises(ValidationError, match="archive it instead"):
        delete_rate_table(actor=actor, table=table)
    other = a_product("USD", "0.01", ProductKind.ACCOUNT)
    table.refresh_from_db()
    new = ProductMapping(product=other, rate_table=table, prefix="1", starts_at=timezone.now())
    with pytest.raises(ValidationError) as caught:
        save_mapping(actor=actor, mapping=new)
    assert "archived" in caught.value.message_dict["rate_table"][0]
    operator_page.post(reverse("billing:product_restore", args=[product.pk]))
    assert product in products_of_kind(ProductKind.ACCOUNT)


def test_a_product_in_use_is_not_archived_nor_free_inbound() -> None:
    actor, product = a_user(), a_product("USD", "0.01")
    an_address(actor, a_carrier(actor), "203.0.113.5", product=product)
    for row, words in ((product, "1 carrier address"), (free_inbound_product(), "built in")):
        with pytest.raises(ValidationError, match=words):
            archive_product(actor=actor, product=row)
