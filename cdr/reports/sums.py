"""What reports add up, in SQL: money per currency, since nothing is converted, and calls with their ratios."""

from decimal import Decimal
from typing import Any

from django.db.models import Case, F, FloatField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Abs, Cast, Coalesce, Greatest, NullIf

from cdr.reports.choices import MoneyKind
from cdr.reports.groupings import Grouping
from core.fields import MoneyField

ZERO = Value(Decimal(0), output_field=MoneyField())


def _money(*kinds: MoneyKind) -> Any:
    return Coalesce(Sum("amount", filter=Q(kind__in=kinds)), ZERO, output_field=MoneyField())


def _count(kind: MoneyKind, field: str) -> Any:
    return Coalesce(Sum(field, filter=Q(kind=kind)), 0)


# What we pay has the sign of what we get turned round: "owed" is above zero where we owe.
MARGIN: dict[str, Any] = {
    "charged": _money(MoneyKind.CLIENT_CALLS),
    "owed": -_money(MoneyKind.CARRIER_CALLS),
    "rentals": _money(MoneyKind.RENTAL_SOLD, MoneyKind.RENTAL_BOUGHT),
    "margin": Coalesce(Sum("amount"), ZERO, output_field=MoneyField()),
    # What margin is a share of: carriers that pay us are customers, too.
    "revenue": Greatest(_money(MoneyKind.CARRIER_CALLS), ZERO) + _money(MoneyKind.CLIENT_CALLS, MoneyKind.RENTAL_SOLD),
    "sold_seconds": _count(MoneyKind.CLIENT_CALLS, "charged_seconds"),
    "bought_seconds": _count(MoneyKind.CARRIER_CALLS, "charged_seconds"),
}
TRAFFIC: dict[str, Any] = {
    name: Coalesce(Sum(name), 0)
    for name in ("attempts", "seizures", "answered", "effective", "rang", "talk_us", "pdd_us")
}


def _ratio(part: Any, whole: Any, scale: float) -> Any:
    return Cast(part, FloatField()) * scale / NullIf(Cast(whole, FloatField()), Value(0.0))


RATIOS: dict[str, Any] = {
    "asr": _ratio(F("answered"), F("seizures"), 100.0),
    "abr": _ratio(F("answered"), F("attempts"), 100.0),
    "ner": _ratio(F("effective"), F("seizures"), 100.0),
    "acd": _ratio(F("talk_us"), F("answered"), 0.000001),
    "pdd": _ratio(F("pdd_us"), F("rang"), 0.000001),
}


def margin_rows(facts: QuerySet[Any], by: Grouping) -> QuerySet[Any]:
    """Return charged, owed, rentals and margin for each key and currency in which anything moved."""
    rows = _grouped(facts, by, "currency").annotate(turnover=Sum(Abs("amount")), **MARGIN).filter(turnover__gt=0)
    share = Case(
        When(revenue__gt=0, then=Cast("margin", FloatField()) * 100.0 / Cast("revenue", FloatField())),
        output_field=FloatField(null=True),
    )
    return _with_name(rows, by).annotate(share=share)


def margin_totals(facts: QuerySet[Any]) -> list[dict[str, Any]]:
    """Return the same sums of everything, for each currency, the one with the most turnover first."""
    rows = facts.values("currency").annotate(turnover=Sum(Abs("amount")), **MARGIN).filter(turnover__gt=0)
    return list(rows.order_by("-turnover", "currency"))


def traffic_rows(facts: QuerySet[Any], by: Grouping) -> QuerySet[Any]:
    """Return counts, talk time and ratios for each key."""
    return _with_name(_grouped(facts, by).annotate(**TRAFFIC), by).annotate(**RATIOS)


def traffic_totals(facts: QuerySet[Any]) -> dict[str, Any]:
    """Return the same of everything."""
    sums = facts.aggregate(**TRAFFIC)
    return sums | {
        "asr": _share(sums["answered"], sums["seizures"]),
        "abr": _share(sums["answered"], sums["attempts"]),
        "ner": _share(sums["effective"], sums["seizures"]),
        "acd": sums["talk_us"] / 1e6 / sums["answered"] if sums["answered"] else None,
        "pdd": sums["pdd_us"] / 1e6 / sums["rang"] if sums["rang"] else None,
        "seconds": sums["talk_us"] / 1e6,
    }


def _share(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def _grouped(facts: QuerySet[Any], by: Grouping, *fields: str) -> QuerySet[Any]:
    return facts.order_by().annotate(key=by.key).values("key", *fields)


def _with_name(rows: QuerySet[Any], by: Grouping) -> QuerySet[Any]:
    return rows.annotate(name=by.name()) if by.name else rows
