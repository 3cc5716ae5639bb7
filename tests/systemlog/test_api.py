"""A switch that is no more than an HTTP client reports its events."""

import json
from typing import Any

import pytest
from django.test import Client

from cdr.models import CDR
from systemlog import api
from systemlog.authentication import new_token
from systemlog.consumer import Consumer
from systemlog.models import Switch
from systemlog.stream import EventStream, connect
from tests.calls import Call

ADDRESS = "/api/v1/switch/events"


@pytest.fixture
def token(stream: EventStream) -> str:
    api.event_stream.cache_clear()
    token, digest = new_token()
    Switch.objects.create(name="branch-1", token_digest=digest)
    return token


def post(token: str, body: Any) -> Any:
    return Client().post(
        ADDRESS, json.dumps(body), content_type="application/json", headers={"Authorization": f"Token {token}"}
    )


@pytest.mark.django_db(transaction=True)
def test_its_events_become_a_cdr_under_its_own_name(token: str, consumer: Consumer) -> None:
    call = Call()
    assert post(token, call.answered()).status_code == 202
    assert post(token, call.end()).json() == {"taken": 1}
    for _ in range(3):
        consumer.step()
    record = CDR.objects.get()
    assert (record.switch, record.reason) == ("branch-1", "completed")


@pytest.mark.django_db
def test_one_bad_event_of_many_is_named_and_none_is_taken(token: str, stream: EventStream) -> None:
    call = Call()
    answer = post(token, [call.attempt_event(), call.end() | {"at": "never"}, 7])
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"1", "2"}
    assert stream.client.xlen(stream.key) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("body", [[], {}, None, "x", [[]], [{"v": 1}] * 1001])
def test_no_body_breaks_it(token: str, body: Any) -> None:
    assert post(token, body).status_code in {202, 400}


@pytest.mark.django_db
def test_a_stranger_may_report_nothing(token: str, stream: EventStream) -> None:
    assert post("wrong", Call().attempt_event()).status_code == 401
    assert Client().post(ADDRESS, "{}", content_type="application/json").status_code == 401
    assert stream.client.xlen(stream.key) == 0


@pytest.mark.django_db
def test_a_stream_that_is_away_asks_for_a_repeat(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    away = EventStream("api", connect("redis://127.0.0.1:1/0"))
    monkeypatch.setattr(api, "event_stream", lambda: away)
    assert post(token, Call().attempt_event()).status_code == 503
