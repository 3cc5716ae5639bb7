"""One UDP socket that sends requests and waits for their answers, and hands requests of others on."""

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, cast

from demo.sip.message import Malformed, Message

logger = logging.getLogger(__name__)

T1, T2 = 0.5, 4.0  # §17.1.1.1: how soon a request is repeated, and how seldom at most
REMEMBERED = 50


class Answers(asyncio.Queue[Message]):
    """The answers to one request; once one was heard the request is no longer repeated."""

    heard = False


class Endpoint(asyncio.DatagramProtocol):
    """A socket at one address of its own; everything goes to the switch, which is the outbound proxy."""

    def __init__(self, switch: tuple[str, int], agent: str) -> None:
        self.switch, self.agent = switch, agent
        self.host, self.port = "", 0
        self.cseq = secrets.randbelow(1000)
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, Answers] = {}
        self._answered: OrderedDict[str, bytes] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int = 0) -> None:
        """Listen at this address."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))

    def close(self) -> None:
        """Fall silent."""
        for task in self._tasks:
            task.cancel()
        if self._transport:
            self._transport.close()

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own UDP transport is no subclass of the class that documents it.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = Message.read(data, addr[:2])
        except Malformed:
            return
        if message.is_answer:
            if queue := self._waiting.get(message.transaction):
                queue.heard = True
                queue.put_nowait(message)
        elif (known := self._answered.get(message.transaction)) and message.method != "ACK":
            self._datagram(known)
        else:
            self.requested(message)

    # For the user agents

    def requested(self, request: Message) -> None:
        """Handle a request that is no repetition."""
        raise NotImplementedError

    def send(self, message: Message) -> None:
        """Send once; an answer is kept for the repetition of its request."""
        data = message.write()
        if message.is_answer:
            self._answered[message.transaction] = data
            if len(self._answered) > REMEMBERED:
                self._answered.popitem(last=False)
        self._datagram(data)

    def via(self) -> str:
        """Return a Via for a new transaction."""
        return f"SIP/2.0/UDP {self.host}:{self.port};rport;branch=z9hG4bK{secrets.token_hex(8)}"

    def begin(self, request: Message) -> Answers:
        """Send a request, repeat it until something answers, and return where its answers arrive."""
        queue = Answers()
        self._waiting[request.transaction] = queue
        self.send(request)
        self.spawn(self._repeat(request, queue))
        return queue

    def forget(self, request: Message) -> None:
        """End a transaction."""
        self._waiting.pop(request.transaction, None)

    async def ask(self, request: Message, seconds: float = 8.0) -> Message | None:
        """Return the final answer to a request that is no INVITE; None where none came in time."""
        try:
            return await self.final(self.begin(request), seconds)
        finally:
            self.forget(request)

    async def final(self, replies: Answers, seconds: float) -> Message | None:
        """Return the first final answer to arrive; None where none came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    reply = await replies.get()
                    if reply.code >= 200:
                        return reply
        return None

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine beside; it ends with this endpoint."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("%s: %r", self.agent, error)

    async def _repeat(self, request: Message, queue: Answers) -> None:
        pause, data = T1, request.write()
        transaction = request.transaction
        await asyncio.sleep(pause)
        # A provisional answer ends the repetition as a final one does (§17.1.1.2).
        while self._waiting.get(transaction) is queue and not queue.heard:
            self._datagram(data)
            pause = min(2 * pause, T2)
            await asyncio.sleep(pause)

    def _datagram(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            with contextlib.suppress(OSError):
                self._transport.sendto(data, self.switch)
