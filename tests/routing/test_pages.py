"""The simulator judges without a call; the versions page says who has which; tokens are shown once."""

import datetime as dt
import hashlib
import re
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, Registration
from billing.choices import ProductKind
from core.models import Heartbeat
from core.sentences import set_for_reading
from dids.models import DID
from routing.forms import dialled_uri
from routing.models import Attempt, ConfigVersion
from routing.selectors import change_words
from routing.store import snapshots
from systemlog.models import LogEntry, Switch
from tests.calls import Call
from tests.inventory import a_product, a_user, an_address
from tests.routing.operator import a_mapped_did, give_credit
from tests.routing.test_handlers import accepted, take

SIMULATOR = "/tools/simulator/"
committed = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def did() -> DID:
    """The usual DID, mapped, of a carrier with credit."""
    return a_mapped_did()


def asked(page: Client, source: str = "203.0.113.5", number: str = "+44 20 7946 0018") -> str:
    response = page.get(SIMULATOR, {"source": source, "number": number})
    assert response.status_code == 200
    return response.content.decode()


@committed
def test_support_judges_a_call_that_would_be_refused(did: DID, support_page: Client) -> None:
    page = asked(support_page)
    assert "The phone is not registered to the switch" in page
    assert "487" in page
    assert "Request rejected" in page
    assert f'href="/dids/dids/{did.pk}/"' in page or "+442079460018" in page


@committed
def test_a_registered_phone_is_rung(did: DID, support_page: Client) -> None:
    now = timezone.now()
    Registration.objects.create(
        alias=did.alias, switch="sw1", contact="sip:x@10.0.0.1", registered_at=now, refreshed_at=now,
        expires_at=now + dt.timedelta(minutes=1),
    )  # fmt: skip
    assert "The call may come in" in asked(support_page)
    Registration.objects.update(expires_at=now)
    assert "The phone is not registered" in asked(support_page)


@committed
def test_the_nearest_miss_and_the_remedy_are_shown(did: DID, support_page: Client) -> None:
    page = asked(support_page, source="203.0.113.70")
    assert "203.0.113.70 is 7 addresses past 203.0.113.0/26 of Acme" in page
    assert "carrier&#x27;s tab Accounts" in page


@committed
@pytest.mark.parametrize(("source", "number"), [("", "1"), ("203.0.113", "1"), ("203.0.113.5", "")])
def test_a_wrong_question_is_said_beside_the_field(did: DID, support_page: Client, source: str, number: str) -> None:
    response = support_page.get(SIMULATOR, {"source": source, "number": number})
    assert response.status_code == 422
    assert b"invalid-feedback" in response.content


@committed
def test_what_a_stranger_sent_is_shown_as_text(did: DID, support_page: Client) -> None:
    page = asked(support_page, number='sip:<script>alert(1)</script>"@x')
    assert "<script>alert" not in page


@committed
def test_a_past_call_is_judged_again_and_what_changed_is_named(did: DID, support_page: Client) -> None:
    call = Call(source="203.0.113.70")
    take(*call.refusal("source_not_listed", 403, 21, **accepted(did)))
    an_address(a_user(), did.carrier, "203.0.113.70")
    page = support_page.get(SIMULATOR, {"attempt": call.attempt}).content.decode()
    assert "203.0.113.70 is in no address or network of any carrier" in page
    assert "203.0.113.70 is an address of Acme" in page
    assert "refused for another reason now" in page
    assert support_page.get(SIMULATOR, {"attempt": str(uuid.uuid4())}).status_code == 404
    assert support_page.get(SIMULATOR, {"attempt": "x"}).status_code == 404
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "uri"),
    [
        ("+44 20 7946 0018", "sip:+442079460018@127.0.0.1"),
        ("1001#442079460018", "sip:1001%23442079460018@127.0.0.1"),
        ("sip:442079460018@192.0.2.1", "sip:442079460018@192.0.2.1"),
        ("tel:+44-20", "tel:+44-20"),
        ("<x> y", "<x> y"),
    ],
)
def test_a_typed_number_becomes_a_uri(typed: str, uri: str, settings: object) -> None:
    assert dialled_uri(typed) == uri


@committed
def test_the_versions_page_says_who_has_which(did: DID, support_page: Client) -> None:
    newest, now = ConfigVersion.objects.latest("id").id, timezone.now()
    for name, kind, version, age in (
        ("decider-1", "decider", newest, 0), ("decider-2", "decider", newest - 2, 1), ("sw1", "switch", newest, 60),
    ):  # fmt: skip
        Heartbeat.objects.create(
            name=name, kind=kind, config_version=version, beat_at=now - dt.timedelta(seconds=age), started_at=now,
            details={"connected": True, "database": True, "credentials_in_step": True},
        )  # fmt: skip
    page = support_page.get("/settings/versions/").content.decode()
    words = re.findall(r"(Applied|2 behind|No sign of life|Not everywhere)", page)
    assert words[:3] == ["Applied", "2 behind", "No sign of life"]
    assert words[3:6] == ["Not everywhere", "Not everywhere", "Applied"]
    assert set_for_reading("DID +442079460018") in page
    assert "Carrier&#x27;s address 203.0.113.0/26" in page


def test_changes_are_named() -> None:
    assert change_words("did", 3, "4420") == "DID +4420"
    assert change_words("rate", 3, "") == "Rate 3"
    assert change_words("carrier", 3, None) == "Carrier 3 deleted"


