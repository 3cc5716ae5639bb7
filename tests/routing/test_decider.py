"""The decider answers, follows the database, and goes on answering without it."""

import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Account
from billing.choices import ProductKind
from billing.models import Reservation
from carriers.models import Carrier
from core.models import Heartbeat
from dids.models import DID
from routing.decider.follower import MANY_CHANGES
from routing.decider.netstring import encode
from routing.models import ConfigVersion, TraceRequest
from tests.inventory import a_carrier, a_product, a_user, an_account, an_address, an_alias, some_dids
from tests.routing.operator import a_call, a_mapped_did, give_credit
from tests.routing.processes import PATIENCE, DeciderProcess, HangingProxy, database_url, decider, eventually
from tests.timing import assert_quick

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

# What the operator is promised between commit and the next call; without a notification it takes twice as long.
IN_FORCE_SECONDS = 1.0


@pytest.fixture
def did() -> DID:
    return a_mapped_did()


@pytest.fixture
def running(did: DID, tmp_path: Path) -> Iterator[DeciderProcess]:
    """One decider that has connected."""
    with decider("decider-1", tmp_path) as process:
        yield process.ready()


@pytest.fixture
def proxy() -> Iterator[HangingProxy]:
    at = settings.DATABASES["default"]
    hanging = HangingProxy(str(at["HOST"] or "127.0.0.1"), int(at["PORT"] or 5432))
    yield hanging
    hanging.close()


def database_through(proxy: HangingProxy) -> str:
    return database_url(proxy.port)


def reason_becomes(process: DeciderProcess, reason: str) -> float:
    """Ask until the reason is this; return how long that took."""
    started = time.monotonic()
    eventually(lambda: process.switch.ask(a_call())["reason"] == reason)
    return time.monotonic() - started


def test_a_call_is_answered_with_its_route(did: DID, running: DeciderProcess) -> None:
    answer = running.switch.ask(a_call())
    assert (answer["op"], answer["accept"], answer["reason"], answer["label"]) == ("decision", 1, "accepted", "7")
    assert (answer["did_id"], answer["alias"], answer["decider"]) == (did.pk, "desk-101", "decider-1")
    assert answer["version"] == ConfigVersion.objects.latest("id").id
    assert (answer["limit_did"], answer["trace"]) == (-1, 0)


def test_a_committed_change_counts_for_the_next_call_within_a_second(did: DID, running: DeciderProcess) -> None:
    def switched() -> float:
        Carrier.objects.update(is_did_provider=not Carrier.objects.get().is_did_provider)
        flag = Carrier.objects.get().is_did_provider
        return reason_becomes(running, "accepted" if flag else "carrier_not_did_provider")

    switched()
    # One change after the other: none is found by the questions that the decider asks from time to time.
    assert_quick(switched, IN_FORCE_SECONDS)
    Carrier.objects.update(is_did_provider=True)
    reason_becomes(running, "accepted")
    DID.objects.update(call_limit=3)
    eventually(lambda: running.switch.ask(a_call())["limit_did"] == 3)
    TraceRequest.objects.create(kind="did", object_id=did.pk, requested_by=a_user())
    eventually(lambda: running.switch.ask(a_call())["trace"] == 1)


def test_the_loss_of_credit_counts_within_a_second(did: DID, running: DeciderProcess) -> None:
    def lost_and_given() -> float:
        give_credit(did.carrier.balance, "0")
        lost = reason_becomes(running, "carrier_no_credit")
        give_credit(did.carrier.balance, "0.000001")
        return max(lost, reason_becomes(running, "accepted"))

    lost_and_given()
    assert_quick(lost_and_given, IN_FORCE_SECONDS)


def test_a_new_carrier_with_credit_is_let_in(did: DID, running: DeciderProcess) -> None:
    DID.objects.update(state="available", alias=None)
    other = a_mapped_did_of_another_carrier()
    call = a_call(source="198.51.100.7", ruri=f"sip:{other.number}@192.0.2.1")
    eventually(lambda: running.switch.ask(call)["reason"] == "accepted")


def a_mapped_did_of_another_carrier() -> DID:
    actor = a_user()
    carrier = a_carrier(actor, "Bel", is_did_provider=True)
    give_credit(carrier.balance)
    an_address(actor, carrier, "198.51.100.7")
    (number,) = some_dids(actor, carrier, "+371 2000 0001")
    number.alias, number.state = an_alias(actor, an_account(actor, "Second", "Client two"), "desk-200"), "mapped"
    number.save()
    return number


