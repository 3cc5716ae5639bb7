"""How many queries each list page may ask, and how to fill it: the committed ceilings.

A page's queries must not grow with its rows. Every list view of the portal stands here (the test fails for one that
does not): its URL name, the ceiling, and a function that makes ``count`` more rows and returns the arguments of the
address. Lower a ceiling when a page gets better; raise one only with a reason in the commit.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from tests.inventory_fill import INVENTORY

# Session, user, and up to two for the list itself (rows, bounded count).
BASE = 4


@dataclass(frozen=True)
class Ceiling:
    """The ceiling of one list page."""

    queries: int
    fill: Callable[[int], list[Any]]


def fill_users(count: int) -> list[Any]:
    """Make users."""
    from core.models import User

    start = User.objects.count()
    User.objects.bulk_create([User(username=f"user{start + number}", role="support") for number in range(count)])
    return []


def fill_accesses(count: int) -> list[Any]:
    """Make accesses."""
    from systemlog.models import AccessEntry

    AccessEntry.objects.bulk_create(
        AccessEntry(at=timezone.now(), method="GET", path=f"/{number}/", status=200, result="ok", duration_ms=3)
        for number in range(count)
    )
    return []


def fill_user_accesses(count: int) -> list[Any]:
    """Make accesses of one user, and return the user."""
    from core.models import User
    from systemlog.models import AccessEntry

    user, _ = User.objects.get_or_create(username="walker", defaults={"role": "support"})
    fill_accesses(count)
    AccessEntry.objects.update(user_id=user.pk)
    return [user.pk]


def fill_switches(count: int) -> list[Any]:
    """Make switches."""
    from systemlog.models import Switch

    start = Switch.objects.count()
    Switch.objects.bulk_create(Switch(name=f"switch{start + number}") for number in range(count))
    return []


def fill_log(count: int) -> list[Any]:
    """Make log entries about a carrier."""
    from systemlog.models import LogEntry

    refs = [{"kind": kind, "id": 1, "label": f"{kind} 1"} for kind in ("carrier", "did", "account", "alias")]
    LogEntry.objects.bulk_create(
        LogEntry(at=timezone.now(), category="call", severity="info", message=f"Call {number}", refs=refs)
        for number in range(count)
    )
    return []


def fill_dead_letters(count: int) -> list[Any]:
    """Make dead letters."""
    from systemlog.models import DeadLetter

    DeadLetter.objects.bulk_create(DeadLetter(event_id=f"x{n}", body="{}", error="ValueError") for n in range(count))
    return []


def fill_cdrs(count: int) -> list[Any]:
    """Make CDRs of all outcomes."""
    import uuid

    from cdr.models import CDR

    CDR.objects.bulk_create(
        CDR(
            attempt_id=uuid.uuid4(), started_at=timezone.now(), ended_at=timezone.now(), switch="sw1",
            reason="did_unknown", carrier_id=1, carrier_label="Acme", did_id=1, did_label="+442079460018",
            account_id=1, account_label="Main", alias_id=1, alias_label="desk-101",
        )
        for _ in range(count)
    )  # fmt: skip
    return []


def fill_reports(count: int) -> list[Any]:
    """Make a rolled-up day of calls and money for each of so many carriers."""
    from cdr.reports.models import MoneyDay, TrafficDay
    from core.business_time import today

    start = TrafficDay.objects.count()
    parties = range(start + 1, start + 1 + count)
    TrafficDay.objects.bulk_create(
        TrafficDay(
            day=today(), carrier_id=n, did_id=n, attempts=9, seizures=8, answered=7, effective=8, rang=8, talk_us=10**9,
            pdd_us=10**6,
        )
        for n in parties
    )  # fmt: skip
    MoneyDay.objects.bulk_create(
        MoneyDay(
            day=today(), carrier_id=n, did_id=n, kind="account", currency="USD", entries=7, charged_seconds=99, amount=n
        )
        for n in parties
    )  # fmt: skip
    return []


def fill_jobs(count: int) -> list[Any]:
    """Make bulk changes."""
    from core.jobs.models import Job
    from core.models import User

    user, _ = User.objects.get_or_create(username="importer", defaults={"role": "operator"})
    Job.objects.bulk_create(Job(kind="dids", source=f"{n}.csv", created_by=user) for n in range(count))
    return []


def fill_templates(count: int) -> list[Any]:
    """Make column templates."""
    from core.jobs.models import ColumnTemplate
    from core.models import User

    user, _ = User.objects.get_or_create(username="importer", defaults={"role": "operator"})
    start = ColumnTemplate.objects.count()
    ColumnTemplate.objects.bulk_create(
        ColumnTemplate(kind="rates", name=f"template {start + n}", columns={"code": {"word": "Dial", "at": n}},
                       created_by=user)
        for n in range(count)
    )  # fmt: skip
    return []


def fill_job_lines(count: int) -> list[Any]:
    """Make the lines of one bulk change, each with a carrier and an alias to name."""
    from core.jobs.models import Job, Line
    from tests import inventory_fill as inventory

    if not Job.objects.exists():
        fill_jobs(1)
    job = Job.objects.latest("pk")
    Job.objects.filter(pk=job.pk).update(state="preview", counts={"changed": count})
    start = job.lines.count()
    after = {"carrier_id": inventory._carrier().pk, "alias_id": inventory._alias().pk}
    Line.objects.bulk_create(
        Line(job=job, line=start + n, outcome="changed", key=f"+44{n}", before={"alias_id": None}, after=after)
        for n in range(1, count + 1)
    )
    return [job.pk]


def fill_mail(count: int) -> list[Any]:
    """Make outgoing messages."""
    from systemlog.mail.models import OutgoingMail

    start = OutgoingMail.objects.count()
    OutgoingMail.objects.bulk_create(
        OutgoingMail(key=str(start + n), to="a@example.net", subject=f"Invoice {n}", body="…") for n in range(count)
    )
    return []


def fill_differences(count: int) -> list[Any]:
    """Make differences of the ledger, each of a balance with an owner."""
    from billing.models import LedgerCheck, LedgerDifference
    from tests import inventory_fill as inventory

    run, _ = LedgerCheck.objects.get_or_create(
        found=1, defaults={"at": timezone.now(), "seconds": 1, "balances": 1, "entries": 1}
    )
    balance = inventory._account().balance_id
    LedgerDifference.objects.bulk_create(
        LedgerDifference(check_run=run, words=f"Balance {n}", balance_id=balance, attempt_id=uuid.uuid4())
        for n in range(count)
    )
    return []


def fill_invoices(count: int) -> list[Any]:
    """Make drafts of one account's invoices."""
    import datetime as dt

    from cdr.invoices.models import Invoice
    from tests import inventory_fill as inventory

    account, start = inventory._account(), Invoice.objects.count()
    at = timezone.now()
    Invoice.objects.bulk_create(
        Invoice(
            account=account, client=account.client, currency="USD", starts_at=at, ends_at=at + dt.timedelta(days=1),
            first_day=at.date() - dt.timedelta(days=start + number), last_day=at.date(),
        )
        for number in range(count)
    )  # fmt: skip
    return []


