"""Carriers and their addresses: refused beside the field, naming the other entry, also when two operators race."""

import ipaddress
import threading
import time
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from billing.models import Balance
from billing.selectors import free_inbound_product
from billing.services import record_payment
from carriers.bulk import add_networks, plan_networks
from carriers.models import Carrier, CarrierAccount
from carriers.selectors import usual_region
from carriers.services import create_carrier, delete_carrier, save_carrier_account, update_carrier
from core.preview import Outcome, PreviewOutdated, digest_of
from tests.inventory import a_carrier, a_product, a_user, an_address, at_the_same_moment, some_dids

db = pytest.mark.django_db
racing = pytest.mark.django_db(transaction=True)


@db
def test_a_new_carrier_has_an_empty_balance_in_its_currency() -> None:
    carrier = create_carrier(actor=a_user(), name=" Acme ", currency="eur", credit_limit=Decimal(5))
    assert (carrier.name, carrier.balance.currency, carrier.balance.amount) == ("Acme", "EUR", 0)
    assert carrier.balance.in_credit


@db
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "Acme"}, "name"),
        ({"name": " "}, "name"),
        ({"currency": "EURO"}, None),
        ({"credit_limit": Decimal(-1)}, "credit_limit"),
    ],
)
def test_a_malformed_or_second_carrier_is_refused_and_leaves_no_balance(values: dict, field: str | None) -> None:
    actor = a_user()
    a_carrier(actor, "Acme")
    before = Balance.objects.count()
    with pytest.raises(ValidationError) as caught:
        create_carrier(actor=actor, **({"name": "Other", "currency": "USD"} | values))
    assert field is None or field in caught.value.error_dict
    assert Balance.objects.count() == before


@db
def test_a_change_is_put_down_to_who_made_it() -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    update_carrier(actor=actor, carrier=carrier, is_did_provider=True)
    created, updated = carrier.events.order_by("pgh_id")
    assert (created.pgh_label, created.is_did_provider) == ("insert", False)
    assert (updated.pgh_label, updated.is_did_provider) == ("update", True)
    assert updated.pgh_context.metadata["user"] == actor.pk


@db
def test_a_carrier_with_dids_or_a_ledger_is_kept_and_one_without_goes_with_its_addresses() -> None:
    actor = a_user()
    kept, gone = a_carrier(actor, "Kept"), a_carrier(actor, "Gone")
    some_dids(actor, kept, "+44 20 7946 0018")
    record_payment(actor=actor, balance=kept.balance, amount=Decimal(1), idempotency_key="a")
    an_address(actor, gone, "203.0.113.5")
    with pytest.raises(ValidationError, match="1 DID and 1 ledger entry: archive it instead"):
        delete_carrier(actor=actor, carrier=kept)
    delete_carrier(actor=actor, carrier=gone)
    assert list(Carrier.objects.all()) == [kept]
    assert not CarrierAccount.objects.exists()
    assert not Balance.objects.filter(pk=gone.balance_id).exists()


@db
def test_networks_of_one_carrier_may_nest_and_those_of_two_may_not_overlap() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    an_address(actor, acme, "203.0.113.0/24")
    an_address(actor, acme, "203.0.113.64/26")
    with pytest.raises(ValidationError) as caught:
        an_address(actor, other, "203.0.113.7")
    assert "Overlaps 203.0.113.0/24 of Acme" in caught.value.message_dict["network"][0]
    an_address(actor, other, "203.0.113.7", tech_prefix="1001#")
    with pytest.raises(ValidationError) as caught:
        an_address(actor, acme, "203.0.113.0/25", tech_prefix="1001#")
    assert "of Other with tech prefix 1001#" in caught.value.message_dict["network"][0]


@db
def test_a_duplicate_names_its_own_entry_and_an_edit_is_no_duplicate_of_itself() -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    entry = an_address(actor, carrier, "2001:db8::5")
    with pytest.raises(ValidationError, match="Acme already has 2001:db8::5"):
        an_address(actor, carrier, "2001:db8:0::5")
    entry.description = "SBC"
    save_carrier_account(actor=actor, account=entry)
    entry.network = ipaddress.ip_network("2001:db8::/64")
    save_carrier_account(actor=actor, account=entry)


@db
def test_a_product_in_another_currency_is_refused_beside_the_field() -> None:
    actor = a_user()
    with pytest.raises(ValidationError) as caught:
        an_address(actor, a_carrier(actor, currency="USD"), "203.0.113.5", product=a_product("EUR", "0.01"))
    assert "product" in caught.value.error_dict