def test_unreadable_messages_are_passed_over(running: DeciderProcess) -> None:
    for body in (
        b"", b"{", b"[]", b"null", b'{"op":"decide"}', b'{"op":"decide","index":1}', b"\xff\xfe", b"[" * 5000,
        b'{"op":"unknown","index":"1","label":"2"}',
    ):  # fmt: skip
        running.switch.send(encode(body))
        assert running.switch.ask(a_call())["accept"] == 1, body


def test_an_unreadable_call_is_refused_not_let_in(running: DeciderProcess) -> None:
    for call in (None, [], {}, {"attempt": "x"}, {"at": "NaN", "attempt": "x"}, {"at": [], "attempt": 3}):
        answer = running.switch.ask(call)
        assert (answer["accept"], answer["reason"], answer["sip"]) == (0, "no_decision", 503), call


def test_values_of_any_type_are_judged(running: DeciderProcess) -> None:
    answer = running.switch.ask(a_call(source=["203.0.113.5"], ruri={"a": 1}, port=None, user_agent=7))
    assert (answer["accept"], answer["reason"]) == (0, "source_not_listed")


def test_a_peer_without_netstrings_is_left_and_met_again(running: DeciderProcess) -> None:
    for data in (b"GET / HTTP/1.0\r\n\r\n", b"99999999:", b"3:abcd", b"-1:,"):
        running.switch.send(data)
        assert running.switch.closed_by_peer(), data
        running.switch.accept()
        assert running.switch.ask(a_call())["accept"] == 1


def test_two_deciders_answer_alike(did: DID, running: DeciderProcess, tmp_path: Path) -> None:
    with decider("decider-2", tmp_path) as other:
        other.ready()
        for call in (a_call(), a_call(source="192.0.2.9"), a_call(ruri="sip:x@y"), a_call(ruri="sip:+442079460019@y")):
            answers = [process.switch.ask(call) for process in (running, other)]
            for answer in answers:
                assert answer.pop("decider") in {"decider-1", "decider-2"}
                del answer["index"]
            assert answers[0] == answers[1]


def test_when_the_database_drops_every_connection_answers_go_on_and_changes_follow(
    did: DID, running: DeciderProcess
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name LIKE 'decider-1 %%' AND datname = current_database()"
        )
        assert cursor.fetchone()[0] >= 2
    Carrier.objects.update(enabled=False)
    assert running.switch.ask(a_call())["reason"] in {"accepted", "carrier_disabled"}
    reason_becomes(running, "carrier_disabled")


def test_with_a_hung_database_free_calls_go_on_and_paid_ones_are_refused(
    did: DID, tmp_path: Path, proxy: HangingProxy
) -> None:
    with decider("decider-1", tmp_path, database=database_through(proxy)) as process:
        process.ready()
        assert process.switch.ask(a_call())["accept"] == 1
        proxy.hang()
        Carrier.objects.update(enabled=False)
        took = []
        for _ in range(20):
            started = time.monotonic()
            assert process.switch.ask(a_call())["reason"] == "accepted"
            took.append(time.monotonic() - started)
            time.sleep(0.05)
        assert median(took) < 0.5
        proxy.go_on()
        reason_becomes(process, "carrier_disabled")


def test_a_paid_call_needs_funds_and_an_answer_about_them(did: DID, tmp_path: Path, proxy: HangingProxy) -> None:
    account = Account.objects.get()
    Account.objects.update(product=a_product("USD", "0.06", ProductKind.ACCOUNT))
    with decider("decider-1", tmp_path, database=database_through(proxy)) as process:
        process.ready()
        poor = a_call(attempt=str(uuid.uuid4()))
        assert process.switch.ask(poor)["reason"] == "account_no_credit"
        give_credit(account.balance, "0.061")
        # What was answered once is answered again, whichever decider is asked, and whatever was paid meanwhile.
        assert process.switch.ask(poor)["reason"] == "account_no_credit"
        paid = process.switch.ask(a_call())
        assert (paid["reason"], paid["facts"]["funds"]) == ("accepted", {"account": True})
        assert paid["covered_seconds"] == 59
        assert process.switch.ask(a_call())["reason"] == "accepted"
        (held,) = Reservation.objects.all()
        assert (held.leg, held.amount, held.seconds, held.state) == ("account", Decimal("0.061"), 61, "held")
        assert process.switch.ask(a_call(attempt=str(uuid.uuid4())))["reason"] == "account_no_credit"
        proxy.hang()

        def refused() -> float:
            started = time.monotonic()
            unknown = process.switch.ask(a_call(attempt=str(uuid.uuid4())))
            assert (unknown["reason"], unknown["sip"]) == ("funds_unknown", 503)
            return time.monotonic() - started

        # Later than this, the switch has refused the call by itself.
        assert_quick(refused, 1.0)