def fill_invoice_lines(count: int) -> list[Any]:
    """Make lines of one invoice that each bill an entry."""
    from cdr.invoices.models import Invoice, InvoicedEntry, InvoiceLine
    from tests import inventory_fill as inventory

    if not Invoice.objects.exists():
        fill_invoices(1)
    invoice = Invoice.objects.earliest("pk")
    start = invoice.lines.count()
    lines = InvoiceLine.objects.bulk_create(
        InvoiceLine(invoice=invoice, position=start + number, kind="other", description="x", amount=1)
        for number in range(1, count + 1)
    )
    inventory._entries(invoice.account.balance, count)
    entries = invoice.account.balance.entries.filter(billed=None)
    InvoicedEntry.objects.bulk_create(
        InvoicedEntry(entry=entry, line=line) for entry, line in zip(entries, lines, strict=True)
    )
    return [invoice.pk]


def fill_runs(count: int) -> list[Any]:
    """Make runs of invoices."""
    import datetime as dt

    from cdr.invoices.models import InvoiceRun
    from core.models import User

    user, _ = User.objects.get_or_create(username="biller", defaults={"role": "operator"})
    day = dt.date(2026, 10, 1)
    InvoiceRun.objects.bulk_create(InvoiceRun(first_day=day, last_day=day, created_by=user) for _ in range(count))
    return []