@db
def test_an_overlap_that_only_the_database_saw_is_explained_in_the_same_words() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    an_address(actor, acme, "203.0.113.0/24")
    late = CarrierAccount(carrier=other, network=ipaddress.ip_network("203.0.113.7"), product=free_inbound_product())
    with pytest.MonkeyPatch.context() as patch:
        # As when the other entry is committed between the check and the insert.
        patch.setattr("carriers.services.check_account", lambda account: None)
        with pytest.raises(ValidationError) as caught:
            save_carrier_account(actor=actor, account=late)
    assert "Overlaps 203.0.113.0/24 of Acme" in caught.value.message_dict["network"][0]


@racing
def test_two_operators_cannot_race_past_the_overlap() -> None:
    actor = a_user()
    carriers = [a_carrier(actor, "Acme"), a_carrier(actor, "Other")]

    def add(carrier: Carrier, network: str) -> CarrierAccount:
        return an_address(actor, Carrier.objects.get(pk=carrier.pk), network)

    for octet in range(5):
        results = at_the_same_moment(
            lambda octet=octet: add(carriers[0], f"198.51.{octet}.0/24"),
            lambda octet=octet: add(carriers[1], f"198.51.{octet}.9"),
        )
        refused = [result for result in results if isinstance(result, ValidationError)]
        added = [result for result in results if isinstance(result, CarrierAccount)]
        assert (len(refused), len(added)) == (1, 1), results
        assert f"Overlaps 198.51.{octet}." in refused[0].message_dict["network"][0]
        assert added[0].carrier.name in refused[0].message_dict["network"][0]


@racing
def test_the_loser_waits_for_an_uncommitted_winner_and_is_told_its_name() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")

    def loser() -> object:
        return an_address(actor, Carrier.objects.get(pk=other.pk), "203.0.113.7")

    with transaction.atomic():
        CarrierAccount.objects.create(
            carrier=acme, network=ipaddress.ip_network("203.0.113.0/24"), product=free_inbound_product()
        )
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.extend(at_the_same_moment(loser)))
        thread.start()
        _wait_for_a_lock()
    thread.join(20)
    assert isinstance(results[0], ValidationError), results
    assert "Overlaps 203.0.113.0/24 of Acme" in results[0].message_dict["network"][0]


def _wait_for_a_lock() -> None:
    """Return once another connection waits for a lock; pg_stat_activity would be a cached copy in a transaction."""
    for _ in range(1500):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


@db
def test_a_pasted_list_does_exactly_what_its_preview_said() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    an_address(actor, acme, "203.0.113.5")
    an_address(actor, other, "198.51.100.0/24")
    text = "203.0.113.5\n203.0.113.0/26 London\n198.51.100.9\n203.0.113.0/26\nnonsense\n2001:db8::/48"
    plan = plan_networks(carrier=acme, text=text)
    assert [row.outcome for row in plan] == [
        Outcome.SAME, Outcome.ADD, Outcome.REFUSE, Outcome.SAME, Outcome.REFUSE, Outcome.ADD,
    ]  # fmt: skip
    assert "of Other" in plan[2].message
    assert "line 2" in plan[3].message
    added = add_networks(
        actor=actor, carrier=acme, text=text, product=free_inbound_product(), previewed=digest_of(plan)
    )
    assert [(str(entry.network), entry.description) for entry in added] == [
        ("203.0.113.0/26", "London"),
        ("2001:db8::/48", ""),
    ]
    again = plan_networks(carrier=acme, text=text)
    assert not [row for row in again if row.outcome.applies]


@db
def test_a_preview_that_no_longer_holds_changes_nothing_and_comes_back_renewed() -> None:
    actor = a_user()
    acme, other = a_carrier(actor, "Acme"), a_carrier(actor, "Other")
    text = "203.0.113.5\n203.0.113.6"
    previewed = digest_of(plan_networks(carrier=acme, text=text))
    an_address(actor, other, "203.0.113.6")
    with pytest.raises(PreviewOutdated) as caught:
        add_networks(actor=actor, carrier=acme, text=text, product=free_inbound_product(), previewed=previewed)
    assert [row.outcome for row in caught.value.plan] == [Outcome.ADD, Outcome.REFUSE]
    assert not acme.accounts.exists()


@db
def test_the_usual_region_is_the_one_all_addresses_share() -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    assert usual_region(carrier) == ""
    an_address(actor, carrier, "203.0.113.5", default_region="GB")
    an_address(actor, carrier, "203.0.113.6")
    assert usual_region(carrier) == "GB"
    an_address(actor, carrier, "203.0.113.7", default_region="LV")
    assert usual_region(carrier) == ""


@pytest.mark.django_db
def test_a_name_that_differs_in_capitals_alone_is_taken() -> None:
    actor = a_user()
    a_carrier(actor, "Acme Numbers")
    with pytest.raises(ValidationError, match="There is a carrier “Acme Numbers” already"):
        a_carrier(actor, "acme numbers")
