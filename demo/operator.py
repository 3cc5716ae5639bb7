"""What the demo's operator has done: everything of the cast entered through the product's services, at its time."""

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal

from django.contrib.auth.hashers import make_password

from accounts.choices import AccountState
from accounts.models import Account, Alias, Client
from accounts.services import create_account, create_alias, create_client, set_account_state, update_alias
from billing.models import Product
from billing.services import record_adjustment, record_payment
from carriers.models import Carrier, CarrierAccount
from carriers.networks import read_network
from carriers.services import create_carrier, save_carrier_account
from core.business_time import DAY, day_start, month_of, next_month
from core.choices import Role
from core.models import User
from core.preview import digest_of
from demo import money
from demo.cast import (
    DID_LIMITS,
    NORTHGATE,
    OFFICES,
    PROVIDERS,
    QUARANTINED,
    RETIRED,
    RINGS,
    SUSPENDED,
    UNUSED_ALIAS,
    Office,
    Provider,
)
from demo.past import as_of
from demo.state import State
from dids.bulk import add_dids, plan_list
from dids.models import DID
from dids.services import map_dids, retire_dids, suspend_dids, unmap_dids, update_did

# Shares of the past at which something was changed; calls after it are judged by another version.
RELEASED, CLEANED_UP, ENFORCED = 0.3, 0.55, 0.8
LOGINS = (("admin", Role.ADMINISTRATOR), ("operator", Role.OPERATOR), ("support", Role.SUPPORT))
Change = Callable[[User, User], None]


def hashed_passwords(state: State) -> dict[str, str]:
    """Return the logins' passwords as they are stored, where they are not yet; each takes half a second."""
    return {} if state.stages else {name: make_password(password) for name, password in state.logins.items()}


def build(state: State, passwords: Mapping[str, str]) -> None:
    """Enter everything, each stage once and in one transaction: a start cut short goes on where it stopped."""
    if state.stages == 0:
        with as_of(opening(state)):
            _begin(state, passwords)
        state.pass_stage()
    for number, (at, change) in enumerate(_changes(state), 1):
        if state.stages == number:
            admin, operator = User.objects.get(username="admin"), User.objects.get(username="operator")
            with as_of(at):
                change(admin, operator)
            state.pass_stage()


def opening(state: State) -> dt.datetime:
    """Return when the operator began: early in the month before its first call, so that a month could be invoiced."""
    first_call = state.begun - dt.timedelta(days=state.days, hours=2)
    last_month = month_of(first_call) - DAY
    return day_start(last_month.replace(day=5)) + dt.timedelta(hours=9)


def _changes(state: State) -> list[tuple[dt.datetime, Change]]:
    """Return what was done later, and when."""
    began = opening(state)
    month = day_start(next_month(month_of(began)))
    # A demo of less than a month begins on some day of it, perhaps the first.
    invoiced = min(month + dt.timedelta(hours=8), state.at(0) - dt.timedelta(minutes=1))
    return [
        (began + dt.timedelta(hours=1), lambda admin, operator: money.bill_rentals()),
        (max(invoiced, month), lambda admin, operator: _monthly(operator, max(invoiced, month))),
        (state.at(RELEASED), _release),
        (state.at(CLEANED_UP), _clean_up),
        (state.at(ENFORCED), _enforce),
    ]


def _monthly(operator: User, at: dt.datetime) -> None:
    money.invoice_last_month(operator, at)
    money.bill_rentals()


def _begin(state: State, passwords: Mapping[str, str]) -> None:
    for username, role in LOGINS:
        is_admin = role is Role.ADMINISTRATOR
        User.objects.create(
            username=username, password=passwords[username], role=role, is_superuser=is_admin, is_staff=is_admin
        )
    operator = User.objects.get(username="operator")
    admin = User.objects.get(username="admin")
    money.enter_products(admin, state.at(0))
    money.enter_plans(admin)
    for provider in PROVIDERS:
        _carrier(operator, provider)
    for office in OFFICES:
        _office(operator, office, state)
    # Only digests go into the database: written down before the commit, the secrets are never lost.
    state.save()
    _mappings(operator)
    money.enter_own_price(operator)
    money.enter_addresses(operator)


