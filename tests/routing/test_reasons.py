"""The catalogue says what DESIGN's table says, and knows every reason that the switch gives."""

import re
from pathlib import Path

import pytest

from routing.reasons import PHRASES, REASONS, choices, reason, sip_answer

SWITCH = Path(__file__).resolve().parents[2] / "switch"

# check, reason, log category, SIP, Q.850: the table "How an inbound call is decided".
TABLE = [
    (1, "source_not_listed", "call reject", 403, 21),
    (2, "carrier_disabled", "call reject", 403, 21),
    (3, "carrier_not_did_provider", "call reject", 403, 21),
    (4, "carrier_no_credit", "call reject", 403, 21),
    (5, "prefix_not_matched", "routing reject", 404, 1),
    (6, "did_unknown", "routing reject", 404, 1),
    (7, "did_of_other_carrier", "routing reject", 404, 1),
    (8, "did_suspended", "routing reject", 404, 1),
    (8, "did_quarantined", "routing reject", 404, 1),
    (8, "did_retired", "routing reject", 404, 1),
    (9, "did_not_mapped", "routing reject", 404, 1),
    (9, "alias_disabled", "routing reject", 404, 1),
    (10, "account_suspended", "routing reject", 404, 1),
    (11, "no_rate", "call reject", 403, 21),
    (11, "destination_blocked", "call reject", 403, 21),
    (11, "account_no_rate", "call reject", 403, 21),
    (12, "carrier_limit", "call reject", 503, 34),
    (12, "did_limit", "call reject", 486, 17),
    (12, "account_limit", "call reject", 486, 17),
    (13, "account_no_credit", "call reject", 403, 21),
    (13, "funds_unknown", "call reject", 503, 41),
    (14, "not_registered", "call", 487, 20),
    (15, "no_response", "call", 408, 18),
    (15, "no_answer", "call", 408, 19),
    (15, "busy", "call", 486, 17),
    (15, "declined", "call", 603, 21),
    (15, "cancelled", "call", 487, 16),
    (15, "cancelled_no_response", "call", 487, 18),
    (0, "no_decision", "switch", 503, 41),
    (0, "completed", "call", 200, 16),
    (0, "max_duration", "call", 200, 16),
    (0, "peer_vanished", "call", 200, 27),
    (0, "funds_ended", "call", 200, 31),
    (0, "meter_lost", "call", 200, 41),
]


@pytest.mark.parametrize(("check", "code", "category", "sip", "q850"), TABLE, ids=[row[1] for row in TABLE])
def test_the_table(check: int, code: str, category: str, sip: int, q850: int) -> None:
    known = REASONS[code]
    assert (known.check, known.category.value, known.sip, known.q850) == (check, category, sip, q850)


def test_every_reason_that_the_switch_gives_is_known() -> None:
    text = "".join(path.read_text() for path in SWITCH.glob("*.cfg"))
    given = set(re.findall(r'\((?:reason|limit)\) = "([a-z_]+)"', text)) | set(
        re.findall(r'=>reason\) = "([a-z_]+)"', text)
    )
    assert len(given) > 10
    assert given - REASONS.keys() == set()


def test_phrases_tell_a_scanner_nothing() -> None:
    told = {(known.sip, known.phrase) for known in REASONS.values()} - {(487, "Request rejected")}
    assert told <= set(PHRASES.items())
    refused_early = {sip_answer(code) for code, known in REASONS.items() if 1 <= known.check <= 11}
    assert refused_early == {(403, "Forbidden"), (404, "Not Found")}


def test_the_guide_speaks_where_it_does() -> None:
    assert REASONS["not_registered"].phrase == "Request rejected"
    assert "not registered to the switch at the time when the call is made" in REASONS["not_registered"].causes[0]
    for code in ("no_response", "cancelled_no_response"):
        assert "behind NAT" in REASONS[code].causes[0]
        words = " ".join(REASONS[code].remedies)
        assert "UDP port 5060" in words
        assert "fixed IP address" in words
        assert "{stun}" in words


def test_a_setting_makes_487_of_an_unregistered_phone_480() -> None:
    assert sip_answer("not_registered") == (487, "Request rejected")
    assert sip_answer("not_registered", 480) == (480, "Temporarily Unavailable")
    assert sip_answer("cancelled", 480) == (487, "Request Terminated")


def test_every_refusal_says_why_and_what_to_do() -> None:
    for known in REASONS.values():
        if known.refuses:
            assert known.causes, known.code
            assert known.remedies, known.code


def test_an_unknown_reason_is_shown_as_it_came() -> None:
    assert reason("new_one").words == "Unknown reason new_one"
    assert ("did_unknown", "No DID has this number") in choices()