def fill_run_accounts(count: int) -> list[Any]:
    """Make accounts of one run, each with an invoice."""
    from accounts.models import Account
    from cdr.invoices.models import Invoice, InvoiceRun, RunAccount
    from tests import inventory_fill as inventory

    if not InvoiceRun.objects.exists():
        fill_runs(1)
        fill_invoices(1)
    run, invoice = InvoiceRun.objects.earliest("pk"), Invoice.objects.earliest("pk")
    inventory.fill_accounts(count)
    RunAccount.objects.bulk_create(
        RunAccount(
            run=run, account=account, invoice=invoice, currency="USD", entries=1, lines_sum=1, net=1, tax=0, gross=1
        )
        for account in Account.objects.exclude(pk__in=run.accounts.values("account")).order_by("-pk")[:count]
    )
    return [run.pk]


def fill_account_invoices(count: int) -> list[Any]:
    """Make invoices of one account, and return it."""
    from tests import inventory_fill as inventory

    fill_invoices(count)
    return [inventory._account().pk]


def fill_client_invoices(count: int) -> list[Any]:
    """Make invoices of one client, and return it."""
    from tests import inventory_fill as inventory

    fill_invoices(count)
    return [inventory._account().client_id]


CEILINGS: dict[str, Ceiling] = {
    "jobs:job_list": Ceiling(BASE, fill_jobs),
    "jobs:columntemplate_list": Ceiling(BASE, fill_templates),
    # The names of carriers and aliases, and what the file was chosen with.
    "jobs:job_detail": Ceiling(8, fill_job_lines),
    "core:user_list": Ceiling(BASE, fill_users),
    "core:user_access": Ceiling(BASE, fill_user_accesses),
    "syslog:accessentry_list": Ceiling(3, fill_accesses),
    # The tail's cursor takes two more: the newest id, and those committed lately.
    "syslog:logentry_list": Ceiling(5, fill_log),
    "syslog:deadletter_list": Ceiling(BASE, fill_dead_letters),
    "invoices:invoice_list": Ceiling(BASE, fill_invoices),
    "invoices:invoice_lines": Ceiling(6, fill_invoice_lines),
    "invoices:invoice_charges": Ceiling(5, fill_invoice_lines),
    "invoices:invoicerun_list": Ceiling(BASE, fill_runs),
    # Its totals and its progress.
    "invoices:invoicerun_detail": Ceiling(8, fill_run_accounts),
    # The object, one count per tab, and the list's own.
    "accounts:account_invoices": Ceiling(10, fill_account_invoices),
    "accounts:client_invoices": Ceiling(6, fill_client_invoices),
    "billing:ledgercheck": Ceiling(BASE + 3, fill_differences),
    "mail:outgoingmail_list": Ceiling(3, fill_mail),
    "cdr:cdr_list": Ceiling(3, fill_cdrs),
    "syslog:switch_list": Ceiling(BASE, fill_switches),
    # Totals, what is still to be counted, and when those days were; traffic also asks for the top destinations.
    "reports:margin": Ceiling(BASE + 3, fill_reports),
    "reports:traffic": Ceiling(BASE + 4, fill_reports),
}


def about(kind: str, rows: str) -> Callable[[int], list[Any]]:
    """Return what makes CDRs or log entries of one carrier, account, alias or DID, and returns that object."""

    def fill(count: int) -> list[Any]:
        from cdr.models import CDR
        from dids.models import DID
        from systemlog.models import LogEntry
        from tests import inventory_fill as inventory

        if kind == "did":
            if not DID.objects.exists():
                inventory.fill_dids(1)
            subject = DID.objects.earliest("pk")
        else:
            subject = getattr(inventory, f"_{kind}")()
        if rows == "cdrs":
            fill_cdrs(count)
            CDR.objects.update(**{f"{kind}_id": subject.pk})
        else:
            fill_log(count)
            LogEntry.objects.update(refs=[{"kind": kind, "id": subject.pk, "label": str(subject)}])
        return [subject.pk]

    return fill


# On a page of another app: its object, one count per tab of that object, and the list's own; the log's tail two more.
CEILINGS |= {
    f"{page}_{rows}": Ceiling(queries, about(page.partition(":")[2].partition("_")[0], rows))
    for page in ("carriers:carrier", "accounts:account", "accounts:alias", "dids:did")
    for rows, queries in (("cdrs", 9), ("log", 11))
}
CEILINGS |= {name: Ceiling(queries, fill) for name, (queries, fill) in INVENTORY.items()}
