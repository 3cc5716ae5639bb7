"""The catalogue says what the table in docs/decisions.md says, and knows every reason that the switch gives."""

import re
from pathlib import Path

import pytest

from routing.reasons import PHRASES, REASONS, choices, reason, sip_answer

SWITCH = Path(__file__).resolve().parents[2] / "switch"

DOCUMENT = SWITCH.parent / "docs" / "decisions.md"
ROW = re.compile(r"^\| (\d+|–) \| [^|]* \| `(\w+)` \| ([\w ]+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
TABLE = ROW.findall(DOCUMENT.read_text())


@pytest.mark.parametrize(("check", "code", "category", "sip", "q850"), TABLE, ids=[row[1] for row in TABLE])
def test_the_table(check: str, code: str, category: str, sip: str, q850: str) -> None:
    known = REASONS[code]
    assert (str(known.check or "–"), known.category.value) == (check, category)
    assert (known.sip, known.q850) == (int(sip), int(q850))


def test_every_reason_has_a_row_in_the_order_of_the_checks() -> None:
    assert {row[1] for row in TABLE} == REASONS.keys() - {"accepted"}
    checks = [int(row[0]) for row in TABLE if row[0] != "–"]
    assert checks == sorted(checks) and set(checks) == set(range(1, 16))


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
