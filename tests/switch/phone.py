"""A SIP phone on one socket or connection: registers with digest, answers pings, treats calls as its test says.

SIPp plays the carriers; it cannot play a registered phone, because the switch's OPTIONS pings reach the same socket.
"""

import hashlib
import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.stack import PATIENCE
from tests.switch.wires import open_wire

PROVISIONAL = {100: "Trying", 180: "Ringing", 183: "Session Progress"}


@dataclass
class Message:
    """One SIP message, parsed just enough for tests."""

    text: str
    source: tuple[str, int] = ("", 0)
    at: float = field(default_factory=time.time)

    @property
    def start(self) -> str:
        return self.text.split("\r\n", 1)[0]

    @property
    def method(self) -> str:
        """Return the method of a request, or of the request a reply answers."""
        return self.start.split()[0] if not self.is_reply else self.header("CSeq").split()[-1]

    @property
    def is_reply(self) -> bool:
        return self.start.startswith("SIP/2.0")

    @property
    def code(self) -> int:
        return int(self.start.split()[1]) if self.is_reply else 0

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]

    def header(self, name: str) -> str:
        """Return the first header of this name, or ""."""
        found = self.headers(name)
        return found[0] if found else ""

    def headers(self, name: str) -> list[str]:
        head = self.text.partition("\r\n\r\n")[0]
        return re.findall(rf"(?im)^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", head)

    def uri(self, name: str) -> str:
        found = re.search(r"<([^>]+)>", self.header(name))
        return found.group(1) if found else self.header(name).split(";")[0]


@dataclass
class Manner:
    """How a phone treats a call; seconds count from the INVITE. None: never."""

    answer_after: float | None = 0.2
    ring: int | None = 180  # the provisional answer sent at once
    refuse: int | None = None  # final answer instead of 200
    refuse_after: float = 0.1
    phrase: str = "Phone's own words"
    extra: str = ""  # further header lines of final answers
    hang_up_after: float | None = None  # seconds after the answer
    silent: bool = False  # a phone whose packets do not arrive any more
    heeds_cancel: bool = True  # a phone just picked up answers although a CANCEL comes
    mute_in_call: bool = False  # answers nothing inside the call, OPTIONS neither