@pytest.mark.django_db
def test_a_token_is_shown_once_and_only_its_digest_kept(admin_page: Client) -> None:
    response = admin_page.post("/log/switches/add/", {"name": "sw2", "description": "Riga"})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    switch = Switch.objects.get(name="sw2")
    (token,) = re.findall(r'class="one-time">.*?([A-Za-z0-9_-]{43})', response.content.decode(), re.DOTALL)
    assert switch.token_digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in admin_page.get(f"/log/switches/{switch.pk}/").content.decode()

    renewed = admin_page.post(f"/log/switches/{switch.pk}/token/")
    assert token not in renewed.content.decode()
    switch.refresh_from_db()
    assert switch.token_digest != hashlib.sha256(token.encode()).hexdigest()
    messages = " ".join(LogEntry.objects.filter(category="configuration").values_list("message", flat=True))
    assert "Switch sw2 was added, with a token by" in messages
    assert "Switch sw2 was given a new token by" in messages


@pytest.mark.django_db
def test_only_an_administrator_makes_tokens(operator_page: Client, support_page: Client) -> None:
    switch = Switch.objects.create(name="sw1")
    for page in (operator_page, support_page):
        assert page.get("/log/switches/").status_code == 200
        assert page.post("/log/switches/add/", {"name": "sw9"}).status_code == 403
        assert page.post(f"/log/switches/{switch.pk}/token/").status_code == 403
        assert page.post(f"/log/switches/{switch.pk}/edit/", {"description": "x"}).status_code == 403
    switch.refresh_from_db()
    assert (switch.token_digest, Switch.objects.count()) == ("", 1)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "-x", "a b", "a" * 33, "sw/1"])
def test_a_switch_needs_a_plain_name(admin_page: Client, name: str) -> None:
    assert admin_page.post("/log/switches/add/", {"name": name}).status_code == 422


@pytest.mark.django_db
def test_a_switch_is_turned_off(admin_page: Client) -> None:
    switch = Switch.objects.create(name="sw1")
    admin_page.post(f"/log/switches/{switch.pk}/edit/", {"description": "old"})
    switch.refresh_from_db()
    assert (switch.enabled, switch.description) == (False, "old")


def test_no_snapshot_is_left_for_the_next_test() -> None:
    assert snapshots._config is None


@committed
def test_a_dids_page_says_whether_a_call_would_ring_now(did: DID, support_page: Client) -> None:
    tab = f"/dids/{did.pk}/readiness/"
    page = support_page.get(tab).content.decode()
    assert re.findall(r"(Rings|Phone not registered|Refused|Ready)", page)[0] == "Phone not registered"
    now = timezone.now()
    Registration.objects.create(
        alias=did.alias, switch="sw1", contact="sip:x@10.0.0.1", registered_at=now, refreshed_at=now,
        expires_at=now + dt.timedelta(minutes=1),
    )  # fmt: skip
    assert "Ready" in support_page.get(tab).content.decode()
    an_address(a_user(), did.carrier, "198.51.100.0/24", tech_prefix="77", call_limit=0)
    DID.objects.update(provider_number="020 7946 0018")
    page = support_page.get(tab).content.decode()
    assert "7702079460018" in page.replace(" ", "")
    assert "Refused" in page
    assert "default region" in page
    did.carrier.accounts.all().delete()
    assert "has no enabled address" in support_page.get(tab).content.decode()


@committed
def test_readiness_asks_no_more_of_the_database_for_twenty_addresses_than_for_one(
    did: DID, support_page: Client
) -> None:
    carrier, account = did.carrier, did.alias.account
    carrier.accounts.update(product=a_product("USD", "0.01"))
    Account.objects.filter(pk=account.pk).update(product=a_product("USD", "0.02", ProductKind.ACCOUNT))
    give_credit(account.balance)
    tab = f"/dids/{did.pk}/readiness/"
    support_page.get(tab)
    with CaptureQueriesContext(connection) as one:
        support_page.get(tab)
    for last in range(1, 25):
        an_address(a_user(), carrier, f"198.51.100.{last}", product=carrier.accounts.first().product)
    support_page.get(tab)
    with CaptureQueriesContext(connection) as many:
        page = support_page.get(tab).content.decode()
    assert page.count("Phone not registered") > 15, "all of them were judged to the end"
    assert len(many) <= len(one), "\n".join(query["sql"] for query in many)


@pytest.mark.django_db
def test_each_switch_shows_its_last_sign_of_life(support_page: Client) -> None:
    """Of what a node has, the calls that it only hands on to its phones are another's."""
    now = timezone.now()
    signs = {"sw1": (2, {"calls": {"all": 9}, "handed_on": 2, "address": "192.0.2.1:5060"}), "sw2": (40, {})}
    for name, (ago, details) in signs.items():
        Switch.objects.create(name=name)
        beat_at = now - dt.timedelta(seconds=ago)
        Heartbeat.objects.create(name=name, kind="switch", beat_at=beat_at, started_at=now, details=details)
    Switch.objects.create(name="by-http")
    page = support_page.get("/log/switches/").content.decode()
    rows = dict(re.findall(r"<tr[^>]*>.*?(sw1|sw2|by-http)</a>(.*?)</tr>", page, re.DOTALL))
    assert ">Alive<" in rows["sw1"]
    assert "192.0.2.1:5060" in rows["sw1"]
    assert re.search(r">\s*7\s*<", rows["sw1"])
    assert "No sign of life" in rows["sw2"]
    assert "Alive" not in rows["by-http"]
    assert "No sign of life" not in rows["by-http"]
    own = support_page.get(f"/log/switches/{Switch.objects.get(name='sw1').pk}/").content.decode()
    assert "192.0.2.1:5060" in own
    assert "Alive" in own
