"""What the portal made of the calls of one row: by Call-ID against CDRs, System Log entries and seen events."""

import time
from collections import Counter
from dataclasses import dataclass, field

from django.db import OperationalError, connection

from cdr.models import CDR
from systemlog.models import LogEntry, SeenEvent
from tests.faults.traffic import Call

# Reasons by which System Log tells a call, each once.
TOLD_OF_ANSWERED = {"accepted", "ringing", "answered", "completed"}
LATE_SECONDS = 1.0
SLOW_SECONDS = 1.0


@dataclass
class Account:
    """What became of the calls, and what is missing or too much."""

    calls: list[Call]
    lost: list[str] = field(default_factory=list)  # Call-IDs without a CDR that has ended
    doubled: list[str] = field(default_factory=list)
    entries_lost: list[str] = field(default_factory=list)
    entries_doubled: list[str] = field(default_factory=list)
    last_late: float = 0.0  # when the last event that came late was in the database

    @property
    def failed(self) -> list[Call]:
        """Return the calls that their callers count as failed."""
        return [call for call in self.calls if call.failed]

    @property
    def how_failed(self) -> str:
        """Say how often calls failed in which way."""
        return ", ".join(f"{what} {count}" for what, count in Counter(call.what for call in self.failed).most_common())

    @property
    def slow(self) -> list[Call]:
        """Return the calls that did not fail, but waited for their final answer."""
        return [call for call in self.calls if not call.failed and call.waited > SLOW_SECONDS]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.lost and not self.entries_lost

    @property
    def last_harmed(self) -> float:
        """Return when the last call that failed or waited was over."""
        return max((call.over or call.begun for call in [*self.failed, *self.slow]), default=0.0)


def account_for(calls: list[Call], patience: float) -> Account:
    """Return the account of these calls as soon as nothing is missing, or when patience ends."""
    deadline = time.monotonic() + patience
    while True:
        try:
            account = look(calls)
        except OperationalError:
            # The fault may have cut this connection, too.
            connection.close()
            account = None
        if (account and account.complete) or time.monotonic() > deadline:
            return account or look(calls)
        time.sleep(0.5)


def look(calls: list[Call]) -> Account:
    """Compare what callers saw with what the database holds now."""
    account = Account(calls)
    records: dict[str, list[CDR]] = {call.call_id: [] for call in calls}
    for record in CDR.objects.filter(call_id__in=list(records)):
        records[record.call_id].append(record)
    entries = Counter(
        LogEntry.objects.filter(
            attempt_id__in=[record.attempt_id for mine in records.values() for record in mine]
        ).values_list("attempt_id", "reason")
    )
    account.entries_doubled = [f"{attempt}:{reason}" for (attempt, reason), count in entries.items() if count > 1]
    for call in calls:
        check(account, call, records[call.call_id], {(attempt, reason) for attempt, reason in entries})
    account.last_late = last_late([record for mine in records.values() for record in mine])
    return account


def check(account: Account, call: Call, records: list[CDR], entries: set[tuple[object, str]]) -> None:
    """Note what is missing or too much of one call.

    An attempt that died with its switch is one the caller repeats to the next: both have a CDR, the first of them
    ``switch_lost``. A call that no switch ever heard of has none.
    """
    told = [record for record in records if record.ended_at and record.reason != "switch_lost"]
    unknown = call.heard and not records
    endless = any(record.ended_at is None for record in records)
    if unknown or endless or (not call.failed and not told):
        account.lost.append(call.call_id)
    if len(told) > 1:
        account.doubled.append(call.call_id)
    reasons = {reason for attempt, reason in entries if attempt in {record.attempt_id for record in records}}
    if call.failed:
        if records and not reasons:
            account.entries_lost.append(call.call_id)
        return
    expected = TOLD_OF_ANSWERED if call.wanted == 200 else {record.reason for record in told}
    # A switch that hung may take a phone's 200 before the 180 that waited with it: for it the phone never rang, and the
    # end, which repeats when it did, says so.
    if not any(record.rang_at for record in records):
        expected = expected - {"ringing"}
    account.entries_lost += [f"{call.call_id}:{reason}" for reason in sorted(expected - reasons)]


def last_late(records: list[CDR]) -> float:
    """Return when the last end that took more than a second was in the database, in epoch seconds; 0: none was late."""
    ended = {
        f"{record.switch}:{record.attempt_id}:end:0": record.ended_at
        for record in records
        if record.ended_at and record.reason != "switch_lost"
    }
    seen = SeenEvent.objects.filter(event_id__in=list(ended)).values_list("event_id", "seen_at")
    late = [at for event_id, at in seen if (at - ended[event_id]).total_seconds() > LATE_SECONDS]
    return max(late).timestamp() if late else 0.0
