"""The tables of the reports; a row is a dictionary of sums, and the first column says of what."""

from typing import Any

from django.db.models import F, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cdr.reports.groupings import Grouping, calls_url, shown
from cdr.reports.periods import Period
from core import render
from core import tables as t


class NamedColumn(t.PlainColumn):
    """What a row is about, linked to its page."""

    def render(self, record: dict[str, Any], table: Any) -> Any:
        """Link the name; what has no page stays text."""
        words, url = table.by.words(record), table.by.url(record)
        if record["key"] is None:
            return format_html('<span class="text-secondary">{}</span>', words)
        words = shown(words, table.by)
        return format_html('<a href="{}">{}</a>', url, words) if url else words

    def value(self, **kwargs: Any) -> Any:
        """Return the name as it is."""
        return kwargs["table"].by.words(kwargs["record"])


class RatioColumn(t.NumberColumn):
    """A share in percent, with one decimal."""

    def render(self, value: float) -> SafeString:
        """Draw with its unit."""
        return format_html('<span>{} <span class="unit">%</span></span>', f"{value:.1f}".replace("-", "−"))

    def value(self, **kwargs: Any) -> Any:
        """Return percent with two decimals."""
        value = kwargs["value"]
        return "" if value in (None, render.EMPTY) else round(value, 2)


class SecondsColumn(t.DurationColumn):
    """A length of time in seconds, exported with its fraction."""

    def value(self, **kwargs: Any) -> Any:
        """Return seconds."""
        value = kwargs["value"]
        return "" if value in (None, render.EMPTY) else round(value, 3)


class MinutesColumn(t.NumberColumn):
    """Seconds, or microseconds with ``per_minute``, shown as minutes with one decimal."""

    def __init__(self, *args: Any, per_minute: int = 60, **kwargs: Any) -> None:
        self.per_minute = per_minute
        super().__init__(*args, **kwargs)

    def render(self, value: int) -> str:
        """Draw with a space between thousands."""
        return f"{value / self.per_minute:,.1f}".replace(",", "\u202f")

    def value(self, **kwargs: Any) -> Any:
        """Return minutes with four decimals."""
        return round((kwargs["value"] or 0) / self.per_minute, 4)


class PddColumn(t.NumberColumn):
    """A short time in seconds."""

    def render(self, value: float) -> SafeString:
        """Draw with its unit."""
        return format_html('<span>{} <span class="unit">s</span></span>', f"{value:.2f}")

    def value(self, **kwargs: Any) -> Any:
        """Return seconds."""
        value = kwargs["value"]
        return "" if value in (None, render.EMPTY) else round(value, 3)


class ReportTable(t.PortalTable):
    """Rows of sums; ``by`` says of what, ``period`` and ``kept`` lead to the calls of a row."""

    key = NamedColumn(empty_values=())

    fixed_columns: tuple[str, ...] = ("key",)

    def __init__(self, *args: Any, by: Grouping, period: Period, kept: dict[str, str], **kwargs: Any) -> None:
        self.by, self.period, self.kept = by, period, kept
        super().__init__(*args, **kwargs)
        self.columns["key"].column.verbose_name = by.label

    def calls_link(self, record: dict[str, Any], words: Any) -> SafeString:
        """Lead to exactly the calls of a row."""
        url = calls_url(record, self.by, self.period.first, self.period.last, self.kept)
        return format_html('<a href="{}">{}</a>', url, words)

    def order_key(self, queryset: QuerySet[Any], is_descending: bool) -> tuple[QuerySet[Any], bool]:
        """Order by name where rows have one."""
        column = F("name" if self.by.name else "key")
        return queryset.order_by(column.desc() if is_descending else column.asc(nulls_last=True)), True


def _nulls_last(name: str) -> Any:
    def order(self: ReportTable, queryset: QuerySet[Any], is_descending: bool) -> tuple[QuerySet[Any], bool]:
        column = F(name)
        ordered = column.desc(nulls_last=True) if is_descending else column.asc(nulls_last=True)
        return queryset.order_by(ordered), True

    return order


class MarginTable(ReportTable):
    """Money per group and currency."""

    currency = t.PlainColumn()
    charged = t.MoneyColumn("Charged to clients")
    owed = t.MoneyColumn("Owed to carriers")
    rentals = t.MoneyColumn("Rentals")
    margin = t.MoneyColumn("Margin")
    share = RatioColumn("Margin, %")
    sold_seconds = MinutesColumn("Minutes charged to clients")
    bought_seconds = MinutesColumn("Minutes priced by carriers")
    calls = t.PlainColumn("Calls", accessor="key", empty_values=(), orderable=False, exclude_from_export=True)

    class Meta(t.PortalTable.Meta):
        fields = (
            "key", "currency", "charged", "owed", "rentals", "margin", "share", "sold_seconds", "bought_seconds",
            "calls",
        )  # fmt: skip
        order_by = "-margin"

    default_columns = ("key", "currency", "charged", "owed", "rentals", "margin", "share", "sold_seconds", "calls")
    fixed_columns = ("key", "currency", "margin")
    order_share = _nulls_last("share")

    def render_calls(self, record: dict[str, Any]) -> SafeString:
        """Lead to the calls."""
        return self.calls_link(record, "CDRs")


class TrafficTable(ReportTable):
    """Calls per group."""

    attempts = t.NumberColumn("Attempts")
    seizures = t.NumberColumn("Seizures")
    answered = t.NumberColumn("Answered")
    asr = RatioColumn("ASR")
    abr = RatioColumn("ABR")
    ner = RatioColumn("NER")
    talk_us = MinutesColumn("Minutes", per_minute=60_000_000)
    acd = SecondsColumn("ACD")
    pdd = PddColumn("PDD")

    class Meta(t.PortalTable.Meta):
        fields = ("key", "attempts", "seizures", "answered", "asr", "abr", "ner", "talk_us", "acd", "pdd")
        order_by = "-talk_us"

    order_asr, order_abr, order_ner = _nulls_last("asr"), _nulls_last("abr"), _nulls_last("ner")
    order_acd, order_pdd = _nulls_last("acd"), _nulls_last("pdd")

    def render_attempts(self, value: int, record: dict[str, Any]) -> SafeString:
        """Lead to the calls."""
        return self.calls_link(record, f"{value:,}".replace(",", "\u202f"))

    def value_attempts(self, value: int) -> int:
        """Return the number."""
        return value
