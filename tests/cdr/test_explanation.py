"""A call is explained in words, with the guide's causes and remedies filled with this phone's own values."""

import datetime as dt

import pytest

from cdr.explanation import Evidence, SeenContact, explain, host_port, is_private
from cdr.models import CDR

AT = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
STUN = "192.0.2.1:5060"


def call(reason: str, **columns: object) -> CDR:
    return CDR(
        started_at=AT,
        **(
            {"ended_at": AT + dt.timedelta(seconds=6), "reason": reason, "alias_label": "u1001", "alias_id": 4}
            | columns
        ),
    )


def seconds(count: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=count)


def test_a_completed_call_went_right() -> None:
    said = explain(
        call("completed", answered_at=seconds(3), ended_at=seconds(188), hung_up_by="callee"), Evidence(stun=STUN)
    )
    assert said.happened == "u1001 answered, and they talked for 3:05; the phone hung up. Nothing went wrong."
    assert said.remedies == []


def test_408_behind_nat_names_the_phones_own_addresses() -> None:
    contact = SeenContact("sip:u1001@192.168.1.22:5062", "198.51.100.7:61234", "Desk phone 1", seconds(-1800))
    said = explain(call("no_response", sip_code=408), Evidence(stun=STUN, contacts=(contact,)))
    assert said.happened == "The phone did not respond at all. The carrier was told 408."
    evidence = " ".join(said.shown_by)
    assert "says it is at 192.168.1.22:5062, but its registration came from 198.51.100.7:61234" in evidence
    assert "30:00 before the call" in evidence
    assert any("behind NAT" in cause for cause in said.causes)
    assert said.remedies[0] == (
        "Give the phone a fixed IP address in its LAN (it has 192.168.1.22 now) and map UDP port 5062 of the router at "
        "198.51.100.7 to 192.168.1.22:5062: the most reliable solution."
    )
    assert STUN in said.remedies[1]


def test_408_of_a_public_phone_does_not_blame_nat() -> None:
    contact = SeenContact("sip:u1001@8.8.8.8:5060", "8.8.8.8:5060", "", seconds(-5))
    said = explain(call("no_response", sip_code=408), Evidence(stun=STUN, contacts=(contact,)))
    assert any("NAT is less likely" in words for words in said.shown_by)
    assert said.remedies[0].startswith("Give the phone a fixed IP address in its LAN and map UDP port 5060")


def test_a_ringing_408_is_no_nat_problem() -> None:
    said = explain(call("no_answer", sip_code=408, rang_at=seconds(1), ended_at=seconds(61)), Evidence(stun=STUN))
    assert said.happened.startswith("u1001 rang for 1:00.")
    assert not any("NAT" in words for words in said.causes + said.remedies)


def test_487_says_when_the_phone_was_last_there() -> None:
    said = explain(
        call("not_registered", sip_code=487),
        Evidence(
            stun=STUN,
            last_registration="The registration of u1001 at 198.51.100.7:61234 expired.",
            last_registration_at=seconds(-600),
            last_refusal="Registration of u1001 from 198.51.100.7:61234 refused: wrong secret.",
            last_refusal_at=seconds(-30),
        ),
    )
    assert "10:00 before the call: The registration of u1001 at 198.51.100.7:61234 expired." in said.shown_by
    assert said.remedies[0].startswith("Type the alias's SIP user name and secret into the phone again")
    assert any("must be registered" in words for words in said.remedies)


def test_487_of_a_phone_that_was_never_there() -> None:
    said = explain(call("not_registered", sip_code=487), Evidence(stun=STUN))
    assert "This alias had never registered before the call." in said.shown_by


def test_487_of_a_caller_who_gave_up_is_told_apart() -> None:
    said = explain(call("cancelled", sip_code=487, rang_at=seconds(1), ended_at=seconds(9)), Evidence(stun=STUN))
    assert "The caller hung up before an answer" in said.happened
    assert not any("registered" in words for words in said.causes)


def test_a_refusal_names_the_nearest_miss() -> None:
    said = explain(
        call("source_not_listed", sip_code=403),
        Evidence(stun=STUN, failed_check="203.0.113.70 is in no network", near="203.0.113.70 is 7 past Acme's"),
    )
    assert said.shown_by == ["203.0.113.70 is in no network.", "Nearest miss: 203.0.113.70 is 7 past Acme's."]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"answered_at": seconds(1)}, "The call is up: u1001 answered it."),
        ({"rang_at": seconds(1)}, "The call is being set up; u1001 rings."),
        ({}, "The call is being set up."),
    ],
)
def test_a_call_that_goes_on_says_so(columns: dict[str, object], words: str) -> None:
    assert explain(call("", ended_at=None, **columns), Evidence(stun=STUN)).happened == words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sip:u@10.0.0.7:5062;transport=udp", ("10.0.0.7", 5062)),
        ("sip:u@[2001:db8::1]:5060", ("2001:db8::1", 5060)),
        ("198.51.100.7:61234", ("198.51.100.7", 61234)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("sip:host.example", ("host.example", 0)),
        ("sip:u@h:99999999", ("h", 0)),
        ("", ("", 0)),
    ],
)
def test_addresses_are_read_from_contacts(text: str, found: tuple[str, int]) -> None:
    assert host_port(text) == found


@pytest.mark.parametrize(
    ("host", "private"), [("10.1.2.3", True), ("100.64.0.1", True), ("fd00::1", True), ("8.8.8.8", False), ("x", False)]
)
def test_private_addresses_are_known(host: str, private: bool) -> None:
    assert is_private(host) is private


def test_487_of_a_phone_at_a_dead_switch_names_the_switch() -> None:
    """Only the switch that a phone registered at reaches it."""
    contact = SeenContact("sip:u1@10.0.0.7", "198.51.100.7:5060", "", None, switch="sw2")
    said = explain(call("not_registered", sip_code=487, switch="sw1"), Evidence(stun=STUN, contacts=(contact,)))
    assert any("registered at switch sw2" in words for words in said.shown_by)
    assert "Start sw2 again" in said.remedies[0]
