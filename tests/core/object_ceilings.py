"""How many queries each tab of an object's page may ask, and how to fill it: the committed ceilings.

Tabs that are lists stand in ``query_ceilings``; here are all others (the test fails for one that is missing), since
most of them list rows too: a statement, a history, what is held for calls, a timeline, refunds. Lower a ceiling when a
page gets better; raise one only with a reason in the commit.
"""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from core.history import acting
from tests import inventory_fill as inventory
from tests.core.query_ceilings import fill_dead_letters, fill_mail

Fill = Callable[[int], list[Any]]


@dataclass(frozen=True)
class PageCeiling:
    """The ceiling of one tab; ``lists`` tells whether it shows the rows that fill makes, ``asking`` is its query."""

    queries: int
    fill: Fill
    lists: bool = True
    asking: str = ""


def _users(count: int) -> list[Any]:
    from core.models import User

    start = User.objects.count()
    return [User.objects.create(username=f"hand{start + number}", role="operator") for number in range(count)]


def _hold(balance: Any, count: int) -> None:
    """Hold money for calls that last."""
    from billing.metering.models import MeteredCall
    from billing.models import Reservation

    now = timezone.now()
    for _ in range(count):
        attempt = uuid.uuid4()
        MeteredCall.objects.create(attempt_id=attempt, switch="sw1", started_at=now, max_seconds=60, answered_at=now)
        Reservation.objects.create(attempt_id=attempt, balance=balance, leg="account", amount=1, created_at=now)
    type(balance).objects.filter(pk=balance.pk).update(reserved=balance.reservations.count())


def _move(balance: Any, count: int) -> None:
    """Book payments of several people, and charges of several calls."""
    from billing.models import LedgerEntry

    inventory._entries(balance, count)
    now, users = timezone.now(), _users(count)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            balance=balance, kind=kind, amount=-1, balance_after=1, idempotency_key=str(uuid.uuid4()), at=now,
            note="x", actor=user if kind == "adjustment" else None,
            **({"attempt_id": uuid.uuid4(), "started_at": now, "leg": "account"} if kind == "charge" else {}),
        )
        for user in users
        for kind in ("charge", "adjustment")
    )  # fmt: skip


def fill_carrier(count: int) -> list[Any]:
    carrier = inventory._carrier()
    inventory.fill_addresses(count)
    inventory.fill_carrier_dids(count)
    _hold(carrier.balance, count)
    _move(carrier.balance, count)
    return [carrier.pk]


def fill_account(count: int) -> list[Any]:
    account = inventory._account()
    inventory.fill_account_dids(count)
    inventory.fill_account_aliases(count)
    _hold(account.balance, count)
    _move(account.balance, count)
    return [account.pk]


def fill_client(count: int) -> list[Any]:
    inventory.fill_client_accounts(count)
    return [fill_account(count) and inventory._account().client_id]


def fill_alias(count: int) -> list[Any]:
    inventory.fill_alias_dids(count)
    inventory.fill_registrations(count)
    return [inventory._alias().pk]


def fill_address(count: int) -> list[Any]:
    from carriers.models import CarrierAccount

    inventory.fill_addresses(count)
    return [CarrierAccount.objects.earliest("pk").pk]


def _did() -> Any:
    from dids.models import DID

    if not DID.objects.exists():
        inventory.fill_dids(1)
    return DID.objects.earliest("pk")


def fill_did(count: int) -> list[Any]:
    """Change a number so many times, each by another person and to another alias, and charge its rental as often."""
    from accounts.models import Alias
    from dids.models import DID
    from dids.rentals.models import RentalCharge, RentalTerm

    did, account = _did(), inventory._account()
    inventory.fill_aliases(count)
    for user, alias in zip(_users(count), Alias.objects.order_by("-pk")[:count], strict=True):
        with acting(user):
            DID.objects.filter(pk=did.pk).update(alias=alias, sold_plan=inventory._plan("sold"))
    term, at = RentalTerm.objects.filter(did=did).earliest("pk"), timezone.now()
    start = RentalCharge.objects.count()
    RentalCharge.objects.bulk_create(
        RentalCharge(
            term=term, did=did, number=did.number, side="sold", account=account, balance=account.balance, kind="month",
            first=dt.date(2000, 1, 1) + dt.timedelta(days=start + number), last=dt.date(2000, 1, 1), days=1, of_days=31,
            plan=inventory._plan("sold"), plan_name="x", fee=1, amount=1, currency="USD", due_at=at,
        )
        for number in range(count)
    )  # fmt: skip
    return [did.pk]


