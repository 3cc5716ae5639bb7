"""A switch that is no more than an HTTP client gets the same decisions."""

import datetime as dt
import json
import time
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Account
from billing.choices import ProductKind
from billing.metering.models import MeteredCall
from billing.models import Reservation
from billing.reservations import release
from dids.models import DID
from routing.models import ConfigVersion
from routing.store import SnapshotStore, snapshots
from systemlog.authentication import new_token
from systemlog.models import Switch
from tests.inventory import a_product
from tests.routing.operator import a_mapped_did, give_credit

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
URL = "/api/v1/inbound/decisions"


@pytest.fixture
def did() -> DID:
    """The usual DID, mapped, of a carrier with credit."""
    return a_mapped_did()


@pytest.fixture
def token() -> str:
    """The token of a switch."""
    token, digest = new_token()
    Switch.objects.create(name="other-1", token_digest=digest)
    Switch.objects.create(name="without-token")
    return token


def call(**parts: Any) -> dict[str, Any]:
    usual = {"attempt": str(uuid.uuid4()), "at": "1795418480.747285", "source": "203.0.113.5"}
    return usual | {"ruri": "sip:+442079460018@192.0.2.1"} | parts


def ask(token: str, body: Any, scheme: str = "Token") -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Authorization": f"{scheme} {token}"} if token else {}
    return Client().post(URL, data, content_type="application/json", headers=headers)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
def test_a_call_is_let_in_with_its_route(did: DID, token: str, scheme: str) -> None:
    response = ask(token, {"call": call()}, scheme)
    assert response.status_code == 200
    answer = response.json()
    alias = did.alias
    assert alias is not None
    told = {name: answer[name] for name in ("accept", "reason", "number", "alias", "did_id", "account_id", "limit_did")}
    assert told == {
        "accept": 1, "reason": "accepted", "number": did.number, "alias": alias.username, "did_id": did.pk,
        "account_id": alias.account_id, "limit_did": -1,
    }  # fmt: skip
    assert answer["version"] == ConfigVersion.objects.latest("id").id
    assert answer["facts"] == {"credit": {str(did.carrier.balance_id): True}}
    assert not {"op", "index", "label"} & answer.keys()


def test_a_change_counts_for_the_next_call(did: DID, token: str) -> None:
    assert ask(token, {"call": call()}).json()["accept"] == 1
    did.carrier.balance.amount = 0
    did.carrier.balance.save()
    assert ask(token, {"call": call()}).json()["reason"] == "carrier_no_credit"
    DID.objects.update(state="suspended")
    did.carrier.balance.amount = 1
    did.carrier.balance.save()
    refused = ask(token, {"call": call()}).json()
    assert (refused["accept"], refused["reason"], refused["sip"], refused["phrase"]) == (
        0, "did_suspended", 404, "Not Found",
    )  # fmt: skip
    assert "limit_did" not in refused


@pytest.mark.parametrize("given", ["", "wrong", "\u00e9", "a" * 5000])
def test_without_a_right_token_nothing_is_told(did: DID, token: str, given: str) -> None:
    response = ask(given.encode().decode("latin-1"), {"call": call()})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_the_token_of_a_disabled_switch_is_no_token(did: DID, token: str) -> None:
    Switch.objects.update(enabled=False)
    assert ask(token, {"call": call()}).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400), ("nonsense", 400), ("[]", 400), ("{}", 400), ('{"call": []}', 400), ('{"call": {}}', 400),
        ('{"call": NaN}', 400), ("[" * 10000, 400), (b"\xff\xfe", 400), ({"call": call(at="soon")}, 400),
        ({"call": call(at="1e999")}, 400), ({"call": call(at="NaN")}, 400), ({"call": call(source="198.51.100")}, 400),
        ({"call": call(attempt="7")}, 400), ({"call": call(ruri="x" * 257)}, 400), ({"call": call(port=70000)}, 400),
        ({"call": call(user_agent="x" * 20000)}, 413),
    ],
)  # fmt: skip
def test_a_wrong_request_is_a_problem_and_no_crash(did: DID, token: str, body: Any, status: int) -> None:
    response = ask(token, body)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= response.json().keys()


@pytest.mark.parametrize(
    "ruri", ["", "sip:%zz@h", "tel:'; DROP TABLE dids_did;--", "sip:\u202e442079460018@h", "\ud83d\ude00"]
)
def test_hostile_strings_are_judged(did: DID, token: str, ruri: str) -> None:
    response = ask(token, {"call": call(ruri=ruri)})
    assert (response.status_code, response.json()["reason"]) == (200, "prefix_not_matched")


def test_other_methods_are_refused(did: DID, token: str) -> None:
    assert Client().get(URL, headers={"Authorization": f"Token {token}"}).status_code == 405


def test_while_the_database_is_away_the_answer_is_503(
    did: DID, token: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def away(self: SnapshotStore, version: int | None = None) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(SnapshotStore, "at", away)
    response = ask(token, {"call": call()})
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    monkeypatch.undo()
    snapshots.forget()
    assert ask(token, {"call": call()}).json()["accept"] == 1


def cover(token: str, attempt: str, answered: str) -> Any:
    headers = {"Authorization": f"Token {token}"}
    body = json.dumps({"attempt": attempt, "answered": answered})
    return Client().post("/api/v1/inbound/covers", body, content_type="application/json", headers=headers)


def test_a_paid_call_is_reserved_and_covered(did: DID, token: str) -> None:
    """As by a decider: once for each attempt, extended before its cover ends, until funds end; no call, no cover."""
    Account.objects.update(product=a_product("USD", "0.6", ProductKind.ACCOUNT))
    balance = Account.objects.select_related("balance").get().balance
    give_credit(balance, "0.9")
    asked = call()
    for _ in range(2):
        answer = ask(token, {"call": asked}).json()
        assert (answer["reason"], answer["covered_seconds"], answer["facts"]["funds"]) == (
            "accepted", 59, {"account": True},
        )  # fmt: skip
    assert Reservation.objects.get().amount == Decimal("0.61")
    assert ask(token, {"call": call()}).json()["reason"] == "account_no_credit"

    now = time.time()
    told = cover(token, asked["attempt"], f"{now:.6f}").json()
    assert (told["covered_seconds"], told["until"], told["lacking"]) == (59, f"{now + 59:.6f}", "")
    MeteredCall.objects.filter(refused=False).update(answered_at=timezone.now() - dt.timedelta(seconds=40))
    told = cover(token, asked["attempt"], f"{now:.6f}").json()
    assert (told["covered_seconds"], told["lacking"]) == (88, "account")
    assert Reservation.objects.get().amount == Decimal("0.9")

    assert cover(token, asked["attempt"], "yesterday").status_code == 400
    assert cover(token, str(uuid.uuid4()), f"{now:.6f}").status_code == 404
    release([uuid.UUID(asked["attempt"])])
    assert cover(token, asked["attempt"], f"{now:.6f}").status_code == 404


def test_another_switch_s_call_is_not_covered(did: DID, token: str) -> None:
    Account.objects.update(product=a_product("USD", "0.6", ProductKind.ACCOUNT))
    give_credit(Account.objects.select_related("balance").get().balance, "9")
    asked = call()
    assert ask(token, {"call": asked}).json()["accept"] == 1
    other, digest = new_token()
    Switch.objects.create(name="other-2", token_digest=digest)
    assert cover(other, asked["attempt"], f"{time.time():.6f}").status_code == 404
    assert MeteredCall.objects.get().answered_at is None
