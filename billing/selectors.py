"""Questions about products, rates and ledgers."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from billing.choices import ProductKind
from billing.models import FREE_INBOUND, Balance, FreeSeconds, LedgerEntry, Product, ProductMapping, Rate, RateTable
from core.business_time import month_of
from core.keepers import kept_by


def owner_of(balance: Balance) -> tuple[str, Any]:
    """Return whose balance it is, as kind and object; ("balance", None) where nobody's.

    Carriers and accounts stand above billing: the reverse relations are asked, never the apps.
    """
    for kind in ("carrier", "account"):
        owner = getattr(balance, kind, None)
        if owner is not None:
            return kind, owner
    return "balance", None


def with_owner(prefix: str = "") -> list[str]:
    """Return what ``select_related`` needs, so that :func:`owner_of` asks nothing more."""
    return [f"{prefix}{relation}" for relation in ("carrier", "account__client")]


def what_keeps_owner(owner: Any) -> list[str]:
    """Return what forbids deleting a carrier or account, counted and in words: what refers to its balance too."""
    # What refers to both, as a rental charge does, is named once.
    return list(dict.fromkeys([*kept_by(owner), *kept_by(owner.balance, apart_from=(type(owner),))]))


def ledger_entries(balance: Balance) -> QuerySet[LedgerEntry]:
    """Return the statement of a balance, newest first."""
    return balance.entries.select_related("actor", "balance").order_by("-at", "-id")


def rate_tables_with_origin() -> QuerySet[RateTable]:
    """Return rate tables, each with ``builtin``: whether it prices a built-in product and therefore stays as it is."""
    builtin = ProductMapping.objects.filter(rate_table=OuterRef("pk"), product__builtin=True)
    return RateTable.objects.annotate(builtin=Exists(builtin))


def products_of_kind(kind: ProductKind) -> QuerySet[Product]:
    """Return the products that may price this side of a call, by name."""
    return Product.objects.filter(kind=kind, archived_at=None).order_by("name")


def free_inbound_product() -> Product:
    """Return the product that lets every inbound call in at no charge (operator's guide); a migration made it."""
    return Product.objects.get(name=FREE_INBOUND, builtin=True)


def priced_currencies(product: Product) -> set[str]:
    """Return the currencies in which ``product`` charges anything; empty for a free one, which fits every balance."""
    priced = Rate.objects.filter(table__mappings__product=product).exclude(rate_minute=0, rate_call=0)
    return set(priced.values_list("table__currency", flat=True).distinct())


def currency_conflict(product: Product | None, currency: str) -> str:
    """Return why ``product`` cannot be billed to a balance in ``currency``, or nothing; amounts are not converted.

    One that is archived cannot be at all.
    """
    if product is not None and product.archived_at:
        return f"“{product}” is archived: take it back first."
    foreign = sorted(priced_currencies(product) - {currency}) if product else []
    if not foreign:
        return ""
    return f"“{product}” is priced in {' and '.join(foreign)}, this balance is in {currency}."


def balances_charged_by(product: Product) -> QuerySet[Balance]:
    """Return the balances that calls under ``product`` are billed to: its carriers' and its accounts'."""
    return Balance.objects.filter(Q(carrier__accounts__product=product) | Q(account__product=product)).distinct()


def longest_code(rates: QuerySet[Rate], digits: str) -> Rate | None:
    """Return the rate of the longest code that starts ``digits``, enabled or not, as calls find it."""
    found = rates.filter(code__in=[digits[:length] for length in range(len(digits) + 1)])
    return max(found, key=lambda rate: len(rate.code), default=None)


def free_seconds_now(account_id: int, did_id: int | None = None) -> FreeSeconds:
    """Return what an account used and holds of this business month's free seconds; of a DID's own, if named."""
    month = month_of(timezone.now())
    found = FreeSeconds.objects.filter(account_id=account_id, did_id=did_id, month=month).first()
    return found or FreeSeconds(account_id=account_id, did_id=did_id, month=month)
