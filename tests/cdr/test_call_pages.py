"""The CDR list, a call's page, its trace, and the dashboard."""

import datetime as dt
import json
import time
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdr.models import CDR
from cdr.traces import open_request
from core.models import Heartbeat
from dids.models import DID
from routing.models import TraceRequest
from systemlog.events import event_of
from systemlog.intake import take_in
from systemlog.models import DeadLetter
from tests.calls import Call
from tests.inventory import a_carrier, a_user, some_dids

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def taken(call: Call, events: list[dict[str, Any]]) -> CDR:
    take_in([event_of(event) for event in events])
    return CDR.objects.get(attempt_id=call.attempt)


@pytest.fixture
def answered() -> CDR:
    call = Call(user_agent=HOSTILE, from_uri=f"sip:{HOSTILE}@x")
    return taken(call, call.answered(alias="u1001", carrier_id=7))


@pytest.fixture
def refused() -> CDR:
    call = Call(source="2001:db8::66", ruri="sip:00371200@192.0.2.1")
    return taken(call, call.refusal("source_not_listed", 403, 21, number=""))


@pytest.fixture
def dead_phone() -> CDR:
    call = Call(source="203.0.113.6")
    end = call.end("no_response", 6, sip=408, q850=18, by="switch", rang=None, answered=None, phone_code=0)
    return taken(call, [call.attempt_event(), call.decision(alias="u1001"), end])


@pytest.fixture
def ringing() -> CDR:
    call = Call(source="203.0.113.7", started=time.time() - 2)
    return taken(call, [call.attempt_event(), call.decision(alias="u1001"), call.ringing()])


def found(page: Client, query: str) -> set[str]:
    answer = page.get(f"/cdrs/?{query}&columns=attempt_id&export=csv")
    rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    at = rows[0].split(",").index("Attempt")
    return {row.split(",")[at] for row in rows[1:]}


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("", {"answered", "refused", "dead_phone", "ringing"}),
        ("outcome=answered", {"answered"}),
        ("outcome=refused", {"refused"}),
        ("outcome=unanswered", {"dead_phone"}),
        ("outcome=in_progress", {"ringing"}),
        ("outcome=answered&outcome=refused", {"answered", "refused"}),
        ("reason=no_response", {"dead_phone"}),
        ("source=2001:db8::66", {"refused"}),
        ("source=nonsense", set()),
        ("q=2001:db8::66", {"refused"}),
        ("q=00371200", {"refused"}),
        ("q=442079460018", {"answered", "dead_phone", "ringing"}),
        ("q=u1001", {"answered", "dead_phone", "ringing"}),
        ("longer=30", {"answered"}),
        ("longer=36", set()),
        ("hung_up_by=switch", {"refused", "dead_phone"}),
        ("switch=sw1&outcome=refused", {"refused"}),
        ("switch=sw2", set()),
        ("started_at_before=2020-01-01T00:00:00Z", set()),
    ],
)
def test_filters_and_search(
    support_page: Client, answered: CDR, refused: CDR, dead_phone: CDR, ringing: CDR, query: str, which: set[str]
) -> None:
    calls = {"answered": answered, "refused": refused, "dead_phone": dead_phone, "ringing": ringing}
    assert found(support_page, query) == {str(calls[name].attempt_id) for name in which}


def test_a_call_is_found_by_its_call_id(support_page: Client, answered: CDR, refused: CDR) -> None:
    assert found(support_page, f"q={answered.call_id}") == {str(answered.attempt_id)}


def html_of(page: Client, path: str) -> str:
    answer = page.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_calls_page_tells_its_story_with_hostile_text_escaped(support_page: Client, answered: CDR) -> None:
    html = html_of(support_page, answered.get_absolute_url())
    assert "talked for 35.5 s; the caller hung up. Nothing went wrong." in html
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    for words in ("Internal reason", "SIP code to the carrier", "Q.850 cause", "Timeline", "Simulate this call"):
        assert words in html


def test_a_dead_phones_page_gives_the_guides_remedies(support_page: Client, dead_phone: CDR, settings: Any) -> None:
    settings.SIP_ADDRESS, settings.SIP_PORT = "192.0.2.1", 5070
    html = html_of(support_page, dead_phone.get_absolute_url())
    assert "behind NAT" in html
    assert "UDP port 5060" in html
    assert "192.0.2.1:5070" in html


