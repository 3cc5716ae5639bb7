"""The table of NAT cases, each through a router of its own: what the call gets, and what the portal says of it.

A router that forgets after 3 s stands for one that forgets sooner than the switch pings (every 5 s here). Every row is
prepared first, then all calls are placed at once.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from cdr.explanation import Explanation, explain
from cdr.models import CDR
from cdr.selectors import attempt_of, evidence_for
from tests.nat.audio import AudioCaller, AudioPhone, udp
from tests.nat.lab import PHONE, PublicNetwork, Router
from tests.stack import PATIENCE, Stack, eventually
from tests.switch.conftest import Story
from tests.switch.network import Network
from tests.switch.raw import STUN_COOKIE

FORGETFUL, PATIENT = 3, 10


@dataclass
class Row:
    """One case: the router, the phone's habits, and whether its binding must be gone or held when the call comes."""

    router: dict[str, object]
    habits: dict[str, object]
    after: str  # "at once", "forgotten" or "held" (longer than the router remembers)
    call_seconds: float = PATIENCE
    phone: AudioPhone | None = None
    behind: Router | None = None
    record: CDR | None = None
    code: int = 0
    call_id: str = ""
    log: list[tuple[str, str]] = field(default_factory=list)


ROWS = {
    "private Contact, called at once": Row({}, {}, "at once"),
    "pings rarer than the router remembers": Row({"timeout": FORGETFUL}, {}, "forgotten"),
    "OPTIONS pings of the switch": Row({"timeout": PATIENT}, {}, "held"),
    "STUN of the switch with keep-alive": Row({"timeout": FORGETFUL}, {"stun": "sip", "keep_alive": 0.7}, "held"),
    "STUN of the switch without keep-alive": Row({"timeout": FORGETFUL}, {"stun": "sip"}, "forgotten"),
    "random ports, STUN on another port, keep-alive": Row(
        {"timeout": FORGETFUL, "random_ports": True}, {"stun": "other", "keep_alive": 0.7}, "held"
    ),
    "random ports, STUN of the switch, keep-alive": Row(
        {"timeout": FORGETFUL, "random_ports": True}, {"stun": "sip", "keep_alive": 0.7}, "held"
    ),
    "port mapping in the router": Row({"timeout": FORGETFUL, "forward_port": 5060}, {}, "forgotten"),
    "the caller gives up on a forgotten binding": Row({"timeout": FORGETFUL}, {}, "forgotten", call_seconds=1.5),
}


@pytest.fixture
def other_stun(public: PublicNetwork) -> Iterator[tuple[str, int]]:
    """A STUN server that is not the switch, on STUN's own port."""
    served = udp(public.address(), 3478)
    served.settimeout(0.1)
    running = True

    def serve() -> None:
        while running:
            try:
                request, source = served.recvfrom(2048)
            except TimeoutError:
                continue
            port = (source[1] ^ STUN_COOKIE >> 16).to_bytes(2, "big")
            mask = STUN_COOKIE.to_bytes(4, "big")
            address = bytes(a ^ b for a, b in zip(socket.inet_aton(source[0]), mask, strict=True))
            shown = b"\0\x20\0\x08\0\x01" + port + address
            served.sendto(b"\x01\x01" + len(shown).to_bytes(2, "big") + request[4:20] + shown, source)

    thread = threading.Thread(target=serve)
    thread.start()
    yield served.getsockname()
    running = False
    thread.join()
    served.close()


