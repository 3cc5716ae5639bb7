"""A provider's gateway: calls a number, waits, talks, hangs up, or gives up."""

import asyncio
import secrets
from dataclasses import dataclass, field

from demo.sip.endpoint import Endpoint
from demo.sip.message import Message, answer_to, uri_of
from demo.sip.phone import session

LONGEST_SETUP = 90.0


@dataclass(frozen=True)
class Order:
    """One call to make; ``gives_up_after`` and ``talks`` in seconds, None: never, until the other side hangs up."""

    number: str
    caller: str
    call_id: str
    gives_up_after: float | None = None
    talks: float | None = 20.0


@dataclass
class _Call:
    order: Order
    invite: Message
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Message | None = None


class Provider(Endpoint):
    """One source address from which calls come."""

    def __init__(self, switch: tuple[str, int], agent: str) -> None:
        super().__init__(switch, agent)
        self._calls: dict[str, _Call] = {}

    async def call(self, order: Order) -> int:
        """Make one call from beginning to end and return the final code of its INVITE, 0 where none came."""
        invite = self._invite(order)
        call = self._calls[order.call_id] = _Call(order, invite)
        replies = self.begin(invite)
        giving_up: asyncio.Task[None] | None = None
        if order.gives_up_after is not None:
            giving_up = self.spawn(self._give_up(invite, order.gives_up_after))
        try:
            final = await self.final(replies, LONGEST_SETUP)
            if final is None:
                return 0
            if final.code >= 300:
                self.send(self._ack(invite, final))
                return final.code
            call.answer = final
            self.send(self._within(call, "ACK"))
            try:
                async with asyncio.timeout(order.talks):
                    await call.over.wait()
            except TimeoutError:
                await self.ask(self._within(call, "BYE"))
            return final.code
        finally:
            if giving_up:
                giving_up.cancel()
            self.forget(invite)
            self._calls.pop(order.call_id, None)

    async def hang_up_all(self) -> None:
        """End every call that is up, and give up the others."""
        for call in list(self._calls.values()):
            if call.answer:
                await self.ask(self._within(call, "BYE"), 2)
                call.over.set()
            else:
                await self.ask(self._cancel(call.invite), 2)

    def requested(self, request: Message) -> None:
        """Take the other side's hang-up; answer pings."""
        self.send(answer_to(request, 200, "OK", secrets.token_hex(4)))
        if request.method == "BYE" and (call := self._calls.get(request.get("Call-ID"))):
            call.over.set()

    async def _give_up(self, invite: Message, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.ask(self._cancel(invite))

    def _invite(self, order: Order) -> Message:
        self.cseq += 1
        host, port = self.switch
        target = f"sip:{order.number}@{host}:{port}"
        headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", f"<sip:+{order.caller}@{self.host}>;tag={secrets.token_hex(5)}"),
            ("To", f"<{target}>"),
            ("Call-ID", order.call_id),
            ("CSeq", f"{self.cseq} INVITE"),
            ("Contact", f"<sip:{self.host}:{self.port}>"),
            ("User-Agent", self.agent),
            ("Content-Type", "application/sdp"),
        ]
        return Message(f"INVITE {target} SIP/2.0", headers, session(self.host))

    def _same(self, invite: Message, method: str, to: str) -> Message:
        """Return a request of the INVITE's own transaction: CANCEL (§9.1), or the ACK of a refusal (§17.1.1.3)."""
        number = invite.get("CSeq").partition(" ")[0]
        copied = [(name, invite.get(name)) for name in ("Via", "Max-Forwards", "From", "Call-ID")]
        headers = [*copied, ("To", to), ("CSeq", f"{number} {method}")]
        return Message(f"{method} {invite.start.split(' ')[1]} SIP/2.0", headers)

    def _cancel(self, invite: Message) -> Message:
        return self._same(invite, "CANCEL", invite.get("To"))

    def _ack(self, invite: Message, final: Message) -> Message:
        return self._same(invite, "ACK", final.get("To"))

    def _within(self, call: _Call, method: str) -> Message:
        """Return a request of the dialog that an answer opened: along its route set (§12.2.1.1)."""
        assert call.answer is not None
        number = int(call.invite.get("CSeq").partition(" ")[0]) + (method != "ACK")
        headers = [
            ("Via", self.via()),
            ("Max-Forwards", "70"),
            ("From", call.invite.get("From")),
            ("To", call.answer.get("To")),
            ("Call-ID", call.order.call_id),
            ("CSeq", f"{number} {method}"),
            *(("Route", route) for route in reversed(call.answer.all("Record-Route"))),
        ]
        return Message(f"{method} {uri_of(call.answer.get('Contact'))} SIP/2.0", headers)