def test_without_a_database_it_starts_from_disk(did: DID, running: DeciderProcess, tmp_path: Path) -> None:
    DID.objects.update(call_limit=4)
    eventually(lambda: running.switch.ask(a_call())["limit_did"] == 4)
    eventually(lambda: (tmp_path / "deciders" / "decider-1.snapshot").read_text().count("\n") > 10)
    assert running.stop() == 0
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    with decider("decider-1", tmp_path, database=nowhere) as process:
        process.ready()
        answer = process.switch.ask(a_call())
        assert (answer["reason"], answer["limit_did"]) == ("accepted", 4)
        assert answer["version"] == ConfigVersion.objects.latest("id").id
        assert process.stop() == 0


def test_without_any_configuration_it_does_not_connect(tmp_path: Path) -> None:
    with decider("decider-1", tmp_path, database="postgresql://nobody@127.0.0.1:1/nothing") as process:
        eventually(process.said)  # it says that the database is away; only then is a silence a decision
        process.switch.listener.settimeout(2.5)
        with pytest.raises(TimeoutError):
            process.switch.accept()
        assert process.process.poll() is None
        assert process.stop() == 0


def test_it_shows_signs_of_life_with_the_version_in_force(did: DID, running: DeciderProcess) -> None:
    newest = ConfigVersion.objects.latest("id").id
    beat = eventually(lambda: Heartbeat.objects.filter(name="decider-1", config_version=newest).first())
    assert beat.kind == "decider"
    assert (beat.details["connected"], beat.details["database"]) == (True, True)


def test_it_stops_at_once_even_with_a_hung_database(did: DID, tmp_path: Path, proxy: HangingProxy) -> None:
    with decider("decider-1", tmp_path, database=database_through(proxy)) as process:
        process.ready()
        proxy.hang()
        time.sleep(2.5)
        # The database's own time limits are ten seconds.
        assert process.stop(8) == 0
        assert "Traceback" not in process.said()


def test_a_change_that_cannot_be_read_is_got_over_by_a_reload(did: DID, running: DeciderProcess) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO routing_configversion DEFAULT VALUES RETURNING id")
        version = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO routing_configchange (version_id, kind, row_id, body) VALUES (%s, 'carrier', 1, '{}')",
            [version],
        )
        cursor.execute("SELECT pg_notify('config', %s)", [str(version)])
    eventually(lambda: running.switch.ask(a_call())["version"] == version)
    assert running.switch.ask(a_call())["accept"] == 1
    assert "could not be followed" in running.said()
    Carrier.objects.update(enabled=False)
    reason_becomes(running, "carrier_disabled")


def test_an_import_of_many_dids_is_loaded_afresh_while_calls_are_answered(did: DID, running: DeciderProcess) -> None:
    first = count(442_100_000_001, MANY_CHANGES + 1)

    def slowest_while_importing() -> float:
        begin = next(first)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO dids_did (number, provider_number, carrier_id, state, state_since, country, area, notes) "
                "SELECT n, '', %s, 'available', now(), 'GB', '', '' FROM generate_series(%s, %s) n",
                [did.carrier_id, begin, begin + MANY_CHANGES],
            )
        call = a_call(ruri=f"sip:+{begin + 20_000}@192.0.2.1")
        slowest = 0.0
        deadline = time.monotonic() + PATIENCE
        while running.switch.ask(call)["reason"] != "did_not_mapped":
            started = time.monotonic()
            assert running.switch.ask(a_call())["accept"] == 1
            slowest = max(slowest, time.monotonic() - started)
            assert time.monotonic() < deadline
        return slowest

    # The switch gives up after a second.
    assert_quick(slowest_while_importing, 1.0, tries=3)
