"""The running switch with carriers (SIPp), phones (Python) and a look at what the portal made of a call."""

import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdr.models import CDR
from routing.models import Attempt
from systemlog.models import LogEntry
from tests.stack import Stack, eventually
from tests.switch.network import ACME, Line, Network, build
from tests.switch.phone import Manner, Phone
from tests.switch.sipp import Carrier, Result

_hosts = itertools.count(1)
BUILT: dict[str, Network] = {}


@pytest.fixture
def network(stack: Stack) -> Network:
    """The providers and lines of these tests, made once per running product."""
    return network_of(stack)


def network_of(stack: Stack) -> Network:
    """Return them; the first who asks makes them."""
    key = stack.database_url
    if key not in BUILT:
        BUILT[key] = build()
    return BUILT[key]


@pytest.fixture
def server(stack: Stack) -> tuple[str, int]:
    """Where the switch listens."""
    return (stack.sip_host, stack.sip_port)


@pytest.fixture
def carrier(server: tuple[str, int], tmp_path: Path) -> Callable[[str], Carrier]:
    """A carrier that calls from an address; Acme's by default."""
    return lambda source=ACME: Carrier(server, source, tmp_path)


PhoneMaker = Callable[..., Phone]


@pytest.fixture
def phone(stack: Stack, server: tuple[str, int]) -> Iterator[PhoneMaker]:
    """Make phones, each at an address of its own, registered unless told otherwise; they leave with the test."""
    phones = []

    def make(line: Line, manner: Manner | None = None, *, register: bool = True, **options: object) -> Phone:
        host = next(_hosts)
        bind = options.pop("bind", (f"127.12.{host // 250}.{host % 250 + 1}", 0))
        port = stack.tls_port if options.get("transport") == "tls" else server[1]
        where = options.pop("server", ("::1" if ":" in bind[0] else server[0], port))
        made = Phone(where, line.user, line.secret, bind, manner=manner, **options)
        phones.append(made)
        if register:
            # The decider hands a new alias's credentials to the switch within a moment.
            eventually(lambda: made.register(wait=3) == 200, what=f"{line.user} is registered")
        return made

    yield make
    for made in phones:
        if not made.manner.silent:
            made.register(0, wait=1)
        made.close()


@pytest.fixture
def story(stack: Stack) -> "Story":
    """What System Log and CDR tell."""
    return Story()


class Story:
    """What the portal says of a call, once it has heard of its end."""

    def of(self, result: Result, index: int = 0) -> CDR:
        """Return the CDR of a SIPp run's call; there must be exactly one, ended, judged alike by the worker."""
        call_ids = result.call_ids
        return self.of_call(call_ids[index])

    def of_call(self, call_id: str, count: int = 1) -> CDR:
        return self.all_of_call(call_id, count)[0]

    def all_of_call(self, call_id: str, count: int) -> list[CDR]:
        """Return the CDRs of a Call-ID, oldest first, when all have ended."""

        def ended() -> bool:
            return CDR.objects.filter(call_id=call_id, ended_at__isnull=False).count() >= count

        eventually(ended, what=f"{count} CDRs of {call_id} have ended")
        records = list(CDR.objects.filter(call_id=call_id).order_by("started_at"))
        assert len(records) == count
        for record in records:
            attempt = Attempt.objects.get(attempt_id=record.attempt_id)
            assert not attempt.differs, attempt.record
        return records

    def log_of(self, record: CDR) -> list[LogEntry]:
        """Return System Log's entries of a call, in order."""
        return list(LogEntry.objects.filter(attempt_id=record.attempt_id).order_by("at", "id"))

    def tells(self, result: Result, reason: str, sip: int, q850: int, category: str, *, by: str | None = None) -> CDR:
        """Assert how a call ended, in the CDR and in System Log, and return its CDR."""
        record = self.of(result)
        assert (record.reason, record.sip_code, record.q850_cause) == (reason, sip, q850)
        if by:
            assert record.hung_up_by == by
        entries = [(entry.reason, entry.category) for entry in self.log_of(record)]
        assert (reason, category) in entries, entries
        return record


@pytest.fixture
def logged(stack: Stack) -> Callable[..., LogEntry]:
    """Wait for one entry of System Log that fits, written since the test began."""
    begun = time.time()

    def find(**fits: object) -> LogEntry:
        entries = LogEntry.objects.filter(at__gte=_instant(begun - 1), **fits)
        eventually(entries.exists, what=f"System Log says {fits}")
        return entries.order_by("-id")[0]

    return find


def _instant(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
