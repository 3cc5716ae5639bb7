"""A phone: registers and stays registered, rings, answers, declines, hangs up, or is never reached."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from demo.sip.endpoint import Endpoint
from demo.sip.message import Message, answer_to, parameter, uri_of

EXPIRES = 300


@dataclass(frozen=True)
class Conduct:
    """How a phone treats one call; seconds from the INVITE, or from the answer. None: never."""

    answers_after: float | None = 3.0
    refuses: int = 0
    hangs_up_after: float | None = 40.0
    silent: bool = False


PHRASES = {200: "OK", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 603: "Decline"}


class Phone(Endpoint):
    """One alias's phone. ``conduct`` says what it does with the call of a Call-ID."""

    def __init__(
        self, switch: tuple[str, int], realm: str, user: str, secret: str, agent: str, conduct: Callable[[str], Conduct]
    ) -> None:
        super().__init__(switch, agent)
        self.realm, self.user, self.secret, self.conduct = realm, user, secret, conduct
        # What it says of itself, where it does not know the address that its router gives it.
        self.private_host = ""
        self.registered = False
        self._call_id = secrets.token_hex(10)
        self._tag = secrets.token_hex(5)
        self._ringing: dict[str, tuple[Message, asyncio.Task[None]]] = {}
        self._up: dict[str, Message] = {}

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{self.private_host or self.host}:{5060 if self.private_host else self.port}"

    # Registration

    async def stay_registered(self, tries_again_after: float) -> None:
        """Register, and again at half of each lifetime; after a refusal after so many seconds."""
        while True:
            self.registered = await self.register()
            await asyncio.sleep(EXPIRES / 2 if self.registered else tries_again_after)

    async def register(self, expires: int = EXPIRES) -> bool:
        """Bind the contact, or with 0 unbind it, answering one challenge; return whether that was granted."""
        reply = await self.ask(self._register(expires, ""))
        if reply and reply.code == 401:
            reply = await self.ask(self._register(expires, self._credentials(reply.get("WWW-Authenticate"))))
        return reply is not None and reply.code == 200

    def _register(self, expires: int, credentials: str) -> Message:
        self.cseq += 1
        own = f"<sip:{self.user}@{self.realm}>"
        headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"{own};tag={self._tag}"),
            ("To", own),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self.cseq} REGISTER"),
            ("Contact", f"<{self.contact}>"),
            ("Expires", str(expires)),
            ("User-Agent", self.agent),
        ]
        if credentials:
            headers.append(("Authorization", credentials))
        return Message(f"REGISTER sip:{self.realm} SIP/2.0", headers)

    def _credentials(self, challenge: str) -> str:
        """Return the answer to a digest challenge (RFC 7616 §3.4)."""
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        algorithm = asked.get("algorithm", "MD5")

        def digest(text: str) -> str:
            return hashlib.new(algorithm.replace("-", "").lower(), text.encode(), usedforsecurity=False).hexdigest()

        uri, client_nonce = f"sip:{self.realm}", secrets.token_hex(8)
        who = digest(f"{self.user}:{asked.get('realm', '')}:{self.secret}")
        what = digest(f"REGISTER:{uri}")
        response = digest(f"{who}:{asked.get('nonce', '')}:00000001:{client_nonce}:auth:{what}")
        fields = {"username": self.user, "realm": asked.get("realm", ""), "nonce": asked.get("nonce", ""), "uri": uri,
                  "response": response, "cnonce": client_nonce}  # fmt: skip
        quoted = ", ".join(f'{name}="{value}"' for name, value in fields.items())
        return f"Digest {quoted}, algorithm={algorithm}, qop=auth, nc=00000001"

    # Calls

    def requested(self, request: Message) -> None:
        """Treat a call as its conduct says; answer everything else as a phone does."""
        call_id = request.get("Call-ID")
        in_dialog = bool(parameter(request.get("To"), "tag"))
        if request.method == "ACK" or self.conduct(call_id).silent:
            return
        if request.method == "INVITE" and not in_dialog:
            if call_id not in self._ringing and call_id not in self._up:
                self._ring(request)
        elif request.method == "CANCEL":
            self.send(self._answer(request, 200))
            if waiting := self._ringing.pop(call_id, None):
                waiting[1].cancel()
                self.send(self._answer(waiting[0], 487))
        elif request.method == "BYE":
            known = self._up.pop(call_id, None)
            self.send(answer_to(request, 200, "OK", self._tag) if known else answer_to(request, 481, "Gone", self._tag))
        else:
            self.send(self._answer(request, 200))

    def _ring(self, invite: Message) -> None:
        self.send(answer_to(invite, 100, "Trying", self._tag))
        self._ringing[invite.get("Call-ID")] = (invite, self.spawn(self._treat(invite)))

    async def _treat(self, invite: Message) -> None:
        call_id, conduct = invite.get("Call-ID"), self.conduct(invite.get("Call-ID"))
        await asyncio.sleep(0.1)
        self.send(self._answer(invite, 180))
        if conduct.answers_after is None:
            return  # It rings until the caller or the switch gives up.
        await asyncio.sleep(conduct.answers_after)
        del self._ringing[call_id]
        if conduct.refuses:
            self.send(self._answer(invite, conduct.refuses))
            return
        self._up[call_id] = invite
        self.send(self._answer(invite, 200))
        if conduct.hangs_up_after is not None:
            await asyncio.sleep(conduct.hangs_up_after)
            await self.hang_up(call_id)

    async def hang_up(self, call_id: str) -> None:
        """End a call that is up."""
        if invite := self._up.pop(call_id, None):
            await self.ask(self._bye(invite))

    async def hang_up_all(self) -> None:
        """End every call that is up."""
        await asyncio.gather(*(self.hang_up(call_id) for call_id in list(self._up)))

    def _answer(self, request: Message, code: int) -> Message:
        phrase = {180: "Ringing", **PHRASES}[code]
        own = [("Contact", f"<{self.contact}>"), ("User-Agent", self.agent)]
        reply = answer_to(request, code, phrase, self._tag, own)
        if code == 200 and request.method == "INVITE":
            reply.headers.append(("Content-Type", "application/sdp"))
            reply.body = session(self.host)
        return reply

    def _bye(self, invite: Message) -> Message:
        self.cseq += 1
        headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"{invite.get('To')};tag={self._tag}"),
            ("To", invite.get("From")),
            ("Call-ID", invite.get("Call-ID")),
            ("CSeq", f"{self.cseq} BYE"),
            *(("Route", route) for route in invite.all("Record-Route")),
        ]
        return Message(f"BYE {uri_of(invite.get('Contact'))} SIP/2.0", headers)


def session(host: str) -> str:
    """Return a session description of plain audio (RFC 4566); nobody in the demo really talks."""
    lines = ("v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", "m=audio 40000 RTP/AVP 8 0", "")
    return "\r\n".join(lines)