class Phone:
    """A phone registered as one alias. Use as a context manager; `messages` holds what it received, in order."""

    def __init__(
        self,
        server: tuple[str, int],
        user: str,
        secret: str,
        bind: tuple[str, int],
        *,
        realm: str = "voipbilling",
        manner: Manner | None = None,
        contact: str | None = None,
        agent: str = "Testphone 1.0",
        transport: str = "udp",
    ) -> None:
        self.transport, self.server = transport, server
        self.socket = self.open_socket(bind)
        self.socket.settimeout(0.05)
        host, port = self.socket.getsockname()[:2]
        self.host = f"[{host}]" if ":" in host else host
        self.port = port
        self.server, self.user, self.secret, self.realm, self.agent = server, user, secret, realm, agent
        over = "" if transport == "udp" else f";transport={transport}"
        self.contact = contact or f"sip:{user}@{self.host}:{port}{over}"
        self.manner = manner or Manner()
        self.messages: list[Message] = []
        self.pings: list[Message] = []
        self.replies: list[Message] = []
        self.register_id = secrets.token_hex(6)
        self.tag = secrets.token_hex(4)
        self.cseq = 0
        self.timers: list[tuple[float, object]] = []
        self.calls: dict[str, Message] = {}
        self.cancelled: set[str] = set()
        self.heard: set[tuple[str, str]] = set()
        self.lock = threading.RLock()
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def open_socket(self, bind: tuple[str, int]) -> Any:
        """Return what carries its SIP; a phone in a namespace opens it there."""
        return open_wire(self.transport, bind, self.server)

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.running = False
        self.thread.join(2)
        self.socket.close()

    # --- what a test asks of the phone ---

    def register(self, expires: int = 600, secret: str | None = None, wait: float = 10) -> int:
        """Register (or unregister with 0), answering one challenge, and return the final code."""
        reply = self._register_once(expires, "", wait)
        if reply and reply.code == 401:
            credentials = self._digest(reply.header("WWW-Authenticate"), secret or self.secret)
            reply = self._register_once(expires, credentials, wait)
        return reply.code if reply else 0

    def wait_for(self, method: str, count: int = 1, wait: float = PATIENCE) -> Message:
        """Return the count-th request of a method, or fail."""
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            found = [m for m in self.messages if m.method == method]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.02)
        raise AssertionError(f"{self.user}: no {method} within {wait} s; got {[m.start for m in self.messages]}")

    def received_exactly(self, *methods: str) -> bool:
        """Wait for these requests, in whatever order the switch's workers hand them on; fail where others come."""
        deadline = time.monotonic() + PATIENCE
        while len(self.messages) < len(methods) and time.monotonic() < deadline:
            time.sleep(0.02)
        came = [m.method for m in self.messages]
        assert sorted(came) == sorted(methods), came
        return True

    def received(self, method: str) -> list[Message]:
        return [m for m in self.messages if m.method == method]

    def in_dialog(self, method: str, body: str = "", extra: str = "", wait: float = PATIENCE) -> int:
        """Send a request inside the last answered call and return the final code (0: none came)."""
        invite = list(self.calls.values())[-1]
        reply = self._transact(self._dialog_request(invite, method, body, extra), wait)
        if reply and method == "INVITE" and reply.code < 300:
            self._send(self._dialog_request(invite, "ACK", cseq=self.cseq))
        return reply.code if reply else 0

    # --- registration ---

    def _register_once(self, expires: int, credentials: str, wait: float) -> Message | None:
        request = self._request(
            "REGISTER",
            f"sip:{self.realm}",
            f"<sip:{self.user}@{self.realm}>;tag={self.tag}",
            f"<sip:{self.user}@{self.realm}>",
            self.register_id,
            f"Contact: <{self.contact}>\r\nExpires: {expires}\r\n{credentials}",
        )
        return self._transact(request, wait)

    def _digest(self, challenge: str, secret: str) -> str:
        values = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        name = values.get("algorithm", "MD5")

        def hashed(text: str) -> str:
            return hashlib.new(name.replace("-", "").lower(), text.encode()).hexdigest()

        uri, cnonce = f"sip:{self.realm}", secrets.token_hex(4)
        first = hashed(f"{self.user}:{values['realm']}:{secret}")
        second = hashed(f"REGISTER:{uri}")
        answer = hashed(f"{first}:{values['nonce']}:00000001:{cnonce}:auth:{second}")
        return (
            f'Authorization: Digest username="{self.user}", realm="{values["realm"]}", nonce="{values["nonce"]}", '
            f'uri="{uri}", algorithm={name}, qop=auth, nc=00000001, cnonce="{cnonce}", response="{answer}"\r\n'
        )

    # --- requests of our own ---

    def _request(self, method: str, uri: str, sender: str, to: str, call_id: str, extra: str, cseq: int = 0) -> str:
        if not cseq:
            self.cseq += 1
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self.transport.upper()} {self.host}:{self.port};rport;"
            f"branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"From: {sender}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq or self.cseq} {method}\r\n"
            f"Max-Forwards: 70\r\nUser-Agent: {self.agent}\r\n{extra}"
        )

    def _dialog_request(self, invite: Message, method: str, body: str = "", extra: str = "", cseq: int = 0) -> str:
        routes = "".join(f"Route: {value}\r\n" for value in invite.headers("Record-Route"))
        contact = f"Contact: <{self.contact}>\r\n" if method in {"INVITE", "UPDATE", "REFER"} else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            self._request(
                method,
                invite.uri("Contact"),
                f"{invite.header('To')};tag={self.tag}",
                invite.header("From"),
                invite.header("Call-ID"),
                routes + contact + extra + kind,
                cseq,
            )
            + f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _transact(self, request: str, wait: float) -> Message | None:
        if "Content-Length" not in request:
            request += "Content-Length: 0\r\n\r\n"
        seen, cseq = len(self.replies), Message(request).header("CSeq")
        self._send(request)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            for reply in self.replies[seen:]:
                if reply.header("CSeq") == cseq and reply.code >= 200:
                    return reply
            time.sleep(0.01)
        return None

    def _send(self, text: str, to: tuple[str, int] | None = None) -> None:
        if "Content-Length" not in text:
            text += "Content-Length: 0\r\n\r\n"
        self.socket.sendto(text.encode(), to or self.server)

    # --- what others ask of the phone ---

    def _run(self) -> None:
        while self.running:
            now = time.time()
            with self.lock:
                due = [timer for timer in self.timers if timer[0] <= now]
                self.timers = [timer for timer in self.timers if timer[0] > now]
            for _, action in due:
                action()
            try:
                data, source = self.socket.recvfrom(65535)
            except (TimeoutError, OSError):
                continue
            if len(data) < 20 or data[0] < 4:  # a keep-alive, or an answer of a STUN server (RFC 8489 §5)
                continue
            message = Message(data.decode(errors="replace"), source[:2])
            if message.is_reply:
                self.replies.append(message)
            else:
                # The switch's pings come whenever they come; tests look at calls.
                ping = message.method == "OPTIONS" and "tag=" not in message.header("To")
                # One that is sent again, because its answer was not there after half a second, is the same still.
                if (name := (message.method, message.header("Via"))) not in self.heard:
                    self.heard.add(name)
                    (self.pings if ping else self.messages).append(message)
                if not self.manner.silent:
                    self._serve(message)

    def _later(self, seconds: float, action: object) -> None:
        with self.lock:
            self.timers.append((time.time() + seconds, action))

    def _serve(self, request: Message) -> None:
        in_call = "tag=" in request.header("To")
        if request.method == "ACK" or (in_call and self.manner.mute_in_call):
            return
        if request.method == "INVITE" and not in_call:
            if request.header("Call-ID") + request.header("Via") not in self.calls:
                self._ring(request)
        elif request.method == "CANCEL":
            self._reply(request, 200, "OK")
            self.cancelled.add(request.header("Call-ID"))
            if not self.manner.heeds_cancel:
                return
            for invite in [m for m in self.calls.values() if m.header("Call-ID") == request.header("Call-ID")]:
                self._reply(invite, 487, "Request Terminated")
        else:
            self._reply(request, 200, "OK", body=self.answer_body(request) if request.body else "")

    def _ring(self, invite: Message) -> None:
        manner = self.manner
        key = invite.header("Call-ID") + invite.header("Via")
        self.calls[key] = invite
        if manner.ring:
            self._reply(invite, manner.ring, PROVISIONAL[manner.ring])
        if manner.refuse:
            self._later(manner.refuse_after, lambda: self._reply(invite, manner.refuse, manner.phrase, manner.extra))
        elif manner.answer_after is not None:
            self._later(manner.answer_after, lambda: self._answer(invite))

    def _answer(self, invite: Message) -> None:
        if self.manner.heeds_cancel and invite.header("Call-ID") in self.cancelled:
            return
        self._reply(invite, 200, self.manner.phrase, body=self.answer_body(invite))
        if self.manner.hang_up_after is not None:
            self._later(self.manner.hang_up_after, lambda: self._send(self._dialog_request(invite, "BYE")))

    def answer_body(self, invite: Message) -> str:
        """Return the SDP that answers an INVITE: what was offered, unless the phone has audio of its own."""
        return invite.body

    def _reply(self, request: Message, code: int, phrase: str, extra: str = "", body: str = "") -> None:
        copied = "".join(f"{name}: {value}\r\n" for name in ("Via", "Record-Route") for value in request.headers(name))
        to = request.header("To")
        if "tag=" not in to and code > 100:
            to += f";tag={self.tag}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._send(
            f"SIP/2.0 {code} {phrase}\r\n{copied}From: {request.header('From')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.header('Call-ID')}\r\nCSeq: {request.header('CSeq')}\r\nContact: <{self.contact}>\r\n"
            f"Server: {self.agent}\r\n{extra}{kind}Content-Length: {len(body)}\r\n\r\n{body}",
            request.source,
        )
