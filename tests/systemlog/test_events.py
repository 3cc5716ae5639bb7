"""Events are read as the contract says, and nothing hostile in them reaches the database."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systemlog.events import InvalidEvent, address_of, endpoint_of, event_of, parse_event, parse_time
from tests.calls import Call, line


def test_a_switchs_event_is_read() -> None:
    call = Call(started=1_763_884_800.123456)
    event = parse_event(line(call.attempt_event()))
    assert event.id == f"sw1:{call.attempt}:attempt:0"
    assert event.at == dt.datetime(2025, 11, 23, 8, 0, 0, 123456, dt.UTC)
    assert event.call["source"] == "203.0.113.5"


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": None},
        {"switch": ""},
        {"switch": "a b"},
        {"switch": "x" * 65},
        {"attempt": "7"},
        {"type": "End"},
        {"type": "x" * 25},
        {"seq": -1},
        {"seq": "0"},
        {"seq": True},
        {"seq": 2**31},
        {"at": "NaN"},
        {"at": "1e400"},
        {"at": "-1"},
        {"at": "99999999999"},
        {"at": None},
        {"started": "soon"},
        {"started": "1" * 400},
    ],
)
def test_what_breaks_the_contract_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidEvent):
        event_of(Call().attempt_event() | change)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"v":NaN}', b"[" * 100_000, b'{"v":1}' + b" " * 200_000],
)
def test_what_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(raw)


def test_strings_are_cut_and_made_storable() -> None:
    call = Call(ruri="sip:" + "9" * 500, from_uri="sip:\x00\ud800@x", user_agent=["not", "text"])
    event = parse_event(line(call.attempt_event()))
    assert len(event.call["ruri"]) == 256
    assert event.call["from_uri"] == "sip:\ufffd\ufffd@x"
    json.dumps(event.body).encode()


def test_an_opaque_value_is_bounded() -> None:
    deep: object = 1
    for _ in range(50):
        deep = {"a": deep}
    event = event_of(Call().decision(facts={"deep": deep, "many": list(range(10_000)), "big": 10**40}))
    facts = event.body["facts"]
    assert len(facts["many"]) == 200
    assert facts["big"] is None
    assert str(facts["deep"]).count("{") <= 6


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(ANY_JSON)
def test_any_json_value_in_any_field_is_read_or_refused(value: object) -> None:
    """Neither parsing nor the accessors raise anything but InvalidEvent."""
    for field in ("v", "switch", "attempt", "type", "seq", "at", "started", "call", "reason", "rang", "sip"):
        data = Call().end() | {field: value}
        try:
            event = event_of(data)
            event.text("reason"), event.integer("sip"), event.call, event.time("rang")
        except InvalidEvent:
            continue
        assert event.id.count("\x00") == 0


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("nonsense", None),
        (7, None),
        ("", None),
    ],
)
def test_addresses_are_kept_in_one_form(told: object, kept: str | None) -> None:
    assert address_of(told) == kept


@given(st.integers(1_577_836_800_000_000, 4_102_444_800_000_000))
def test_times_are_exact_to_the_microsecond(microseconds: int) -> None:
    told = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
    kept = parse_time(told, "at") - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert kept // dt.timedelta(microseconds=1) == microseconds


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("192.0.2.7:5060", "192.0.2.7:5060"),
        ("[0:0:0:0:0:0:0:1]:5061", "[::1]:5061"),
        ("2001:db8:0:0:0:0:0:7:5060", "[2001:db8::7]:5060"),
        ("sip:[2001:db8::7]:49152;transport=tls", "[2001:db8::7]:49152"),
        ("sip:203.0.113.9:49152;transport=tcp", "203.0.113.9:49152"),
        ("[::ffff:192.0.2.7]:5060", "192.0.2.7:5060"),
        ("", ""),
        ("no address", "no address"),
        (None, ""),
    ],
)
def test_an_endpoint_is_written_as_people_write_it(said: object, shown: str) -> None:
    """Kamailio writes IPv6 addresses at full length, with or without brackets."""
    assert endpoint_of(said) == shown
