"""Products, their mappings and rate tables: changes that keep "free inbound" free and currencies apart."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from billing.choices import ProductKind
from billing.models import Balance, Product, ProductMapping, Rate, RateTable
from billing.selectors import balances_charged_by, priced_currencies
from core.constraints import refuse_archived
from core.history import acting
from core.keepers import what_keeps_row
from core.models import User

MANY = 1000


def save_product(*, actor: User, product: Product) -> Product:
    """Create or change a product's name, kind or description.

    Raise ValidationError for a built-in one, or for a change of kind while something is charged by it.
    """
    with transaction.atomic(), acting(actor):
        if product.pk:
            before = Product.objects.select_for_update(no_key=True).get(pk=product.pk)
            _refuse_builtin(before)
            if before.kind != product.kind and (users := product_users(before)):
                raise ValidationError({"kind": f"{before} is used by {users}; its kind stays."})
        if product.free_seconds and product.kind != ProductKind.ACCOUNT:
            raise ValidationError({"free_seconds": "Only a product of accounts grants free seconds."})
        product.full_clean()
        product.save()
        return product


def delete_product(*, actor: User, product: Product) -> None:
    """Delete a product and its mappings. Raise ValidationError for a built-in one or one in use, naming by what."""
    with transaction.atomic(), acting(actor):
        locked = Product.objects.select_for_update().get(pk=product.pk)
        _refuse_builtin(locked)
        if users := product_users(locked):
            raise ValidationError(f"{locked} is used by {users}: give these another product first.")
        if held := what_keeps_row(locked):
            raise ValidationError(f"{locked} has {' and '.join(held)}: archive it instead.")
        locked.delete()


def archive_product(*, actor: User, product: Product, archived: bool = True) -> Product:
    """Hide a product from lists and choices, or show it again. Raise ValidationError while it prices anything."""
    with transaction.atomic(), acting(actor):
        locked = Product.objects.select_for_update().get(pk=product.pk)
        _refuse_builtin(locked)
        if archived and (users := product_users(locked)):
            raise ValidationError(f"{locked} is used by {users}: give these another product first.")
        return _archive(locked, archived)


def archive_rate_table(*, actor: User, table: RateTable, archived: bool = True) -> RateTable:
    """Hide a rate table from lists and choices, or show it again. Raise ValidationError while products use it."""
    with transaction.atomic(), acting(actor):
        locked = RateTable.objects.select_for_update().get(pk=table.pk)
        mapped = locked.mappings.filter(product__archived_at=None)
        names = sorted({mapping.product.name for mapping in mapped.select_related("product")})
        if archived and names:
            raise ValidationError(f"{locked} prices {', '.join(names)}: remove these mappings first.")
        return _archive(locked, archived)


def _archive(row: Any, archived: bool) -> Any:
    if bool(row.archived_at) != archived:
        row.archived_at = timezone.now() if archived else None
        row.save(update_fields=["archived_at"])
    return row


def product_users(product: Product) -> str:
    """Return how many carrier accounts and accounts are priced by ``product``, in words; nothing where none is."""
    users = (
        (product.carrier_accounts, "carrier address", "carrier addresses"),
        (product.accounts, "account", "accounts"),
    )
    counted = []
    for rows, one, many in users:
        # Nobody needs the exact number of thousands, and a page counts this at each view.
        count = rows.order_by()[: MANY + 1].count()
        if count:
            counted.append(f"more than {MANY:,} {many}" if count > MANY else f"{count:,} {one if count == 1 else many}")
    return " and ".join(counted)


def save_mapping(*, actor: User, mapping: ProductMapping) -> ProductMapping:
    """Create or change which rate table prices a prefix from when on.

    Raise ValidationError for a built-in product, or where a balance charged by it is in another currency.
    """
    with transaction.atomic(), acting(actor):
        _refuse_builtin(mapping.product)
        mapping.full_clean()
        mapping.save()
        refuse_archived(mapping.rate_table, "rate_table")
        _check_currencies([mapping.product], "rate_table")
        return mapping


def delete_mapping(*, actor: User, mapping: ProductMapping) -> None:
    """Delete a mapping; numbers that no other one fits have no rate from then on."""
    with transaction.atomic(), acting(actor):
        _refuse_builtin(mapping.product)
        mapping.delete()


def save_rate_table(*, actor: User, table: RateTable) -> RateTable:
    """Create or change a rate table. Raise ValidationError where its currency is not that of balances it prices."""
    with transaction.atomic(), acting(actor):
        if table.pk:
            _refuse_builtin_table(table)
        table.full_clean()
        table.save()
        _check_currencies(_products_of(table), "currency")
        return table


def delete_rate_table(*, actor: User, table: RateTable) -> None:
    """Delete a rate table with its rates. Raise ValidationError that names the products mapped to it."""
    with transaction.atomic(), acting(actor):
        locked = RateTable.objects.select_for_update().get(pk=table.pk)
        names = sorted({mapping.product.name for mapping in locked.mappings.select_related("product")})
        if names:
            raise ValidationError(f"{locked} prices {', '.join(names)}: remove these mappings first.")
        if held := what_keeps_row(locked):
            raise ValidationError(f"{locked} has {' and '.join(held)}: archive it instead.")
        locked.delete()


def save_rate(*, actor: User, rate: Rate) -> Rate:
    """Create or change a rate. Raise ValidationError for a table of "free inbound" or a foreign currency."""
    with transaction.atomic(), acting(actor):
        _refuse_builtin_table(rate.table)
        rate.full_clean()
        rate.save()
        _check_currencies(_products_of(rate.table), "rate_minute")
        return rate


def delete_rate(*, actor: User, rate: Rate) -> None:
    """Delete a rate; a shorter code may price its numbers from then on, or none."""
    with transaction.atomic(), acting(actor):
        _refuse_builtin_table(rate.table)
        rate.delete()


def is_builtin_table(table: RateTable) -> bool:
    """Tell whether a built-in product's price is in this table, which therefore stays as it is."""
    return table.mappings.filter(product__builtin=True).exists()


