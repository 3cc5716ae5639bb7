"""Phones and callers that really send and receive RTP (RFC 3550), in the test's own process."""

import ipaddress
import re
import secrets
import socket
import struct
import threading
import time

from tests.nat.lab import Router
from tests.stack import PATIENCE
from tests.switch.phone import Manner, Message, Phone
from tests.switch.raw import stun_mapping, stun_request

PACKET_SECONDS = 0.02
SAMPLES = 160  # of 8 kHz PCMU in one packet


def udp(host: str, port: int = 0) -> socket.socket:
    """Return a UDP socket of this machine."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, port))
    return made


class Rtp:
    """One end of an audio stream: sends a packet every 20 ms, and remembers who sent what came in."""

    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        self.socket.settimeout(0.05)
        self.port: int = own.getsockname()[1]
        self.mark = secrets.token_bytes(8)
        self.heard: dict[bytes, int] = {}
        self.sources: set[tuple[str, int]] = set()
        self.target: tuple[str, int] | None = None
        self.mute = False
        self.sent = 0
        self.running = True
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._send, daemon=True).start()

    def send_to(self, sdp: str) -> None:
        """Send where an SDP body says; nowhere, where it says nothing that could be meant."""
        try:
            address, port = audio_target(sdp)
            ipaddress.ip_address(address)
            self.target = (address, port) if 0 < port < 65536 else None
        except (AssertionError, ValueError):
            self.target = None

    def heard_from(self, other: "Rtp") -> int:
        """Return how many packets of another end arrived here."""
        return self.heard.get(other.mark, 0)

    def close(self) -> None:
        self.running = False
        time.sleep(0.06)
        self.socket.close()

    def _send(self) -> None:
        stream = secrets.randbits(32)
        while self.running:
            if self.target and not self.mute:
                head = struct.pack("!BBHII", 0x80, 0, self.sent & 0xFFFF, self.sent * SAMPLES, stream)
                try:
                    self.socket.sendto(head + self.mark + bytes(SAMPLES - len(self.mark)), self.target)
                    self.sent += 1
                except OSError:
                    # Closed, or told to send where this socket cannot: an address of the other family.
                    self.target = None
            time.sleep(PACKET_SECONDS)

    def _listen(self) -> None:
        while self.running:
            try:
                data, source = self.socket.recvfrom(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            if len(data) > 20 and data[0] >> 6 == 2:
                self.heard[data[12:20]] = self.heard.get(data[12:20], 0) + 1
                self.sources.add(source[:2])


def audio_target(sdp: str) -> tuple[str, int]:
    """Return address and port of the first audio stream of an SDP body (RFC 8866); fail where it names none."""
    address, port = re.findall(r"(?m)^c=IN IP[46] (\S+)", sdp), re.search(r"(?m)^m=audio (\d+)", sdp)
    assert address and port, sdp
    return address[-1], int(port[1])


def sdp_of(host: str, port: int) -> str:
    """Return an SDP body that offers PCMU at an address."""
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )


class AudioPhone(Phone):
    """A phone that sends audio when it answers. Behind a router it names its private address, as phones do.

    With ``stun`` it asks that server first and names what it was told; ``keep_alive`` sends the switch a STUN request
    every so many seconds, which keeps the router's binding open.
    """

    def __init__(
        self,
        server: tuple[str, int],
        user: str,
        secret: str,
        host: str | Router,
        *,
        stun: tuple[str, int] | None = None,
        keep_alive: float = 0,
        **options: object,
    ) -> None:
        self.router = host if isinstance(host, Router) else None
        audio = self.router.socket() if self.router else udp(str(host))
        self.stun, self.named, self.keep_alive = stun, stun_mapping(audio, stun) if stun else None, keep_alive
        self.rtp = Rtp(audio)
        self.mapped: tuple[str, int] | None = None
        super().__init__(server, user, secret, (str(host), 0), **options)
        if self.mapped:
            self.contact = f"sip:{user}@{self.mapped[0]}:{self.mapped[1]}"
        if keep_alive:
            self._keep_alive()

    def open_socket(self, bind: tuple[str, int]) -> socket.socket:
        made = self.router.socket(5060) if self.router else super().open_socket(bind)
        if self.stun:
            self.mapped = stun_mapping(made, self.stun)
        return made

    def _keep_alive(self) -> None:
        self.socket.sendto(stun_request(secrets.token_bytes(12)), self.server)
        self._later(self.keep_alive, self._keep_alive)

    def _answer(self, invite: Message) -> None:
        if invite.body:
            self.rtp.send_to(invite.body)
        super()._answer(invite)

    def answer_body(self, invite: Message) -> str:
        return sdp_of(*(self.named or (self.host.strip("[]"), self.rtp.port)))

    def _serve(self, request: Message) -> None:
        if "m=audio" in request.body and (request.method == "ACK" or "tag=" in request.header("To")):
            self.rtp.send_to(request.body)
        super()._serve(request)

    def close(self) -> None:
        super().close()
        self.rtp.close()


class AudioCaller(Phone):
    """A provider's gateway with audio: places calls to the switch instead of registering."""

    def __init__(self, server: tuple[str, int], host: str, **options: object) -> None:
        self.rtp = Rtp(udp(host))
        super().__init__(server, "provider", "", (host, 0), manner=Manner(), **options)

    def answer_body(self, invite: Message) -> str:
        return sdp_of(self.host.strip("[]"), self.rtp.port)

    def _serve(self, request: Message) -> None:
        # A gateway is some milliseconds away. The switch sends the phone no BYE when the caller's answer to its own
        # arrives before that is sent (https://github.com/kamailio/kamailio/issues/4268).
        if request.method == "BYE":
            self._later(0.05, lambda: self._reply(request, 200, "OK"))
        else:
            super()._serve(request)

    def call(self, number: str, *, body: str | None = None, wait: float = PATIENCE) -> Message:
        """Place a call, acknowledge what comes, send audio where the answer says; return the final answer."""
        host, port = self.server
        shown = f"[{host}]" if ":" in host else host
        self.call_id = f"{secrets.token_hex(8)}@{self.host}"
        uri = f"sip:{number}@{shown}:{port}"
        sdp = sdp_of(self.host.strip("[]"), self.rtp.port) if body is None else body
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        invite = self._request(
            "INVITE", uri, f"<sip:37129000000@{self.host}>;tag={self.tag}", f"<{uri}>", self.call_id,
            f"Contact: <sip:provider@{self.host}:{self.port}>\r\n{kind}",
        ) + f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"  # fmt: skip
        self.invite = invite
        self.final = self._transact(invite, wait) or Message("SIP/2.0 000 No answer\r\n\r\n")
        answer = ""
        if self.final.code == 200:
            self.rtp.send_to(self.final.body)
            answer = "" if sdp else sdp_of(self.host.strip("[]"), self.rtp.port)
        if self.final.code:
            self._send(self._of_dialog("ACK", answer, cseq=self.cseq, failed=self.final.code >= 300, invite=invite))
        return self.final

    def cancel(self, wait: float = PATIENCE) -> None:
        """Give up on a call that was not answered, and take its final answer (RFC 3261 §9.1)."""
        seen = len(self.replies)
        head = re.sub(r"(?m)^(Contact|Content-\w+):.*\r\n", "", self.invite.partition("\r\n\r\n")[0] + "\r\n")
        self._send(head.replace("INVITE ", "CANCEL ", 1).replace(" INVITE\r", " CANCEL\r"))
        deadline = time.time() + wait
        while time.time() < deadline:
            for reply in self.replies[seen:]:
                if reply.method == "INVITE" and reply.code >= 200:
                    self.final = reply
                    self._send(self._of_dialog("ACK", cseq=self.cseq, failed=True, invite=self.invite))
                    return
            time.sleep(0.02)

    def ask(self, method: str, body: str = "", wait: float = PATIENCE) -> Message | None:
        """Send a request inside the call and return its final answer."""
        reply = self._transact(self._of_dialog(method, body), wait)
        if reply and method == "INVITE":
            if reply.code == 200 and reply.body:
                self.rtp.send_to(reply.body)
            self._send(self._of_dialog("ACK", cseq=self.cseq))
        return reply

    def _of_dialog(self, method: str, body: str = "", cseq: int = 0, *, failed: bool = False, invite: str = "") -> str:
        final = self.final
        uri = invite.split()[1] if failed else final.uri("Contact")
        routes = "" if failed else "".join(f"Route: {value}\r\n" for value in reversed(final.headers("Record-Route")))
        contact = f"Contact: <sip:provider@{self.host}:{self.port}>\r\n" if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        request = self._request(
            method, uri, final.header("From"), final.header("To"), self.call_id, routes + contact + kind, cseq
        )
        if failed:
            # The ACK of a refusal belongs to its INVITE's transaction (RFC 3261 §17.1.1.3).
            branch = re.search(r"branch=(\S+)", invite)
            assert branch
            request = re.sub(r"branch=\S+", f"branch={branch[1]}", request, count=1)
        return request + f"Content-Length: {len(body)}\r\n\r\n{body}"
