"""The connection to the switch's evapi socket: kept up, framed, bounded."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import structlog

from routing.decider.netstring import FramingError, Reader, encode

log = structlog.get_logger(__name__)

RETRY_SECONDS = 0.2
# The switch reads at once; a peer that lets this much pile up is not reading, and answers this late are worth nothing.
MAX_UNSENT = 1024 * 1024

Receive = Callable[[bytes, Callable[[bytes], None]], None]


class EvapiProtocol(asyncio.Protocol):
    """Netstrings in, netstrings out."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.reader = Reader()
        self.closed = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        try:
            bodies = self.reader.feed(data)
        except FramingError as error:
            log.error("the switch's socket speaks no netstrings", error=str(error))
            self.abort()
            return
        for body in bodies:
            self.receive(body, self.send)

    def send(self, body: bytes) -> None:
        """Send one message; one for a connection that is gone is dropped, the switch has refused the call by then."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_UNSENT:
            log.error("the switch does not read its answers")
            self.abort()
            return
        transport.write(encode(body))

    def abort(self) -> None:
        """Drop the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if not self.closed.done():
            self.closed.set_result(exc)


class EvapiClient:
    """Keeps one connection to one switch, each begun with ``hello``; ``on_connect`` runs after each."""

    def __init__(self, address: str, receive: Receive, on_connect: Callable[[], None], hello: bytes = b"") -> None:
        host, _, port = address.rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)
        self.receive, self.on_connect, self.hello = receive, on_connect, hello
        self.protocol: EvapiProtocol | None = None

    @property
    def connected(self) -> bool:
        """Whether the switch can ask now."""
        return self.protocol is not None and self.protocol.transport is not None

    def send(self, body: bytes) -> None:
        """Tell the switch something it has not asked; where it is not connected nobody hears it."""
        if self.protocol is not None:
            self.protocol.send(body)

    async def run(self) -> None:
        """Connect, stay, connect again, until cancelled."""
        loop = asyncio.get_running_loop()
        told = ""
        try:
            while True:
                try:
                    _, self.protocol = await loop.create_connection(
                        lambda: EvapiProtocol(self.receive), self.host, self.port
                    )
                    log.info("connected to the switch", address=f"{self.host}:{self.port}")
                    told = ""
                    if self.hello:
                        self.protocol.send(self.hello)
                    self.on_connect()
                    await self.protocol.closed
                    log.warning("the switch closed the connection")
                except OSError as error:
                    if str(error) != told:
                        log.warning("the switch cannot be reached", error=str(error))
                        told = str(error)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            if self.protocol is not None:
                self.protocol.abort()
