"""A traced call's SIP messages as files: plain text, and pcap for Wireshark.

The switch records messages, not packets; the IP, UDP and TCP headers are written anew, with right lengths and checksums
(RFC 791, 8200, 768, 9293), so that every dissector reads them. Link type RAW: a packet begins with its IP header.
"""

import ipaddress
import struct
from collections import defaultdict
from collections.abc import Iterable

from cdr.models import SipMessage

PCAP_MAGIC_MICROSECONDS = 0xA1B2C3D4
LINKTYPE_RAW = 101
SNAPLEN = 262_144
UDP, TCP = 17, 6
MOST_PAYLOAD = 65_535 - 60 - 60  # What one IPv4 packet holds beside the largest headers.

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def trace_text(messages: Iterable[SipMessage]) -> str:
    """Return messages in order as text, each under a line of time, direction and addresses."""
    parts = []
    for message in messages:
        arrow = f"{message.src} → {message.dst} ({message.transport}, {message.direction})"
        parts.append(
            f"--- {message.at.isoformat(timespec='microseconds')} {arrow}\r\n{message.message.rstrip()}\r\n\r\n"
        )
    return "".join(parts)


def trace_pcap(messages: Iterable[SipMessage]) -> bytes:
    """Return messages as a pcap file."""
    file = [struct.pack("<IHHiIII", PCAP_MAGIC_MICROSECONDS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW)]
    sequence: dict[tuple[str, str], int] = defaultdict(lambda: 1)
    for message in messages:
        payload = message.message.encode()[:MOST_PAYLOAD]
        source, destination = socket_of(message.src), socket_of(message.dst)
        if message.transport.lower() in {"tcp", "tls", "ws", "wss"}:
            here, there = (message.src, message.dst), (message.dst, message.src)
            packet = tcp_packet(source, destination, payload, sequence[here], sequence[there])
            sequence[here] += len(payload)
        else:
            packet = udp_packet(source, destination, payload)
        seconds, microseconds = int(message.at.timestamp()), message.at.microsecond
        file.append(struct.pack("<IIII", seconds, microseconds, len(packet), len(packet)) + packet)
    return b"".join(file)


def socket_of(text: str) -> tuple[Address, int]:
    """Return address and port of ``address:port``, with or without brackets or a leading transport."""
    head, _, rest = text.partition(":")
    text = rest if head.isalpha() and len(head) <= 4 and head.lower() in {"udp", "tcp", "tls", "sctp"} else text
    host, _, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = ipaddress.ip_address("0.0.0.0")  # noqa: S104 - stands for "not known", nothing is bound
    return address, int(port) % 65_536 if port.isdigit() else 0


def udp_packet(source: tuple[Address, int], destination: tuple[Address, int], payload: bytes) -> bytes:
    """Return an IP packet with one UDP datagram."""
    source, destination = same_family(source, destination)
    length = 8 + len(payload)
    header = struct.pack("!HHHH", source[1], destination[1], length, 0)
    total = checksum(pseudo_header(source[0], destination[0], UDP, length) + header + payload)
    # Zero would mean "no checksum"; its other form says the same number.
    header = header[:6] + struct.pack("!H", total or 0xFFFF)
    return ip_packet(source[0], destination[0], UDP, header + payload)


def tcp_packet(
    source: tuple[Address, int], destination: tuple[Address, int], payload: bytes, sent: int, received: int
) -> bytes:
    """Return an IP packet with one TCP segment (PSH, ACK) at these positions of the two streams."""
    source, destination = same_family(source, destination)
    fields = (source[1], destination[1], sent & 0xFFFFFFFF, received & 0xFFFFFFFF, 5 << 4, 0x18, 65_535, 0, 0)
    header = struct.pack("!HHIIBBHHH", *fields)
    total = checksum(pseudo_header(source[0], destination[0], TCP, len(header) + len(payload)) + header + payload)
    header = header[:16] + struct.pack("!H", total) + header[18:]
    return ip_packet(source[0], destination[0], TCP, header + payload)


def same_family(source: tuple[Address, int], destination: tuple[Address, int]) -> tuple[tuple[Address, int], ...]:
    """Return both sockets in one family; a mixed pair (an unknown address) as IPv4-mapped IPv6."""
    if source[0].version == destination[0].version:
        return source, destination
    return tuple(
        (ipaddress.ip_address(f"::ffff:{address}") if address.version == 4 else address, port)
        for address, port in (source, destination)
    )


def pseudo_header(source: Address, destination: Address, protocol: int, length: int) -> bytes:
    """Return what a transport checksum covers beside the segment (RFC 768; RFC 8200 §8.1)."""
    if source.version == 4:
        return source.packed + destination.packed + struct.pack("!BBH", 0, protocol, length)
    return source.packed + destination.packed + struct.pack("!IHBB", length, 0, 0, protocol)


def ip_packet(source: Address, destination: Address, protocol: int, segment: bytes) -> bytes:
    """Return a segment with its IP header."""
    if source.version == 6:
        header = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64)
        return header + source.packed + destination.packed + segment
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0)
    header += source.packed + destination.packed
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + segment


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
