"""The first page of a new portal: each step of the guide ticks when it is so, and leads to the page that does it."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Registration
from billing.services import record_payment
from carriers.services import update_carrier
from cdr.first_steps import are_over, first_steps
from cdr.models import CDR
from core.models import User
from dids.services import map_dids
from systemlog.events import event_of
from systemlog.intake import take_in
from tests.calls import Call
from tests.inventory import a_carrier, an_account, an_address, an_alias, some_dids

TITLES = [
    "Add the carrier that provides your DID numbers",
    "Check “Carrier is DID provider”",
    "Give it some credit (a few units)",
    "List the IP addresses it calls from",
    "Add its DID numbers",
    "Add a client's account with an alias",
    "Map a DID number to the alias",
    "Register a phone",
    "Make a test call",
]


def take(events: list[dict[str, Any]]) -> None:
    assert not take_in([event_of(event) for event in events]).failed


@pytest.mark.django_db
def test_each_step_ticks_when_it_is_so_and_its_button_opens_its_page(operator: User, operator_page: Client) -> None:
    """The guide from its first to its last step, by the services that its pages call."""
    made: dict[str, Any] = {}

    def do_carrier() -> None:
        made["carrier"] = a_carrier(operator)

    def do_provider() -> None:
        update_carrier(actor=operator, carrier=made["carrier"], is_did_provider=True)

    def do_credit() -> None:
        record_payment(actor=operator, balance=made["carrier"].balance, amount=Decimal(5), idempotency_key="k")

    def do_address() -> None:
        an_address(operator, made["carrier"], "203.0.113.5/32")

    def do_numbers() -> None:
        [made["did"]] = some_dids(operator, made["carrier"], "+442079460018")

    def do_alias() -> None:
        made["alias"] = an_alias(operator, an_account(operator))

    def do_mapping() -> None:
        alias = made["alias"]
        map_dids(actor=operator, did_ids=[made["did"].pk], alias=alias, account=alias.account)

    def do_phone() -> None:
        now = timezone.now()
        Registration.objects.create(
            alias=made["alias"], switch="sw1", contact="sip:a@h", registered_at=now, refreshed_at=now,
            expires_at=now + dt.timedelta(hours=1),
        )  # fmt: skip

    def do_call() -> None:
        take(Call().answered())

    deeds: list[Callable[[], None]] = [
        do_carrier, do_provider, do_credit, do_address, do_numbers, do_alias, do_mapping, do_phone, do_call,
    ]  # fmt: skip
    for done, (title, deed) in enumerate(zip(TITLES, deeds, strict=True)):
        listed = first_steps()
        assert [step.title for step in listed.steps] == TITLES
        assert [step.done for step in listed.steps] == [index < done for index in range(len(TITLES))]
        assert listed.next is not None
        assert listed.next.title == title
        page = operator_page.get("/").content.decode()
        assert f'href="{listed.next.url}">{listed.next.action}</a>' in page
        assert operator_page.get(listed.next.url).status_code == 200
        deed()
    assert first_steps().next is None
    assert "Your first call has rung a phone" in operator_page.get("/").content.decode()


@pytest.mark.django_db
def test_a_tick_goes_when_it_is_no_longer_so(operator: User) -> None:
    carrier = a_carrier(operator, is_did_provider=True)
    assert first_steps().steps[1].done
    update_carrier(actor=operator, carrier=carrier, is_did_provider=False)
    assert not first_steps().steps[1].done


@pytest.mark.django_db
def test_the_first_call_refused_says_what_to_do(operator_page: Client) -> None:
    take(Call().refusal("source_not_listed", 403, 21, number=""))
    page = unescape(operator_page.get("/").content.decode())
    assert "The last call did not ring a phone" in page
    assert "Add the address, or its network with the box “subnet”, in the carrier's tab Accounts." in page
    assert CDR.objects.get().get_absolute_url() in page


@pytest.mark.django_db
def test_the_list_goes_by_itself_and_then_costs_one_query(support_page: Client) -> None:
    take(Call(started=timezone.now().timestamp() - 2 * 3600).answered())
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert are_over(timezone.now())
    assert len(asked) == 1
    assert "first-steps" not in support_page.get("/").content.decode()


@pytest.mark.django_db
def test_the_list_asks_few_queries(operator: User) -> None:
    an_alias(operator, an_account(operator))
    some_dids(operator, a_carrier(operator), "+442079460018")
    with CaptureQueriesContext(connection) as asked:
        first_steps()
    assert len(asked) <= 4


@pytest.mark.django_db
def test_who_may_only_read_sees_the_steps_without_buttons(support_page: Client) -> None:
    page = support_page.get("/").content.decode()
    assert TITLES[0] in page
    assert "/carriers/add/" not in page
    assert "An operator or administrator does these steps." in page


@pytest.mark.django_db
def test_a_reader_hides_the_list_and_brings_it_back(support_page: Client) -> None:
    assert support_page.get("/dashboard/first-steps/").status_code == 405
    support_page.post("/dashboard/first-steps/", {"show": "0"})
    page = support_page.get("/").content.decode()
    assert TITLES[0] not in page
    assert "Show the first steps again" in page
    support_page.post("/dashboard/first-steps/", {"show": "1"})
    assert TITLES[0] in support_page.get("/").content.decode()
