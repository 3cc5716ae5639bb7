"""A traced call's files are read by the tools that people use, tshark above all."""

import datetime as dt
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cdr.ladder import ladder_of
from cdr.models import SipMessage
from cdr.trace_files import checksum, socket_of, trace_pcap, trace_text

AT = dt.datetime(2026, 11, 23, 8, 0, 0, 250_000, dt.UTC)
CARRIER, SWITCH, PHONE = "203.0.113.5:5060", "192.0.2.1:5060", "198.51.100.7:61234"
HEAD = "Via: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x1\r\n"
INVITE = f"INVITE sip:442079460018@192.0.2.1 SIP/2.0\r\n{HEAD}CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
RINGING = f"SIP/2.0 180 Ringing\r\n{HEAD}CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"


FIELDS = (
    "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "tcp.seq",
    "sip.Method", "sip.Status-Code", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status",
)  # fmt: skip


def message(sequence: int, direction: str, src: str, dst: str, text: str, transport: str = "udp") -> SipMessage:
    return SipMessage(
        at=AT + dt.timedelta(milliseconds=sequence), sequence=sequence, direction=direction, src=src, dst=dst,
        transport=transport, message=text,
    )  # fmt: skip


def both_legs() -> list[SipMessage]:
    return [
        message(0, "in", CARRIER, SWITCH, INVITE),
        message(1, "out", SWITCH, PHONE, INVITE),
        message(2, "in", PHONE, SWITCH, RINGING),
        message(3, "out", SWITCH, CARRIER, RINGING),
    ]


def dissect(folder: Path, messages: list[SipMessage]) -> list[dict[str, list[str]]]:
    """Return what tshark reads, with all checksums verified."""
    tshark = shutil.which("tshark")
    assert tshark, "tshark is missing: apt-get install tshark"
    file = folder / "call.pcap"
    file.write_bytes(trace_pcap(messages))
    command = [tshark, "-r", str(file), "-T", "json", *(part for field in FIELDS for part in ("-e", field))]
    for option in ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum"):
        command += ["-o", f"{option}:TRUE"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cut short" not in done.stderr
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


GOOD = ["1"]


def test_wireshark_reads_every_message_with_right_checksums(tmp_path: Path) -> None:
    packets = dissect(tmp_path, both_legs())
    assert [p.get("sip.Method", p.get("sip.Status-Code")) for p in packets] == [
        ["INVITE"],
        ["INVITE"],
        ["180"],
        ["180"],
    ]
    assert (packets[1]["ip.src"], packets[1]["ip.dst"]) == (["192.0.2.1"], ["198.51.100.7"])
    assert (packets[2]["udp.srcport"], packets[2]["udp.dstport"]) == (["61234"], ["5060"])
    assert float(packets[0]["frame.time_epoch"][0]) == AT.timestamp()
    assert all(p["ip.checksum.status"] == GOOD and p["udp.checksum.status"] == GOOD for p in packets)


def test_ipv6_is_written_as_ipv6(tmp_path: Path) -> None:
    [packet] = dissect(tmp_path, [message(0, "in", "[2001:db8::5]:5060", "2001:db8::1:5060", INVITE)])
    assert (packet["ipv6.src"], packet["ipv6.dst"]) == (["2001:db8::5"], ["2001:db8::1"])
    assert packet["udp.checksum.status"] == GOOD


def test_tcp_messages_are_one_stream(tmp_path: Path) -> None:
    packets = dissect(tmp_path, [message(n, "in", CARRIER, SWITCH, INVITE, "tcp") for n in range(2)])
    assert [p["sip.Method"] for p in packets] == [["INVITE"], ["INVITE"]]
    assert int(packets[1]["tcp.seq"][0]) - int(packets[0]["tcp.seq"][0]) == len(INVITE)
    assert all(p["tcp.checksum.status"] == GOOD for p in packets)


@pytest.mark.parametrize("text", ["", "x" * 70_000, "Ä\ufffd" * 40_000])
def test_any_length_is_one_packet(tmp_path: Path, text: str) -> None:
    assert len(dissect(tmp_path, [message(0, "in", CARRIER, SWITCH, text)])) == 1


@pytest.mark.parametrize("place", ["", "nonsense", "udp:192.0.2.1:5060", "192.0.2.1", "[::1]:70000", "a:b:c"])
def test_no_address_breaks_the_file(place: str) -> None:
    assert trace_pcap([message(0, "in", place, CARRIER, INVITE)])
    assert 0 <= socket_of(place)[1] < 65_536


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == ~0xDDF2 & 0xFFFF


def test_the_text_has_every_message_under_its_addresses() -> None:
    text = trace_text(both_legs())
    assert text.count("--- 2026-11-23T08:00:00.") == 4
    assert f"{SWITCH} → {PHONE} (udp, out)" in text


def test_the_ladder_has_carrier_switch_and_phone_in_this_order() -> None:
    ladder = ladder_of(both_legs(), AT, {"203.0.113.5": "Acme"})
    assert [line.name for line in ladder.lifelines] == ["Acme", "Switch", "Phone"]
    left, middle, right = (line.x for line in ladder.lifelines)
    assert [(rung.x1, rung.x2) for rung in ladder.rungs] == [
        (left, middle), (middle, right), (right, middle), (middle, left),
    ]  # fmt: skip
    assert [rung.title for rung in ladder.rungs][2] == "180 Ringing"
    assert ladder.rungs[0].note == "1 INVITE"
