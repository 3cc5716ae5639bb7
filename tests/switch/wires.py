"""Sockets for phones and carriers: UDP as it is, TCP and TLS dressed as if they were datagram sockets.

A stream connects to the switch from the given address, gives one whole SIP message at a time, and keeps what a test may
ask of it: how often CRLF came back, and whether the switch has closed it.
"""

import re
import select
import socket
import ssl
import threading
import time

LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)")


def open_wire(transport: str, bind: tuple[str, int], server: tuple[str, int]) -> "socket.socket | Stream":
    """Return a bound socket; over TCP and TLS it is connected to the switch already."""
    family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
    if transport != "udp":
        return Stream(transport, bind, server)
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind(bind)
    return made


class Stream:
    """A connection to the switch with the methods of a datagram socket."""

    def __init__(self, transport: str, bind: tuple[str, int], server: tuple[str, int]) -> None:
        family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(5)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plain.bind(bind)
        plain.connect(server)
        self.server = server
        self.socket = plain if transport == "tcp" else unverified().wrap_socket(plain)
        self.buffer = b""
        self.pongs = 0
        self.closed_at: float | None = None
        self.timeout = 5.0
        # OpenSSL's connections are not for two threads at once, and a phone sends while it listens.
        self.lock = threading.Lock()

    def getsockname(self) -> tuple[str, int]:
        return self.socket.getsockname()[:2]

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def sendto(self, data: bytes, to: tuple[str, int]) -> None:
        """Send over the connection, wherever a datagram would have gone; a closed one is silent, as UDP is."""
        try:
            with self.lock:
                self.socket.settimeout(5)
                self.socket.sendall(data)
        except OSError:
            self.closed_at = self.closed_at or time.time()

    def recv(self, size: int) -> bytes:
        return self.recvfrom(size)[0]

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        """Return the next whole message; raise TimeoutError when none comes."""
        deadline = time.monotonic() + self.timeout
        while True:
            if message := self._take():
                return message, self.server
            if time.monotonic() >= deadline:
                raise TimeoutError
            self._read(max(0.01, deadline - time.monotonic()), size)

    def _read(self, seconds: float, size: int) -> None:
        if self.closed_at:
            time.sleep(min(seconds, 0.05))
            return
        held = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        try:
            if not held and not select.select([self.socket], [], [], seconds)[0]:
                return
            with self.lock:
                # What came need not be for us: TLS has words of its own.
                self.socket.settimeout(0.01)
                data = self.socket.recv(size)
        except TimeoutError:
            return
        except (OSError, ValueError):
            data = b""
        if not data:
            self.closed_at = time.time()
        self.buffer += data

    def _take(self) -> bytes | None:
        while self.buffer.startswith(b"\r\n"):
            self.pongs += 1
            self.buffer = self.buffer[2:]
        head, found, _ = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        length = LENGTH.search(head)
        end = len(head) + 4 + (int(length.group(1)) if length else 0)
        if len(self.buffer) < end:
            return None
        message, self.buffer = self.buffer[:end], self.buffer[end:]
        return message

    def close(self) -> None:
        self.socket.close()

    def break_off(self) -> None:
        """Close without a word: what a reboot or a router does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
        self.closed_at = time.time()


def unverified() -> ssl.SSLContext:
    """Return what a phone does that was told to trust any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