@pytest.fixture
def rows(
    stack: Stack, network: Network, public: PublicNetwork, switch: tuple[str, int], gateway: str,
    audio_phone: Callable[..., AudioPhone], other_stun: tuple[str, int], story: Story,
) -> dict[str, Row]:  # fmt: skip
    """Every row, called."""
    servers = {"sip": switch, "other": other_stun, None: None}
    registered = {}
    lines = {}
    for name, row in ROWS.items():
        lines[name] = network.line()
        row.behind = public.router(**row.router)
        habits = row.habits | {"stun": servers[row.habits.get("stun")]}
        row.phone = audio_phone(lines[name], row.behind, **habits)
        registered[name] = time.monotonic()

    def call(name: str) -> None:
        row = ROWS[name]
        _wait_for_its_moment(row, registered[name])
        caller = AudioCaller(switch, gateway)
        final = caller.call(lines[name].number, wait=row.call_seconds)
        if not final.code:
            caller.cancel()
            final = caller.final
        elif final.code == 200:
            caller.ask("BYE")
        row.code = final.code
        row.call_id = caller.call_id
        caller.close()

    with ThreadPoolExecutor(len(ROWS)) as pool:
        list(pool.map(call, ROWS))
    for row in ROWS.values():
        row.record = story.of_call(row.call_id)
        row.log = [(entry.category, entry.reason) for entry in story.log_of(row.record)]
    return ROWS


def _wait_for_its_moment(row: Row, registered: float) -> None:
    match row.after:
        case "forgotten":
            # Looked up in the router itself: nothing depends on how long this machine takes.
            eventually(lambda: not _sip_binding(row), what="the router has forgotten the phone")
        case "held":
            memory = int(str(row.router["timeout"]))
            time.sleep(max(0.0, registered + memory + 2 - time.monotonic()))
            assert _sip_binding(row), f"not held by {[ping.at for ping in row.phone.pings]}, now {time.time()}"


def _sip_binding(row: Row) -> bool:
    assert row.behind
    return any(f"src={PHONE}" in line and "sport=5060" in line for line in row.behind.bindings())


def explained(record: CDR) -> Explanation:
    """What the call's page says."""
    return explain(record, evidence_for(record, attempt_of(record)))


def test_what_each_router_does_to_a_call(rows: dict[str, Row]) -> None:
    """The codes to the carrier, the internal reason and the Q.850 cause, row by row."""
    seen = {name: (row.code, row.record.reason, row.record.q850_cause) for name, row in rows.items()}
    answered, silent = (200, "completed", 16), (408, "no_response", 18)
    assert seen == {
        "private Contact, called at once": answered,
        "pings rarer than the router remembers": silent,
        "OPTIONS pings of the switch": answered,
        "STUN of the switch with keep-alive": answered,
        "STUN of the switch without keep-alive": silent,
        "random ports, STUN on another port, keep-alive": answered,
        "random ports, STUN of the switch, keep-alive": answered,
        "port mapping in the router": answered,
        "the caller gives up on a forgotten binding": (487, "cancelled_no_response", 18),
    }

    # System Log gives the same reason, as a call, beside the acceptance.
    for name, row in rows.items():
        assert ("call", "accepted") in row.log, (name, row.log)
        assert ("call", row.record.reason) in row.log, (name, row.log)

    # The explanation names the phone's own addresses and the router's, and the guide's remedies.
    closed = rows["pings rarer than the router remembers"]
    said = explained(closed.record)
    assert any("10.77.0.10:5060" in words and closed.behind.wan in words for words in said.shown_by), said.shown_by
    assert "behind NAT" in " ".join(said.causes + said.shown_by)
    assert f"of the router at {closed.behind.wan}" in said.remedies[0]
    # A phone that uses STUN hides its router, and the page does not claim to have seen one.
    hidden = explained(rows["STUN of the switch without keep-alive"].record)
    assert not any("behind NAT" in words for words in hidden.shown_by), hidden.shown_by
    assert any("STUN" in words for words in hidden.remedies)
    given_up = explained(rows["the caller gives up on a forgotten binding"].record)
    assert any("behind NAT" in words for words in given_up.shown_by), given_up.shown_by

    # Which of the answered ones had their audio relayed, and why.
    paths = {name: row.record.audio_why for name, row in rows.items() if row.code == 200}
    assert paths == {
        "private Contact, called at once": "phone_nat",
        "OPTIONS pings of the switch": "phone_nat",
        "STUN of the switch with keep-alive": "",
        # What STUN said on another port is not where the router lets the switch's packets in.
        "random ports, STUN on another port, keep-alive": "phone_nat",
        "random ports, STUN of the switch, keep-alive": "",
        "port mapping in the router": "phone_nat",
    }
