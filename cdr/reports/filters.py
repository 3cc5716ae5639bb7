"""Filters of the reports: days, parties, and by what rows are grouped. Sums are made of every row they find."""

import re
from functools import cached_property
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import Account, Client
from carriers.models import Carrier
from cdr.reports.groupings import GROUPINGS, Grouping
from cdr.reports.models import MoneyDay, TrafficDay
from cdr.reports.periods import EARLIEST, LATEST, MOST_DAYS, Period, period_of
from cdr.reports.sums import margin_rows, traffic_rows
from core.countries import country_choices
from core.filters import Chip, PortalFilterSet
from dids.models import DID

ROW = re.compile(r"#(\d{1,18})")
PARTIES: dict[str, tuple[Any, str]] = {
    "carrier": (Carrier, "name__icontains"),
    "client": (Client, "name__icontains"),
    "account": (Account, "name__icontains"),
    "did": (DID, "number__startswith"),
}
# What the head of a report says, not a chip.
SAID_ABOVE = ("by", "day")


class ReportFilterSet(PortalFilterSet):
    """Days of the roll-up between two business days, of some parties; ``qs`` is them grouped, ``facts`` ungrouped."""

    by = filters.ChoiceFilter(
        method="kept_as_it_is", label="One row for each", empty_label=None,
        choices=[(grouping.slug, grouping.label) for grouping in GROUPINGS.values()],
    )  # fmt: skip
    day = filters.DateFromToRangeFilter(method="kept_as_it_is", label="Business days (from, to)")
    carrier = filters.CharFilter(method="by_party", label="Carrier")
    client = filters.CharFilter(method="by_party", label="Client")
    account = filters.CharFilter(method="by_party", label="Account")
    did = filters.CharFilter(method="by_party", label="DID")
    country = filters.ChoiceFilter(field_name="did__country", choices=country_choices, label="Country")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.form.fields["day"].widget
        for part in getattr(widget, "widgets", ()):
            part.input_type = "date"
        self.form.fields["by"].widget.attrs["autocomplete"] = "off"

    def kept_as_it_is(self, queryset: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """Leave the rows: ``grouping`` and ``period`` speak for these."""
        return queryset

    def by_party(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the rows of the parties whose name holds a text, or of the one row whose number follows a ``#``."""
        if row := ROW.fullmatch(value.strip()):
            return queryset.filter(**{f"{name}_id": int(row[1])} if int(row[1]) else {f"{name}_id": None})
        model, lookup = PARTIES[name]
        text = re.sub(r"\D", "", value).removeprefix("00") if name == "did" else value
        return queryset.filter(**{f"{name}_id__in": model.objects.filter(**{lookup: text or value}).order_by()})

    @cached_property
    def grouping(self) -> Grouping:
        """Return by what the rows are grouped: by carrier, unless the address says otherwise."""
        return GROUPINGS.get(str(self.data.get("by") or ""), GROUPINGS["carrier"])

    @cached_property
    def chosen(self) -> Period | None:
        """Return the business days that the address names, as they stand there; None for none."""
        found = self.form.cleaned_data.get("day") if self.is_bound and self.form.is_valid() else None
        return period_of(*(each.date() if each else None for each in (found.start, found.stop))) if found else None

    @cached_property
    def period(self) -> Period:
        """Return the business days of the report: this month's, unless the address says otherwise."""
        return self.chosen if self.chosen and self.chosen.is_sane else period_of(None, None)

    @cached_property
    def facts(self) -> QuerySet[Any]:
        """Return the roll-up's rows that the filters find."""
        return super().qs.filter(day__range=(self.period.first, self.period.last)).order_by()

    def invalid(self) -> dict[str, list[str]]:
        """Return what is wrong with the filters, the period too."""
        wrong = super().invalid()
        if not wrong and self.chosen and not self.chosen.is_sane:
            wrong["Business days"] = [f"Days from {EARLIEST} to {LATEST}, please."]
        elif not wrong and self.period.last < self.period.first:
            wrong["Business days"] = ["The last day lies before the first."]
        elif not wrong and (self.period.last - self.period.first).days >= MOST_DAYS:
            wrong["Business days"] = [f"A report spans {MOST_DAYS} days at most."]
        return wrong

    def chips(self, request: HttpRequest) -> list[Chip]:
        """Return the chips of what only they show, parties by their names."""
        labels = {str(self.form.fields[name].label) for name in SAID_ABOVE}
        chips = [chip for chip in super().chips(request) if chip.label not in labels]
        return [named(chip) for chip in chips]

    @property
    def kept_for_calls(self) -> dict[str, str]:
        """Return the filters that the list of calls is given with a row of the report."""
        return {name: str(self.data[name]) for name in (*PARTIES, "country") if self.data.get(name)}


def named(chip: Chip) -> Chip:
    """Return a chip with the name of the row whose number it shows."""
    row, party = ROW.fullmatch(chip.value), PARTIES.get(chip.label.lower())
    if not row or not party:
        return chip
    found = party[0].objects.filter(pk=int(row[1])).first() if int(row[1]) else None
    return Chip(chip.label, str(found) if found else "none" if row[1] == "0" else chip.value, chip.remove_url)


class MarginFilterSet(ReportFilterSet):
    """The money of the days."""

    class Meta:
        model = MoneyDay
        fields = ("by", "day", "carrier", "client", "account", "did", "country")

    @property
    def qs(self) -> QuerySet[Any]:
        """Return a row for each group and currency in which anything moved."""
        return margin_rows(self.facts, self.grouping)


class TrafficFilterSet(ReportFilterSet):
    """The calls of the days."""

    class Meta:
        model = TrafficDay
        fields = ("by", "day", "carrier", "client", "account", "did", "country")

    @property
    def qs(self) -> QuerySet[Any]:
        """Return a row for each group."""
        return traffic_rows(self.facts, self.grouping)
