"""What the dashboard shows: calls, refusals, strangers, phones and the state of every process. Queries only."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q

from accounts.models import Alias, Registration
from cdr.choices import Outcome
from cdr.models import CDR
from core.models import Heartbeat
from routing.models import Attempt
from routing.reasons import Reason
from routing.reasons import reason as reason_of
from systemlog.models import DeadLetter

ALIVE = dt.timedelta(seconds=5)
# A process that ended long since is no news; one that died within the day is.
FORGOTTEN = dt.timedelta(days=1)
SLOT_MINUTES = 15
MOST_SOURCES = 10


@dataclass(frozen=True)
class Process:
    """One process by its last heartbeat."""

    name: str
    kind: str
    alive: bool
    beat_at: dt.datetime
    started_at: dt.datetime
    config_version: int | None
    note: str
    alarm: str = ""  # what a person must see to, in words


@dataclass(frozen=True)
class UnknownSource:
    """An address that belongs to no carrier and yet called."""

    address: str
    calls: int
    last_at: dt.datetime
    last_called: str


def start_of_day(now: dt.datetime) -> dt.datetime:
    """Return when the day began in the reader's zone; ``now`` is in it."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def calls_now() -> tuple[int, int]:
    """Return how many calls are up, and how many are still being set up."""
    open_calls = CDR.objects.filter(ended_at__isnull=True).aggregate(
        up=Count("pk", filter=Q(answered_at__isnull=False)), setting=Count("pk", filter=Q(answered_at__isnull=True))
    )
    return open_calls["up"], open_calls["setting"]


def reasons_since(start: dt.datetime) -> Counter[str]:
    """Return how many calls since then ended for each reason; "" for those that go on."""
    rows = CDR.objects.filter(started_at__gte=start).values_list("reason").annotate(Count("pk"))
    return Counter(dict(rows))


def outcomes_of(reasons: Counter[str]) -> dict[Outcome, int]:
    """Return counts by outcome from counts by reason."""
    found: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
    for code, count in reasons.items():
        found[outcome_of(code)] += count
    return found


AFTER_ANSWER = {"completed", "max_duration", "peer_vanished", "funds_ended", "meter_lost"}


def outcome_of(code: str) -> Outcome:
    """Return the outcome that a reason stands for; a lost call may have been answered, and counts as not."""
    if not code:
        return Outcome.IN_PROGRESS
    if code in AFTER_ANSWER:
        return Outcome.ANSWERED
    return Outcome.REFUSED if reason_of(code).refuses else Outcome.UNANSWERED


def failures(reasons: Counter[str], outcome: Outcome) -> list[tuple[Reason, int]]:
    """Return the reasons of one outcome with their counts, most frequent first."""
    found = [(reason_of(code), count) for code, count in reasons.most_common() if outcome_of(code) is outcome]
    return sorted(found, key=lambda pair: (-pair[1], pair[0].code))


def slots_since(start: dt.datetime, now: dt.datetime) -> dict[str, list[Any]]:
    """Return calls per quarter of an hour by outcome: x in epoch seconds, one list per outcome."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM started_at) / %s)::bigint, reason, count(*) FROM cdr_cdr "
            "WHERE started_at >= %s AND started_at <= %s GROUP BY 1, 2",
            [SLOT_MINUTES * 60, start, now + dt.timedelta(minutes=1)],
        )
        rows = cursor.fetchall()
    first, last = (int(at.timestamp()) // (SLOT_MINUTES * 60) for at in (start, now))
    times = list(range(first, last + 1))
    counts = {outcome: [0] * len(times) for outcome in Outcome}
    for slot, reason, count in rows:
        if first <= slot <= last:
            counts[outcome_of(reason)][slot - first] += count
    return {
        "times": [slot * SLOT_MINUTES * 60 for slot in times],
        **{outcome.value: values for outcome, values in counts.items()},
    }


def unknown_sources(start: dt.datetime) -> list[UnknownSource]:
    """Return the addresses that called and belong to no carrier, most calls first."""
    rows = (
        CDR.objects.filter(reason="source_not_listed", started_at__gte=start, source__isnull=False)
        .values("source")
        .annotate(calls=Count("pk"), last_at=Max("started_at"), last_called=Max("called"))
        .order_by("-calls", "source")[:MOST_SOURCES]
    )
    return [UnknownSource(str(row["source"]), row["calls"], row["last_at"], row["last_called"]) for row in rows]


def phones(now: dt.datetime) -> tuple[int, int]:
    """Return how many aliases are registered now, and how many there are."""
    live = Registration.objects.filter(ended_at__isnull=True, expires_at__gt=now)
    return live.aggregate(n=Count("alias_id", distinct=True))["n"], Alias.objects.filter(enabled=True).count()


def processes(now: dt.datetime) -> list[Process]:
    """Return every process that beat within a day."""
    return [
        Process(
            beat.name,
            beat.kind,
            now - beat.beat_at < ALIVE,
            beat.beat_at,
            beat.started_at,
            beat.config_version,
            note(beat),
            alarm(beat),
        )
        for beat in Heartbeat.objects.filter(beat_at__gt=now - FORGOTTEN).order_by("kind", "name")
    ]


def note(beat: Heartbeat) -> str:
    """Return what a process says of itself, in a few words."""
    details = beat.details if isinstance(beat.details, dict) else {}
    words = []
    if details.get("trouble"):
        words.append(str(details["trouble"]))
    if details.get("waiting"):
        words.append(f"{details['waiting']} events wait")
    if "sessions" in details:
        words.append(f"relays the audio of {details['sessions']} calls")
    if "latency_ms" in details and not details.get("trouble"):
        words.append(f"events taken: {details['taken']:,}, the last after {details['latency_ms']:.0f} ms")
    return "; ".join(words)


def alarm(beat: Heartbeat) -> str:
    """Return what a process reports that a person must see to; "" for nothing."""
    details = beat.details if isinstance(beat.details, dict) else {}
    disk = details.get("record_disk")
    if not isinstance(disk, dict) or disk.get("level", "ok") == "ok":
        return ""
    words = "has no room: its disk is full" if disk["level"] == "full" else "will soon have no room"
    return f"the local record of the switch {words} ({disk.get('words', '')})"


def verdict_differences() -> int:
    """Return how many attempts the worker judged otherwise than the decider; it must stay 0."""
    return Attempt.objects.filter(differs=True).order_by()[:1000].count()


def open_dead_letters() -> int:
    """Return how many events wait for a person."""
    return DeadLetter.objects.filter(resolved_at__isnull=True).order_by()[:1000].count()