@pytest.mark.parametrize("call", ["answered", "refused", "dead_phone", "ringing"])
def test_every_kind_of_call_has_a_page(support_page: Client, request: pytest.FixtureRequest, call: str) -> None:
    record: CDR = request.getfixturevalue(call)
    html_of(support_page, record.get_absolute_url())


def test_a_call_known_by_its_end_alone_has_a_page(support_page: Client) -> None:
    call = Call()
    html_of(support_page, taken(call, [call.end()]).get_absolute_url())


@pytest.fixture
def traced() -> CDR:
    call = Call()
    messages = [
        call.event("trace", 0.1 * n, seq=n, direction="in" if n % 2 == 0 else "out", transport="udp",
                   src="203.0.113.5:5060" if n % 2 == 0 else "192.0.2.1:5060",
                   dst="192.0.2.1:5060" if n % 2 == 0 else "203.0.113.5:5060",
                   message=f"{'INVITE sip:1@x SIP/2.0' if n % 2 == 0 else 'SIP/2.0 200 OK'}\r\nX: {HOSTILE}\r\n\r\n")
        for n in range(4)
    ]  # fmt: skip
    return taken(call, call.answered(trace=1) + messages[::-1])


def test_a_traced_call_has_its_ladder_and_files(support_page: Client, traced: CDR) -> None:
    html = html_of(support_page, traced.get_absolute_url())
    assert html.count("ladder-message") == 4
    assert html.index("1. INVITE") < html.index("2. 200 OK") < html.index("3. INVITE")
    assert HOSTILE not in html
    text = support_page.get(f"{traced.get_absolute_url()}trace.txt")
    assert text["Content-Type"].startswith("text/plain")
    assert text.content.decode().count(HOSTILE) == 4
    pcap = support_page.get(f"{traced.get_absolute_url()}trace.pcap")
    assert pcap.content[:4] == bytes.fromhex("d4c3b2a1")
    assert "attachment" in pcap["Content-Disposition"]


def test_an_untraced_call_has_no_files(support_page: Client, answered: CDR) -> None:
    assert support_page.get(f"{answered.get_absolute_url()}trace.pcap").status_code == 404


@pytest.fixture
def did() -> DID:
    actor = a_user()
    [made] = some_dids(actor, a_carrier(actor), "+442079460018")
    return made


def test_an_operator_asks_for_a_trace_once_and_takes_it_back(operator_page: Client, did: DID) -> None:
    path = f"/dids/{did.pk}/trace/"
    for _ in range(2):
        operator_page.post(path)
    assert TraceRequest.objects.count() == 1
    assert open_request("did", did.pk) is not None
    operator_page.post(path, {"action": "cancel"})
    assert not TraceRequest.objects.exists()


def test_support_asks_for_no_trace_and_nobody_by_get(support_page: Client, operator_page: Client, did: DID) -> None:
    assert support_page.post(f"/dids/{did.pk}/trace/").status_code == 403
    operator_page.get(f"/dids/{did.pk}/trace/")
    assert not TraceRequest.objects.exists()


def test_the_dashboard_counts_by_outcome_and_names_strangers(
    support_page: Client, refused: CDR, dead_phone: CDR, ringing: CDR
) -> None:
    html = html_of(support_page, "/")
    assert "The source address belongs to no carrier" in html
    assert "2001:db8::66" in html
    assert "The phone did not respond at all" in html
    assert "1 more being set up" in html


def test_the_dashboard_says_which_process_is_silent(support_page: Client) -> None:
    now = timezone.now()
    for name, seconds in (("decider-1", 1), ("decider-2", 6)):
        Heartbeat.objects.create(
            name=name, kind="decider", beat_at=now - dt.timedelta(seconds=seconds), started_at=now, config_version=7
        )
    DeadLetter.objects.create(body="{}", error="x")
    html = html_of(support_page, "/")
    assert html.count(">Alive<") >= 1
    assert "<strong>decider-2</strong> gives no sign of life" in html
    assert "<strong>decider-1</strong>" not in html
    assert "1 event</a> could not be taken in" in html


def test_the_plots_numbers_are_those_of_the_calls(support_page: Client, refused: CDR, ringing: CDR) -> None:
    data = json.loads(support_page.get("/dashboard/plot.json").content)
    assert sum(data["refused"]) + sum(data["in_progress"]) + sum(data["answered"]) in {1, 2}  # One may be of yesterday.
    assert len({len(data[name]) for name in ("times", "answered", "unanswered", "refused", "in_progress")}) == 1
