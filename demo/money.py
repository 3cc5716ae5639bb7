"""What the demo's operator does about money: own prices, rentals, invoices, and who pays when."""

import datetime as dt
from decimal import Decimal

from accounts.models import Account, Client
from accounts.services import update_client
from billing.models import Product, ProductMapping, Rate, RateTable
from billing.pricing import save_mapping, save_product, save_rate, save_rate_table
from billing.seller.services import change_billing_settings
from billing.services import record_payment, record_refund
from carriers.models import Carrier
from cdr.invoices.issuing import draft_invoice, issue_invoice
from core.business_time import DAY, day_start, month_of, next_month
from core.models import User
from demo.cast import HOTLINE_ACCOUNT, NORTHGATE, PRODUCTS, UK_INBOUND, Rates
from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.plans.services import save_plan
from dids.prices import save_did_price
from dids.rentals.billing import book_charges, make_due
from dids.rentals.dunning import follow_payments

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
GEOGRAPHIC, FREEPHONE_NUMBER, NORTHGATE_NUMBER = "Geographic number", "Freephone number", "Northgate geographic"
# Who rents which number by which plan; the bakery has not paid for its one.
RENTED = {
    "442079460010": GEOGRAPHIC,
    "442079460011": GEOGRAPHIC,
    "442079460012": GEOGRAPHIC,
    "442079460015": GEOGRAPHIC,
    "442079460018": GEOGRAPHIC,
    "13125550113": GEOGRAPHIC,
    "448081570300": FREEPHONE_NUMBER,
}
OWN_PRICE = "442079460011"
INVOICED = (("Harbour & Finch Solicitors", "Main office"), ("Copperfield Logistics", "Dispatch"))
# A caller's first minute and a breath on the hotline; then its funds are at an end. A demo that lives faster pays less,
# but for more than is reserved at first.
HOTLINE_FUNDS, LEAST_FUNDS = Decimal("1.26"), Decimal("0.30")


def enter_products(admin: User, first_call: dt.datetime) -> None:
    """Enter products with their rate tables, and a price that takes over with the next month."""
    for name, kind, currency, free_seconds, rates in PRODUCTS:
        product = save_product(actor=admin, product=Product(name=name, kind=kind, free_seconds=free_seconds))
        table = _rate_table(admin, name, currency, rates)
        save_mapping(actor=admin, mapping=ProductMapping(product=product, rate_table=table, starts_at=LONG_AGO))
        if name == UK_INBOUND:
            dearer = tuple((*rate[:2], "0.0045", *rate[3:]) for rate in rates)
            later = _rate_table(admin, f"{name}, new prices", currency, dearer)
            starts = day_start(next_month(month_of(first_call + dt.timedelta(days=20))))
            save_mapping(actor=admin, mapping=ProductMapping(product=product, rate_table=later, starts_at=starts))


def _rate_table(actor: User, name: str, currency: str, rates: Rates) -> RateTable:
    table = save_rate_table(actor=actor, table=RateTable(name=name, currency=currency))
    for code, words, minute, call, increment, enabled in rates:
        rate = Rate(table=table, code=code, description=words, increment=increment, enabled=enabled)
        rate.rate_minute, rate.rate_call = Decimal(minute), Decimal(call)
        save_rate(actor=actor, rate=rate)
    return table


def enter_plans(admin: User) -> None:
    """Enter who we are, and what numbers cost by the month."""
    change_billing_settings(
        actor=admin,
        name="Brightwater Telecom Ltd",
        address="14 Invented Street\nBristol BS1 0XX\nUnited Kingdom",
        tax_id="GB 000 0000 00",
        footer="Brightwater Telecom Ltd is invented, and so is this invoice.",
        tax_rate=Decimal(20),
        payment_terms="By bank transfer within 14 days, with the invoice's number.",
    )
    for name, side, setup, monthly in (
        (GEOGRAPHIC, RentalSide.SOLD, "5", "2.50"),
        (FREEPHONE_NUMBER, RentalSide.SOLD, "10", "8"),
        (NORTHGATE_NUMBER, RentalSide.BOUGHT, "0", "0.40"),
    ):
        plan = RentalPlan(name=name, side=side, currency="GBP", setup_fee=Decimal(setup), monthly_fee=Decimal(monthly))
        save_plan(actor=admin, plan=plan)


def default_for(admin: User, carrier: Carrier) -> None:
    """Let Northgate's new numbers be bought by its plan."""
    if carrier.name == NORTHGATE:
        plan = RentalPlan.objects.get(name=NORTHGATE_NUMBER)
        plan.is_default, plan.carrier = True, carrier
        save_plan(actor=admin, plan=plan)


def plan_of(number: str) -> RentalPlan | None:
    """Return the plan by which a number is rented, if it is."""
    return RentalPlan.objects.get(name=RENTED[number]) if number in RENTED else None


def enter_own_price(operator: User) -> None:
    """Give one number a price of its own, with half an hour free each month."""
    save_did_price(
        actor=operator,
        did=DID.objects.get(number=OWN_PRICE),
        currency="GBP",
        rate_minute=Decimal("0.012"),
        free_seconds=1800,
    )


def enter_addresses(operator: User) -> None:
    """Write down where invoices go."""
    for client in Client.objects.all():
        street = 3 + len(client.name)
        address = f"{street} Example Road\nBristol BS2 0XX\nUnited Kingdom"
        update_client(actor=operator, client=client, billing_address=address)


def bill_rentals() -> None:
    """Do what beat does each half minute, at this time."""
    make_due()
    book_charges()
    follow_payments()


def invoice_last_month(operator: User, at: dt.datetime) -> None:
    """Issue last month's invoices, and take in the payment of the first."""
    last = month_of(at) - DAY
    for number, (client, account) in enumerate(INVOICED):
        holder = Account.objects.get(client__name=client, name=account)
        draft = draft_invoice(actor=operator, account=holder, first_day=last.replace(day=1), last_day=last)
        invoice = issue_invoice(actor=operator, invoice=draft)
        if not number:
            record_payment(
                actor=operator,
                balance=holder.balance,
                amount=max(invoice.gross, Decimal("0.01")),
                idempotency_key="demo-invoice",
                note=f"Bank transfer for {invoice.number}",
            )


def refund_overpaid(admin: User) -> None:
    """Give back what a client paid twice."""
    helpdesk = Account.objects.get(name="Helpdesk").balance
    twice = record_payment(
        actor=admin, balance=helpdesk, amount=Decimal(15), idempotency_key="demo-twice", note="Card payment"
    )
    record_refund(
        actor=admin, payment=twice, amount=Decimal(15), idempotency_key="demo-twice", note="The card was charged twice"
    )


def top_up_hotline(pace: float) -> bool:
    """Pay so much into the prepaid hotline that a call to it lasts a good minute; return False while one is up."""
    balance = Account.objects.select_related("balance").get(name=HOTLINE_ACCOUNT).balance
    if balance.reserved:
        # What is paid now would only prolong that call.
        return False
    wanted = max(LEAST_FUNDS, (HOTLINE_FUNDS / Decimal(pace)).quantize(Decimal("0.01")))
    missing = wanted - balance.amount - balance.credit_limit
    if missing > 0:
        record_payment(
            actor=User.objects.get(username="operator"),
            balance=balance,
            amount=missing,
            idempotency_key=f"demo-hotline-{balance.entries.count()}",
            note="Top-up by card",
        )
    return True