def _release(admin: User, operator: User) -> None:
    unmap_dids(actor=operator, did_ids=_ids(QUARANTINED), quarantine=True)
    retire_dids(actor=operator, did_ids=_ids(RETIRED))


def _clean_up(admin: User, operator: User) -> None:
    for old in CarrierAccount.objects.filter(network__in=("203.0.113.200/32", "127.0.30.200/32")):
        old.enabled = False
        save_carrier_account(actor=operator, account=old)
    van = Alias.objects.get(username=UNUSED_ALIAS)
    update_alias(actor=operator, alias=van, enabled=False, description=van.description)


def _carrier(actor: User, provider: Provider) -> None:
    carrier = create_carrier(
        actor=actor,
        name=provider.name,
        currency=provider.currency,
        is_did_provider=provider.is_did_provider,
        notes=provider.notes,
    )
    money.default_for(User.objects.get(username="admin"), carrier)
    if provider.payment:
        record_payment(
            actor=actor, balance=carrier.balance, amount=provider.payment, idempotency_key=f"demo-{provider.name}"
        )
    for address in provider.addresses:
        entry = CarrierAccount(
            carrier=carrier,
            network=read_network(address.network, subnet=True),
            product=Product.objects.get(name=address.product),
            tech_prefix=address.tech_prefix,
            default_region=address.default_region,
            call_limit=address.call_limit,
            enabled=address.enabled,
            description=address.description,
        )
        save_carrier_account(actor=actor, account=entry)
    if provider.numbers:
        plan = plan_list(carrier=carrier, text=provider.numbers, default_region="GB")
        add_dids(actor=actor, carrier=carrier, plan=plan, previewed=digest_of(plan))


def _office(actor: User, office: Office, state: State) -> None:
    client = Client.objects.filter(name=office.client).first() or create_client(
        actor=actor, name=office.client, email=office.email
    )
    account = create_account(
        actor=actor,
        client=client,
        name=office.account,
        currency="GBP",
        credit_limit=office.credit_limit,
        low_at=office.low_at,
        product=Product.objects.get(name=office.product) if office.product else None,
        call_limit=office.call_limit,
        max_call_seconds=office.max_call_seconds,
    )
    if office.payment:
        key = f"demo-{office.client}-{office.account}"
        record_payment(actor=actor, balance=account.balance, amount=office.payment, idempotency_key=key)
    for username, description in office.aliases:
        _, state.secrets[username] = create_alias(
            actor=actor, account=account, username=username, description=description
        )


def _mappings(actor: User) -> None:
    for number, username in RINGS.items():
        alias = Alias.objects.select_related("account").get(username=username)
        map_dids(
            actor=actor,
            did_ids=_ids(number),
            alias=alias,
            account=alias.account,
            sold_plan=money.plan_of(number),
        )
    for number, limit in DID_LIMITS.items():
        update_did(actor=actor, did=DID.objects.get(number=number), call_limit=limit)


def _enforce(admin: User, operator: User) -> None:
    """Suspend who did not pay, top up who did, correct what was wrong."""
    suspend_dids(actor=operator, did_ids=_ids(SUSPENDED))
    bakery = Account.objects.get(client__name="Willow Street Bakery")
    set_account_state(actor=operator, account=bakery, state=AccountState.SUSPENDED)
    northgate = Carrier.objects.get(name=NORTHGATE).balance
    record_payment(
        actor=operator, balance=northgate, amount=Decimal(50), idempotency_key="demo-top-up", note="Bank transfer 2291"
    )
    record_adjustment(
        actor=admin,
        balance=northgate,
        amount=Decimal("-0.84"),
        idempotency_key="demo-correction",
        note="Charged twice in October",
    )
    money.refund_overpaid(admin)
    dispatch = Account.objects.get(name="Dispatch").balance
    record_payment(
        actor=operator, balance=dispatch, amount=Decimal(40), idempotency_key="demo-dispatch", note="Card payment"
    )


def _ids(*numbers: str) -> list[int]:
    return list(DID.objects.filter(number__in=numbers).values_list("pk", flat=True))
