"""An ended call has its charged legs once, in any order of its events."""

import datetime as dt
import random
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from billing.choices import ProductKind
from billing.ledger import check_ledger, prove_balances
from billing.models import LedgerEntry, ProductMapping, Rate, RateTable
from billing.services import record_payment
from carriers.models import CarrierAccount
from cdr.models import CDR, ChargedLeg
from core.models import User
from dids.models import DID
from routing.store import snapshots
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import LogEntry, SeenEvent
from tests.calls import Call
from tests.inventory import a_carrier, a_product, a_user, an_account, an_address, an_alias, some_dids

pytestmark = pytest.mark.django_db


@pytest.fixture
def route() -> dict[str, int]:
    """A carrier with an address, and a DID that rings an alias of an account which pays 0.6 a minute."""
    actor: User = a_user()
    carrier = a_carrier(actor, is_did_provider=True)
    record_payment(actor=actor, balance=carrier.balance, amount=Decimal(10), idempotency_key="route")
    address: CarrierAccount = an_address(actor, carrier, "203.0.113.0/26")
    account: Account = an_account(actor)
    alias = an_alias(actor, account)
    [did] = some_dids(actor, carrier, "+442079460018")
    DID.objects.filter(pk=did.pk).update(alias=alias, state="mapped")
    account.product = a_product("USD", "0.6", ProductKind.ACCOUNT)
    account.save()
    # The versions' triggers run at commit, which a test's transaction never reaches.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    snapshots.forget()
    with snapshots.at() as config:
        version = config.version
    return {
        "version": version, "carrier_id": carrier.pk, "carrier_account_id": address.pk, "did_id": did.pk,
        "account_id": account.pk, "alias_id": alias.pk,
    }  # fmt: skip


def legs() -> list[tuple[str, str, int, Decimal, str]]:
    return list(
        ChargedLeg.objects.order_by("leg").values_list("leg", "product_label", "charged_seconds", "amount", "currency")
    )


def booked() -> list[tuple[str, Decimal]]:
    return list(LedgerEntry.objects.filter(kind="charge").order_by("id").values_list("leg", "amount"))


def test_both_legs_are_recorded_with_the_rate_that_was_used(route: dict[str, int]) -> None:
    take_in([event_of(event) for event in Call().answered(**route)])
    account, carrier = legs()
    assert carrier == ("carrier", "free inbound", 36, Decimal(0), "USD")
    assert (account[0], account[2], account[3]) == ("account", 36, Decimal("0.36"))
    leg = ChargedLeg.objects.get(leg="account")
    assert (leg.rate["rate_minute"], leg.code) == ("0.600000", "")
    mapping = ProductMapping.objects.get(pk=leg.mapping_id)
    owner = Account.objects.get(pk=route["account_id"])
    assert (leg.balance_id, leg.product_id, mapping.product_id) == (owner.balance_id, owner.product_id, leg.product_id)
    assert (leg.rate_table_id, Rate.objects.get(pk=leg.rate_id).table_id) == (mapping.rate_table_id, leg.rate_table_id)
    assert leg.rate_version and leg.rate_version <= route["version"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(), st.integers(1, 5), st.integers(0, 3))
def test_any_order_cut_and_repeat_charges_once(
    route: dict[str, int], shuffle: random.Random, size: int, repeats: int
) -> None:
    for model in (ChargedLeg, CDR, SeenEvent, LogEntry):
        model._default_manager.all().delete()
    before = booked()
    told = Call().answered(**route)
    told += [shuffle.choice(told) for _ in range(repeats)]
    shuffle.shuffle(told)
    for start in range(0, len(told), size):
        take_in([event_of(event) for event in told[start : start + size]])
    assert [(leg[0], leg[2], leg[3]) for leg in legs()] == [
        ("account", 36, Decimal("0.36")),
        ("carrier", 36, Decimal(0)),
    ]
    assert booked() == [*before, ("account", Decimal("-0.36"))]
    assert not list(prove_balances())
    assert CDR.objects.get().reason == "completed"
    assert LogEntry.objects.filter(category="call").count() == 4


def test_a_later_price_does_not_touch_a_call_that_began_before(route: dict[str, int]) -> None:
    call = Call()
    *before, end = call.answered(**route)
    take_in([event_of(event) for event in before])
    account = Account.objects.get(pk=route["account_id"])
    account.product = a_product("USD", "6.0", ProductKind.ACCOUNT)
    account.save()
    take_in([event_of(end)])
    assert ChargedLeg.objects.get(leg="account").amount == Decimal("0.36")


def test_what_a_call_was_charged_by_may_go_and_its_charge_stays(route: dict[str, int], operator_page: Browser) -> None:
    """Rate and mapping deleted, product taken away, table renamed: leg, entry, CDR and proof are what they were."""
    call = Call()
    take_in([event_of(event) for event in call.answered(**route)])
    before = ChargedLeg.objects.values().get(leg="account")
    page = reverse("cdr:cdr_detail", args=[call.attempt])
    assert before["rate_table_label"] in operator_page.get(page).content.decode()
    Account.objects.filter(pk=route["account_id"]).update(product=None)
    ProductMapping.objects.filter(pk=before["mapping_id"]).delete()
    Rate.objects.filter(pk=before["rate_id"]).delete()
    RateTable.objects.filter(pk=before["rate_table_id"]).update(name="renamed")
    take_in([event_of(event) for event in call.answered(**route)])
    assert ChargedLeg.objects.values().get(leg="account") == before
    text = operator_page.get(page).content.decode()
    assert before["rate_table_label"] in text and before["product_label"] in text
    assert booked() == [("account", Decimal("-0.36"))]
    assert not check_ledger()


@pytest.mark.parametrize("reason", ["no_answer", "did_unknown"])
def test_what_nobody_answered_costs_nothing(route: dict[str, int], reason: str) -> None:
    call = Call()
    end = call.end(reason, 20, sip=408, answered=None)
    take_in([event_of(event) for event in (call.attempt_event(), call.decision(**route), end)])
    assert legs() == []


def test_a_lost_call_that_ends_after_all_is_charged_anew(route: dict[str, int]) -> None:
    from cdr.lost_calls import close_lost

    call = Call(started=CALL_LONG_AGO)
    *before, end = call.answered(**route)
    take_in([event_of(event) for event in before])
    close_lost(dt.datetime.now(dt.UTC))
    assert ChargedLeg.objects.get(leg="account").charged_seconds == 0
    assert not booked()
    take_in([event_of(end)])
    assert ChargedLeg.objects.get(leg="account").amount == Decimal("0.36")
    assert booked() == [("account", Decimal("-0.36"))]


CALL_LONG_AGO = dt.datetime.now(dt.UTC).timestamp() - 6 * 3600