def fill_traced(kind: str) -> Fill:
    """Return what makes traced calls of an alias or a DID, with their messages."""

    def fill(count: int) -> list[Any]:
        from cdr.models import CDR

        subject = _did() if kind == "did" else inventory._alias()
        for _ in range(count):
            record = _call(3)
            CDR.objects.filter(pk=record.pk).update(**{f"{kind}_id": subject.pk})
        return [subject.pk]

    return fill


def _call(count: int, record: Any = None) -> Any:
    """Return a traced call with so many more messages and lines in the System Log."""
    from cdr.models import CDR, SipMessage
    from systemlog.models import LogEntry

    now = timezone.now()
    record = record or CDR.objects.create(
        attempt_id=uuid.uuid4(), started_at=now, answered_at=now, ended_at=now, switch="sw1", reason="completed",
        traced=True,
    )  # fmt: skip
    start = SipMessage.objects.filter(attempt_id=record.attempt_id).count()
    SipMessage.objects.bulk_create(
        SipMessage(
            at=now, attempt_id=record.attempt_id, sequence=start + number, direction="in", src=f"192.0.2.{number}:5060",
            dst="198.51.100.1:5060", transport="udp", message="OPTIONS sip:x SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n",
        )
        for number in range(count)
    )  # fmt: skip
    refs = [{"kind": kind, "id": 1, "label": f"{kind} 1"} for kind in ("carrier", "did", "account", "alias")]
    LogEntry.objects.bulk_create(
        LogEntry(at=now, category="call", severity="info", message="x", refs=refs, attempt_id=record.attempt_id)
        for _ in range(count)
    )
    return record


def fill_call(count: int) -> list[Any]:
    """Make one call with many messages, log entries and charged legs, each of which is booked."""
    from billing.models import LedgerEntry
    from cdr.models import CDR, ChargedLeg

    record = _call(count, CDR.objects.first())
    balance, start = inventory._account().balance, ChargedLeg.objects.count()
    for number in range(start, start + count):
        leg = {"attempt_id": record.attempt_id, "started_at": record.started_at, "leg": f"leg {number}"}
        ChargedLeg.objects.create(
            **leg, balance_id=balance.pk, product_id=number, rate_table_id=number, rate={}, charged_seconds=1, amount=1,
            currency="USD",
        )  # fmt: skip
        LedgerEntry.objects.create(
            **leg, balance=balance, kind="charge", amount=-1, balance_after=0, idempotency_key=str(uuid.uuid4()),
            at=record.started_at,
        )  # fmt: skip
    return [record.pk]


def fill_refunds(count: int) -> list[Any]:
    """Refund one payment many times."""
    from billing.models import LedgerEntry

    balance = inventory._account().balance
    if not balance.entries.exists():
        inventory._entries(balance, 1)
    payment = balance.entries.earliest("pk")
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            balance=balance, kind="refund", amount=-1, balance_after=0, idempotency_key=str(uuid.uuid4()),
            at=timezone.now(), refund_of=payment, actor=user,
        )
        for user in _users(count)
    )  # fmt: skip
    return [payment.pk]


def fill_rate_history(count: int) -> list[Any]:
    """Change the codes of one table, each time by another person, all on one day."""
    from django.apps import apps

    from billing.models import Rate

    table = inventory._table()
    for code in ("", "4", "44", "442"):
        Rate.objects.get_or_create(table=table, code=code)
    for number, user in enumerate(_users(count), 1):
        with acting(user):
            Rate.objects.filter(table=table, code__in=("44", "442")).update(rate_minute=number)
    # One transaction's changes are of one instant, and only the last of an instant was ever in force.
    for event in apps.get_model("billing", "RateEvent")._default_manager.order_by("pgh_id"):
        at = dt.datetime(2026, 1, 5, tzinfo=dt.UTC) + dt.timedelta(seconds=event.pgh_id % 80_000)
        type(event).objects.filter(pk=event.pk).update(pgh_created_at=at)
    return [table.pk]


