"""When each INVITE reached the switch and when it reached the phone, as the kernel saw it on the loopback interface.

A filter in the kernel hands over INVITEs only, so watching costs a hundredth of what the switch does. Needs root.
"""

import ctypes
import re
import socket
import struct
import threading
import time

SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 26, 33, 35
ETH_P_IP = 0x0800
SNAP = 1400
_CALL_ID = re.compile(rb"\r\n(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE)

# Classic BPF over the IP header: packets to this host (the loopback interface shows each twice), UDP, payload "INVI".
_PROGRAM = (
    (0x28, 0, 0, 0xFFFFF004),  # ldh packet type
    (0x15, 0, 6, 0),  # PACKET_HOST
    (0x30, 0, 0, 9),  # ldb protocol
    (0x15, 0, 4, socket.IPPROTO_UDP),
    (0xB1, 0, 0, 0),  # ldx 4 * header length
    (0x40, 0, 0, 8),  # ld first word of the payload
    (0x15, 0, 1, int.from_bytes(b"INVI", "big")),
    (0x06, 0, 0, SNAP),
    (0x06, 0, 0, 0),
)


class InviteWatch:
    """Watches from `start` to `stop`; `delays` are the seconds each INVITE spent inside the switch, in order."""

    def __init__(self, switch_port: int) -> None:
        self.switch_port = switch_port
        self.arrived: dict[bytes, float] = {}
        self.left: dict[bytes, float] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        program = b"".join(struct.pack("HBBI", *step) for step in _PROGRAM)
        kept = ctypes.create_string_buffer(program)
        self._socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_PROGRAM), ctypes.addressof(kept))
        )
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.2)
        self._socket.bind(("lo", ETH_P_IP))
        self._running = True
        self._packets: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._running:
            try:
                packet, extra, _, _ = self._socket.recvmsg(SNAP, 64)
            except TimeoutError:
                continue
            at = time.time()
            for _, kind, value in extra:
                if kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    at = seconds + nanoseconds / 1e9
            self._packets.append((at, packet))

    def stop(self) -> list[float]:
        """End the watch and return the delays, ordered."""
        time.sleep(0.3)
        self._running = False
        self._thread.join()
        self._socket.close()
        for at, packet in self._packets:
            found = _CALL_ID.search(packet)
            if found:
                header = (packet[0] & 15) * 4
                to_switch = int.from_bytes(packet[header + 2 : header + 4], "big") == self.switch_port
                # Of repeated INVITEs the first counts: it is what the caller waits for.
                (self.arrived if to_switch else self.left).setdefault(found[1], at)
        return sorted(self.left[call] - at for call, at in self.arrived.items() if call in self.left)
