"""What the demo plans is the same for the same seed, looks like office hours, and speaks SIP as RFC 3261 has it."""

import datetime as dt

import pytest

from demo.calendar import extras, planned
from demo.sip.message import Malformed, Message, answer_to, parameter, uri_of
from demo.situations import INCIDENTS, LIVE, USUAL, WRONG, Manner

UNTIL = dt.datetime(2026, 3, 18, 15, 30, tzinfo=dt.UTC)
SINCE = UNTIL - dt.timedelta(days=14)


def test_the_same_seed_plans_the_same_calls() -> None:
    """So that what an interrupted start has sent already is dropped as a repeat."""
    first, again, other = (list(planned(seed, SINCE, UNTIL)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert extras(1, UNTIL, 14) == extras(1, UNTIL, 14)


def test_calls_come_in_office_hours_and_fewer_at_weekends() -> None:
    """The dashboard's curve is to look like that of an operator of offices."""
    calls = [dt.datetime.fromtimestamp(plan.at, dt.UTC) for day in planned(1, SINCE, UNTIL) for plan in day]
    assert all(SINCE <= at < UNTIL for at in calls)
    by_hour = [sum(at.hour == hour for at in calls) for hour in range(24)]
    assert min(by_hour[9:12]) > 8 * max(by_hour[0:5])
    monday = [at for at in calls if at.date() == dt.date(2026, 3, 16)]
    sunday = [at for at in calls if at.date() == dt.date(2026, 3, 15)]
    assert len(monday) > 2 * len(sunday) > 0


def test_a_short_past_lacks_no_kind_of_call() -> None:
    """Every situation and every incident occurs in half a day."""
    names = {plan.situation.name for plan in extras(1, UNTIL, 0.5)}
    assert names == {kind.name for kind in (*USUAL, *WRONG, *(kind for _, kind in INCIDENTS))}
    assert {kind.manner for kind in (*USUAL, *WRONG, *LIVE)} == {manner for manner in Manner if not manner.is_fault}


INVITE = (
    "INVITE sip:442079460010@192.0.2.1 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\n"
    'From: "A; B" <sip:1@h;user=phone>;tag=x\r\nTo: <sip:2@h>\r\ni: call-1\r\nCSeq: 7 INVITE\r\n'
    "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\nContent-Length: 0\r\n\r\n"
)


def test_a_message_is_read_in_long_and_compact_form() -> None:
    """And an answer carries back what makes it part of its transaction and dialog (§8.2.6)."""
    invite = Message.read(INVITE.encode(), ("192.0.2.9", 5060))
    assert (invite.method, invite.get("Call-ID"), invite.transaction) == ("INVITE", "call-1", "z9hG4bKa INVITE")
    assert uri_of(invite.get("From")) == "sip:1@h;user=phone"
    assert parameter(invite.get("From"), "tag") == "x"
    answer = Message.read(answer_to(invite, 200, "OK", "mine").write(), ("192.0.2.1", 5060))
    assert (answer.code, answer.method, answer.transaction) == (200, "INVITE", invite.transaction)
    assert parameter(answer.get("To"), "tag") == "mine"
    assert answer.all("Record-Route") == ["<sip:p1;lr>", "<sip:p2;lr>"]


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"", b"\x00\xff", INVITE.replace("CSeq: 7 INVITE\r\n", "").encode()])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Keep-alives and noise reach every open socket."""
    with pytest.raises(Malformed):
        Message.read(data, ("192.0.2.9", 5060))