def fill_considered(count: int) -> list[Any]:
    """Make mappings of one product that all begin the same number."""
    from billing.models import Product, ProductMapping

    product, _ = Product.objects.get_or_create(name="Filled", defaults={"kind": "account"})
    start = product.mappings.count()
    ProductMapping.objects.bulk_create(
        ProductMapping(
            product=product, rate_table=inventory._table(), prefix="44",
            starts_at=timezone.now() - dt.timedelta(days=start + number),
        )
        for number in range(count)
    )  # fmt: skip
    return [product.pk]


def fill_plan_history(count: int) -> list[Any]:
    """Change one plan, each time by another person."""
    from dids.plans.models import RentalPlan

    plan = inventory._plan("sold")
    for number, user in enumerate(_users(count), 1):
        with acting(user):
            RentalPlan.objects.filter(pk=plan.pk).update(monthly_fee=number)
    inventory.fill_account_rentals(count)
    return [plan.pk]


def fill_invoice(count: int) -> list[Any]:
    """Make lines of one invoice."""
    from tests.core.query_ceilings import fill_invoice_lines

    return fill_invoice_lines(count)


def fill_user(count: int) -> list[Any]:
    """Make accesses of one user."""
    from tests.core.query_ceilings import fill_user_accesses

    return fill_user_accesses(count)


def newest(model: str, fill: Fill) -> Fill:
    """Return what fills a list, and returns its newest row."""

    def filled(count: int) -> list[Any]:
        from django.apps import apps

        fill(count)
        return [apps.get_model(model)._default_manager.latest("pk").pk]

    return filled


def fill_switch(count: int) -> list[Any]:
    """Make switches."""
    from tests.core.query_ceilings import fill_switches

    fill_switches(count)
    from systemlog.models import Switch

    return [Switch.objects.latest("pk").pk]


# Session, user, the object with its head, and one count per tab come to about eight.
PAGES: dict[str, PageCeiling] = {
    "core:user_detail": PageCeiling(3, fill_user, lists=False),
    "invoices:invoice_detail": PageCeiling(7, fill_invoice),
    "mail:outgoingmail_detail": PageCeiling(3, newest("mail.outgoingmail", fill_mail), lists=False),
    "syslog:switch_detail": PageCeiling(3, fill_switch, lists=False),
    "syslog:deadletter_detail": PageCeiling(3, newest("syslog.deadletter", fill_dead_letters), lists=False),
    "cdr:cdr_detail": PageCeiling(8, fill_call),
    "carriers:carrier_detail": PageCeiling(10, fill_carrier),
    "carriers:carrier_statement": PageCeiling(9, fill_carrier),
    "carriers:carrieraccount_add": PageCeiling(6, fill_carrier, lists=False),
    "carriers:carrieraccount_paste": PageCeiling(6, fill_carrier, lists=False),
    "carriers:carrieraccount_detail": PageCeiling(5, fill_address, lists=False),
    "accounts:client_detail": PageCeiling(4, fill_client, lists=False),
    "accounts:account_detail": PageCeiling(10, fill_account),
    "accounts:account_statement": PageCeiling(9, fill_account),
    "accounts:alias_add": PageCeiling(3, fill_account, lists=False),
    "accounts:alias_detail": PageCeiling(6, fill_alias),
    "accounts:alias_trace": PageCeiling(8, fill_traced("alias")),
    "dids:did_detail": PageCeiling(7, fill_did, lists=False),
    "dids:did_history": PageCeiling(9, fill_did),
    "dids:did_rental": PageCeiling(7, fill_did),
    "dids:did_readiness": PageCeiling(7, fill_did, lists=False),
    "dids:did_trace": PageCeiling(7, fill_traced("did")),
    "dids:carrierdid_add": PageCeiling(4, fill_carrier, lists=False),
    "dids:carrierdid_paste": PageCeiling(4, fill_carrier, lists=False),
    "rental_plans:rentalplan_detail": PageCeiling(5, fill_plan_history, lists=False),
    "rental_plans:rentalplan_history": PageCeiling(5, fill_plan_history),
    "billing:ledgerentry_detail": PageCeiling(4, fill_refunds),
    "billing:product_price": PageCeiling(6, fill_considered, asking="?number=442079460018"),
    "billing:productmapping_add": PageCeiling(4, inventory.fill_mappings, lists=False),
    "billing:ratetable_day": PageCeiling(8, fill_rate_history, asking="?code=442079460018&day=2026-01-05"),
    "billing:rate_add": PageCeiling(3, inventory.fill_rates, lists=False),
}
