"""The statement tab of whatever owns a balance, and the statement as PDF and CSV."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views import View

from billing.documents import statement_pdf
from billing.forms import PeriodForm
from billing.models import Balance
from billing.selectors import owner_of, with_owner
from billing.statements import Period, Statement, month_period, statement_of, usual_periods
from core.access import Access
from core.business_time import business_zone, today
from core.export import csv_response
from core.pdf import pdf_response
from core.render import decimals_of
from core.tabs import ViewTab
from core.views.detail import TabView

# More lines are no page to read; the files have all.
SHOWN_LINES = 1000


def asked_period(request: HttpRequest) -> tuple[PeriodForm, Period]:
    """Return the form and the period of an address; this business month where it names none that can be read."""
    this_month = month_period(today())
    if not request.GET.get("since") and not request.GET.get("until"):
        return PeriodForm({"since": this_month.since, "until": this_month.until}), this_month
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return form, this_month
    return form, Period(form.cleaned_data["since"], form.cleaned_data["until"])


class StatementTab(TabView):
    """What moved ``self.object.balance`` over a period, from its opening to its closing balance."""

    tab = ViewTab("Statement", weight=901)
    template_name = "billing/statement.html"

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the statement of the period that the address names."""
        form, period = asked_period(self.request)
        statement = statement_of(self.object.balance, period)
        lines = list(islice(statement.lines(), SHOWN_LINES + 1)) if form.is_valid() else []
        return super().get_context_data(
            form=form,
            period=period,
            usual=usual_periods(),
            statement=statement,
            lines=lines[:SHOWN_LINES],
            sum_decimals=decimals_of([statement.opening, statement.closing, *(kind.amount for kind in statement.sums)]),
            decimals=decimals_of(amount for line in lines for amount in (line.amount, line.balance)),
            more=len(lines) > SHOWN_LINES,
            shown_lines=SHOWN_LINES,
            zone=business_zone().key,
            **extra,
        )


class _StatementFile(View):
    access = Access.READ

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Return the file; 400 for a period that cannot be read."""
        balance = get_object_or_404(Balance.objects.select_related(*with_owner()), pk=pk)
        form, period = asked_period(request)
        if not form.is_valid():
            words = "; ".join(error for errors in form.errors.values() for error in map(str, errors))
            return HttpResponse(words, status=400, content_type="text/plain")
        owner = slugify(str(owner_of(balance)[1] or pk))
        return self.file(statement_of(balance, period), f"statement-{owner}-{period.since}-{period.until}")

    def file(self, statement: Statement, name: str) -> HttpResponseBase:
        """Return the statement as a file."""
        raise NotImplementedError


class StatementPdf(_StatementFile):
    """A statement as PDF."""

    def file(self, statement: Statement, name: str) -> HttpResponseBase:
        """Set it."""
        return pdf_response(statement_pdf(statement), name)


class StatementCsv(_StatementFile):
    """A statement as CSV, each call a line."""

    def file(self, statement: Statement, name: str) -> HttpResponseBase:
        """Stream it."""
        return csv_response(csv_rows(statement), name)


HEAD = ("Entry", "Booked", "Kind", "Amount", "Balance", "Currency", "Note", "Receipt", "Call", "Leg", "Set up", "By")


def csv_rows(statement: Statement) -> Iterator[list[Any]]:
    """Yield the head, the opening balance, every entry and the closing balance; times in ISO 8601 and UTC."""
    currency, period = statement.balance.currency, statement.period
    yield list(HEAD)
    yield ["", period.start.isoformat(), "Opening balance", "", statement.opening, currency]
    # Outside a transaction the cursor would read all rows before the first goes out.
    with transaction.atomic():
        for entry in statement.entries().iterator():
            yield [
                entry.pk, entry.at.isoformat(), entry.get_kind_display(), entry.amount, entry.balance_after, currency,
                entry.note, entry.receipt, entry.attempt_id, entry.leg,
                entry.started_at.isoformat() if entry.started_at else "", entry.actor or "",
            ]  # fmt: skip
    yield ["", period.end.isoformat(), "Closing balance", "", statement.closing, currency]
