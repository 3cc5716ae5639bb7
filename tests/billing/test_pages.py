"""Pages of products and rates: "free inbound" is visible and stays; a typed number shows what prices it."""

import datetime as dt

from django.test import Client as Browser
from django.urls import reverse

from billing.choices import ProductKind
from billing.lookup import find_price
from billing.models import Product, ProductMapping, Rate, RateTable
from billing.selectors import free_inbound_product
from core.models import User
from tests.inventory import a_carrier, a_product, an_address


def page(browser: Browser, name: str, *args: object, **query: str) -> str:
    """Return the text of a page that must be there."""
    response = browser.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def test_free_inbound_shows_its_mapping_and_rate_and_offers_no_deletion(admin_page: Browser) -> None:
    product = free_inbound_product()
    assert "free inbound" in page(admin_page, "billing:product_list")
    shown = page(admin_page, "billing:product_detail", product.pk)
    assert "any number" in shown and ">free</a>" in shown
    assert "Delete" not in shown and "Add mapping" not in shown
    table = product.mappings.get().rate_table
    assert "0.00" in page(admin_page, "billing:ratetable_detail", table.pk)
    delete = reverse("billing:product_delete", args=[product.pk])
    assert "built in" in admin_page.get(delete).content.decode()
    assert admin_page.post(delete).status_code == 422
    assert Product.objects.filter(builtin=True).exists()


def test_a_product_is_made_with_table_rate_and_mapping(operator_page: Browser) -> None:
    assert 'value="USD"' in page(operator_page, "billing:ratetable_add")
    operator_page.post(reverse("billing:product_add"), {"name": "Retail", "kind": "account"})
    operator_page.post(reverse("billing:ratetable_add"), {"name": "Baltics", "currency": "eur"})
    product, table = Product.objects.get(name="Retail"), RateTable.objects.get(name="Baltics")
    assert table.currency == "EUR"
    rate = {"code": "371", "rate_minute": "0.02", "rate_call": "0", "increment": "6", "grace": "0", "enabled": "on"}
    rate |= {"minimal_duration": "30"}
    assert operator_page.post(reverse("billing:rate_add", args=[table.pk]), rate).status_code == 302
    again = operator_page.post(reverse("billing:rate_add", args=[table.pk]), rate)
    assert again.status_code == 422
    mapping = {"prefix": "371", "rate_table": table.pk, "starts_at": "2026-01-01T00:00"}
    added = operator_page.post(reverse("billing:productmapping_add", args=[product.pk]), mapping)
    assert added.status_code == 302
    assert "In force" in page(operator_page, "billing:product_detail", product.pk)
    assert "371" in page(operator_page, "billing:ratetable_detail", table.pk, q="+371 6722 0100")


def test_a_typed_number_and_instant_show_what_prices_it(operator_page: Browser) -> None:
    product = a_product("USD", "0.01", ProductKind.ACCOUNT)
    riga = RateTable.objects.create(name="Riga from June", currency="USD")
    Rate.objects.create(table=riga, code="37167", rate_minute="0.05", description="Riga")
    start = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    ProductMapping.objects.create(product=product, rate_table=riga, prefix="371", starts_at=start)
    before = page(operator_page, "billing:product_price", product.pk, number="+371 6722 0100", at="2026-05-31T23:59")
    assert "0.01" in before and "not in force yet at that time" in before
    after = page(operator_page, "billing:product_price", product.pk, number="+371 6722 0100", at="2026-06-01T00:00")
    assert "Riga from June" in after and "0.05" in after
    none = page(operator_page, "billing:product_price", product.pk, number="+371 2022 0100", at="2026-06-02T00:00")
    assert "no falling back" in none
    wrong = page(operator_page, "billing:product_price", product.pk, number="abc")
    assert "is not a number" in wrong


def test_the_lookup_finds_blocked_free_and_unmapped_numbers(db: None) -> None:
    product = a_product("USD", "0")
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert find_price(product, "37167220100", at).free
    table = product.mappings.get().rate_table
    Rate.objects.create(table=table, code="3716", enabled=False)
    assert "disabled" in find_price(product, "37167220100", at).refusal
    early = find_price(product, "37167220100", dt.datetime(1999, 1, 1, tzinfo=dt.UTC))
    assert "No mapping" in early.refusal
    assert (early.mapping, early.rate) == (None, None)


def test_a_product_in_use_says_by_what_and_is_kept(operator_page: Browser, operator: User) -> None:
    product = a_product("USD", "0.01")
    an_address(operator, a_carrier(operator), "203.0.113.5", product=product)
    address = reverse("billing:product_delete", args=[product.pk])
    assert "1 carrier address" in operator_page.get(address).content.decode()
    assert operator_page.post(address).status_code == 422
    table = product.mappings.get().rate_table
    shown = page(operator_page, "billing:ratetable_delete", table.pk)
    assert f"a mapping of product {product.name}" in shown


def test_support_reads_prices_and_changes_none(support_page: Browser) -> None:
    product = a_product("USD", "0.01")
    shown = page(support_page, "billing:product_detail", product.pk)
    assert "Add mapping" not in shown and "row-action" not in shown
    assert support_page.post(reverse("billing:product_delete", args=[product.pk])).status_code == 403
    assert support_page.get(reverse("billing:product_price", args=[product.pk])).status_code == 200


def test_amounts_of_a_column_have_their_points_under_each_other(admin_page: Browser) -> None:
    table = RateTable.objects.create(name="Retail", currency="USD")
    Rate.objects.create(table=table, code="44", rate_minute="0.012345")
    Rate.objects.create(table=table, code="49", rate_minute="0.5", rate_call="1")
    shown = page(admin_page, "billing:ratetable_detail", table.pk)
    for amount in ("0.012345", "0.500000", "0.00", "1.00"):
        assert f'<span class="num">{amount} <span class="unit">USD' in shown, amount