def _refuse_builtin(product: Product) -> None:
    if product.builtin:
        raise ValidationError(f"“{product}” is built in: carriers rely on it to let calls in for free.")


def _refuse_builtin_table(table: RateTable) -> None:
    if is_builtin_table(table):
        raise ValidationError(f"“{table}” prices a built-in product and stays as it is; use a table of your own.")


def _products_of(table: RateTable) -> models.QuerySet[Product]:
    return Product.objects.filter(mappings__rate_table=table).distinct()


def foreign_balances(table: RateTable) -> str:
    """Return why no price may stand in this table, or nothing: balances it would charge are in another currency."""
    balances = Balance.objects.filter(
        models.Q(carrier__accounts__product__mappings__rate_table=table)
        | models.Q(account__product__mappings__rate_table=table)
    )
    foreign = sorted(set(balances.values_list("currency", flat=True)) - {table.currency})
    if not foreign:
        return ""
    return f"“{table}” is in {table.currency}, but charges balances in {_listed(set(foreign))}; nothing is converted."


def _check_currencies(products: Any, field: str) -> None:
    """Refuse, beside ``field``, a price in a currency that a charged balance does not have; nothing is converted."""
    for product in products:
        priced = priced_currencies(product)
        if not priced:
            continue
        charged = set(balances_charged_by(product).values_list("currency", flat=True))
        if charged and charged != priced:
            raise ValidationError(
                {
                    field: f"“{product}” would be priced in {_listed(priced)}, "
                    f"but charges balances in {_listed(charged)}; amounts are not converted."
                }
            )


def _listed(currencies: set[str]) -> str:
    return " and ".join(sorted(currencies))
