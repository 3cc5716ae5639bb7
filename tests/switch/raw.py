"""A bare socket, UDP or a connection, that speaks just enough SIP to be rude."""

import os
import secrets
import socket
import struct
import time

from tests.stack import PATIENCE
from tests.switch.phone import Message
from tests.switch.wires import open_wire

STUN_COOKIE = 0x2112A442
# Seconds after which a request over UDP is sent again (RFC 3261 §17.1: what a full socket drops, nobody answers).
REPEAT = 1.0


class Raw:
    """One socket; every request is made by hand."""

    def __init__(self, bind: tuple[str, int], transport: str = "udp", server: tuple[str, int] = ("", 0)) -> None:
        self.family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        self.transport = transport
        self.socket = open_wire(transport, bind, server)
        self.address, self.port = self.socket.getsockname()[:2]
        self.host = f"[{self.address}]" if self.family == socket.AF_INET6 else self.address

    @property
    def via(self) -> str:
        """Return a Via of a transaction of its own."""
        branch = secrets.token_hex(6)
        return f"SIP/2.0/{self.transport.upper()} {self.host}:{self.port};rport;branch=z9hG4bK{branch}"

    def request(
        self,
        method: str,
        uri: str,
        *,
        user: str = "x",
        domain: str = "voipbilling",
        to_tag: str = "",
        call_id: str = "",
        extra: str = "",
        without: tuple[str, ...] = (),
        sender: str = "",
    ) -> str:
        """Return a request; `without` names headers to leave out."""
        tag = f";tag={to_tag}" if to_tag else ""
        headers = {
            "Via": self.via,
            "From": f"{sender or f'<sip:{user}@{domain}>'};tag={secrets.token_hex(4)}",
            "To": f"<sip:{user}@{domain}>{tag}",
            "Call-ID": call_id or secrets.token_hex(8),
            "CSeq": f"1 {method}",
            "Contact": f"<sip:{user}@{self.host}:{self.port}>",
            "Max-Forwards": "70",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name not in without)
        return f"{method} {uri} SIP/2.0\r\n{lines}{extra}Content-Length: 0\r\n\r\n"

    def send(self, data: str | bytes, to: tuple[str, int]) -> None:
        self.socket.sendto(data.encode("latin-1") if isinstance(data, str) else data, to)

    def hear(self, seconds: float = PATIENCE) -> Message | None:
        """Return the next SIP message that is no provisional answer, or None."""
        self.socket.settimeout(seconds)
        try:
            while True:
                message = Message(self.socket.recv(65535).decode("latin-1"))
                if not message.is_reply or message.code >= 200:
                    return message
        except TimeoutError:
            return None

    def ask(self, request: str, to: tuple[str, int]) -> Message:
        """Send a request and return its final answer; its refusal is acknowledged."""
        sent = Message(request)
        deadline = time.monotonic() + PATIENCE
        answer = None
        while answer is None and time.monotonic() < deadline:
            self.send(request, to)
            answer = self.hear(REPEAT if self.transport == "udp" else PATIENCE)
            # An answer to an earlier request comes again where that was sent again.
            while answer and answer.is_reply and answer.header("CSeq") != sent.header("CSeq"):
                answer = self.hear(REPEAT)
        assert answer is not None, f"no answer to {request.splitlines()[0]}"
        if answer.method == "INVITE" and answer.code >= 300:
            ack = request.replace(sent.start, sent.start.replace("INVITE", "ACK"), 1).replace("1 INVITE", "1 ACK")
            self.send(ack.replace(sent.header("To"), answer.header("To"), 1), to)
        return answer

    def hear_finals(self, count: int, seconds: float = PATIENCE) -> list[Message]:
        """Return so many final answers with different To tags: an INVITE that was forked may get several 2xx."""
        found: dict[str, Message] = {}
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            message = self.hear(0.5)
            if message and message.is_reply:
                found.setdefault(message.header("To"), message)
        return list(found.values())

    def call_and_end_both(self, number: str, to: tuple[str, int]) -> Message:
        """Call a number that two phones pick up at once, end both calls, and return the first answer."""
        self.send(self.request("INVITE", f"sip:{number}@127.0.0.1", user=number), to)
        answers = self.hear_finals(2)
        assert [answer.code for answer in answers] == [200, 200]
        for answer in answers:
            self.send(self.within(answer, "ACK", 1), to)
        for answer in reversed(answers):
            assert self.ask(self.within(answer, "BYE", 2), to).code == 200
        return answers[0]

    def within(self, answer: Message, method: str, cseq: int) -> str:
        """Return a request of the caller in the dialog that a 2xx opened."""
        routes = "".join(f"Route: {route}\r\n" for route in reversed(answer.headers("Record-Route")))
        return (
            f"{method} {answer.uri('Contact')} SIP/2.0\r\n"
            f"Via: {self.via}\r\n{routes}"
            f"From: {answer.header('From')}\r\nTo: {answer.header('To')}\r\nCall-ID: {answer.header('Call-ID')}\r\n"
            f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )

    def serve(self, methods: list[str], server: tuple[str, int], patience: float = PATIENCE) -> None:
        """Answer so many requests inside a call with 200, an ACK with nothing; fail where another comes."""
        served: set[str] = set()
        for method in methods:
            request = self.hear(patience)
            while request and (request.is_reply or request.header("Via") in served):
                # What comes again has waited for us, or we for it.
                request = self.hear(patience)
            assert request is not None, f"no {method}"
            assert request.method == method, request.text
            served.add(request.header("Via"))
            if method != "ACK":
                copied = ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
                lines = [f"{name}: {value}" for name in copied for value in request.headers(name)]
                contact = f"Contact: <sip:x@{self.host}:{self.port}>"
                self.send("\r\n".join(["SIP/2.0 200 OK", *lines, contact, "Content-Length: 0", "", ""]), server)

    def hears_nothing(self, seconds: float) -> bool:
        return self.hear(seconds) is None

    def stun(self, to: tuple[str, int]) -> tuple[str, int]:
        """Return the address a STUN binding answer shows."""
        return stun_mapping(self.socket, to)


def stun_mapping(own: socket.socket, to: tuple[str, int]) -> tuple[str, int]:
    """Ask a STUN server how it sees a socket (RFC 8489, XOR-MAPPED-ADDRESS)."""
    transaction = os.urandom(12)
    own.sendto(stun_request(transaction), to)
    own.settimeout(PATIENCE)
    answer = own.recv(2048)
    kind, length, cookie = struct.unpack("!HHI", answer[:8])
    assert (kind, cookie, answer[8:20]) == (0x0101, STUN_COOKIE, transaction)
    offset = 20
    while offset < 20 + length:
        attribute, size = struct.unpack("!HH", answer[offset : offset + 4])
        value = answer[offset + 4 : offset + 4 + size]
        if attribute == 0x0020:
            mask = struct.pack("!I", STUN_COOKIE) + transaction
            family = socket.AF_INET if value[1] == 1 else socket.AF_INET6
            address = bytes(a ^ b for a, b in zip(value[4:], mask, strict=False))
            return socket.inet_ntop(family, address), struct.unpack("!H", value[2:4])[0] ^ (STUN_COOKIE >> 16)
        offset += 4 + size + (-size % 4)
    raise AssertionError("no XOR-MAPPED-ADDRESS")


def stun_request(transaction: bytes) -> bytes:
    """Return a binding request."""
    return struct.pack("!HHI", 1, 0, STUN_COOKIE) + transaction
