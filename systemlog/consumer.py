"""The consumer of the event stream: reads batches, takes them in, acknowledges after the commit, and never gives up.

What it has read and not acknowledged stays its own in the stream, so nothing need be remembered here: after any
trouble it reads its own entries again, and what was committed already is dropped as a repeat.
"""

import hashlib
import logging
import threading
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import close_old_connections, connection
from redis.exceptions import RedisError, ResponseError

from systemlog import duties, record_space
from systemlog.events import Event, InvalidEvent, parse_event
from systemlog.heartbeats import Pulse
from systemlog.intake import DATABASE_AWAY, MAX_FAILURES, bury, take_in
from systemlog.stream import Entry, EventStream

logger = logging.getLogger(__name__)

BATCH = 500
BLOCK_MS = 1000
CLAIM_EVERY = 5.0
ABANDONED_MS = 15_000  # Longer than any batch; a live consumer robbed by mistake costs only a dropped repeat.
TRIM_EVERY = 10.0
RETRY_DELAYS = (0.2, 1.0, 3.0, 5.0)
LONGEST_PAUSE = 5.0
SUSPECT_DELIVERIES = 3  # Given out so often, an entry may be what kills its consumer; it is then tried alone.


@dataclass
class Figures:
    """What the heartbeat tells of this consumer since its start."""

    taken: int = 0
    repeated: int = 0
    failed: int = 0
    latency_ms: float = 0.0
    trouble: str = ""
    lag: dict[str, int] = field(default_factory=dict)


class Consumer:
    """One consumer of the group; ``run`` returns only when told to stop."""

    def __init__(self, name: str, stop: threading.Event, stream: EventStream | None = None) -> None:
        self.name = name
        self.stop = stop
        self.stream = stream or EventStream(name)
        self.figures = Figures()
        self.pulse = Pulse(name, "ingest", self.details)
        self.duties = duties.Schedule()
        self.own_after: str | None = "0"  # First what an earlier life of this consumer left behind.
        self.review_at = float("inf")
        self.claim_at = self.trim_at = 0.0
        self.group_known = False
        self.pauses = 0

    def run(self) -> None:
        """Consume until told to stop, waiting out every absence of stream and database."""
        logger.info("consumer %s starts", self.name)
        while not self.stop.is_set():
            try:
                self.step()
                self.pauses, self.figures.trouble = 0, ""
            except RedisError as error:
                self.group_known = False
                self.wait_out("stream away", error)
            except DATABASE_AWAY as error:
                connection.close()
                self.wait_out("database away", error)
        logger.info("consumer %s stops", self.name)
        connection.close()

    def wait_out(self, trouble: str, error: Exception) -> None:
        """Pause, longer each time, and then begin with the entries left unacknowledged."""
        if self.figures.trouble != trouble:
            logger.error("%s: %s", trouble, error)
        self.figures.trouble = trouble
        self.own_after = "0"
        self.pauses += 1
        if trouble == "stream away":
            self._beat_quietly()
        self.stop.wait(min(LONGEST_PAUSE, 0.1 * 2 ** min(self.pauses, 6)))

    def _beat_quietly(self) -> None:
        """Tell of the trouble where the database still listens; the reconciliation goes on without the stream."""
        try:
            self.pulse.beat()
            self.duties.run_due(caught_up=True)
        except DATABASE_AWAY:
            connection.close()

    def step(self) -> None:
        """Do one round: claim, read, take in, acknowledge, and what is due beside."""
        close_old_connections()
        self.pulse.beat()
        if not self.group_known:
            self.stream.ensure_group()
            self.group_known = True
        now = time.monotonic()
        if now >= self.claim_at:
            self.claim_at = now + CLAIM_EVERY
            if self.stream.claim_abandoned(ABANDONED_MS, BATCH):
                self.own_after = "0"
        if now >= self.review_at:
            self.own_after, self.review_at = "0", float("inf")
        entries = self.read()
        if entries:
            self.process(entries)
        if now >= self.trim_at:
            self.trim_at = now + TRIM_EVERY
            self.stream.trim()
            self.figures.lag = self.stream.lag()
        self.duties.run_due(caught_up=len(entries) < BATCH)

    def read(self) -> list[Entry]:
        """Return the next entries: own unacknowledged ones first, then new ones."""
        try:
            if self.own_after is not None:
                entries = self.stream.read_own(self.own_after, BATCH)
                self.own_after = entries[-1].id if entries else None
                if entries:
                    return entries
            return self.stream.read_new(BATCH, self.block_ms())
        except ResponseError as error:
            if str(error).startswith("NOGROUP"):
                logger.error(
                    "the stream's group is gone, so its server lost its memory; the local record fills the gap"
                )
                self.group_known = False
                return []
            raise

    def block_ms(self) -> int:
        """Return how long to wait for new entries: not past the next due retry, and never 0, which is for ever."""
        until_review = (self.review_at - time.monotonic()) * 1000
        return max(1, int(min(BLOCK_MS, until_review)))

    def process(self, entries: list[Entry]) -> None:
        """Take entries in and acknowledge them; what fails stays unacknowledged until its next trial or its burial."""
        done: list[str] = []
        events: list[tuple[Entry, Event]] = []
        for entry in entries:
            if not entry.raw:  # Deleted from the stream while pending: nothing is left that could be taken in.
                done.append(entry.id)
                continue
            try:
                events.append((entry, parse_event(entry.raw)))
            except InvalidEvent as error:
                self.bury_invalid(entry, error)
                done.append(entry.id)
        suspects = self.suspects(events)
        done.extend(self.take_group([pair for pair in events if pair[0].id not in suspects]))
        for pair in events:
            if pair[0].id in suspects:
                done.extend(self.take_suspect(*pair))
        self.stream.acknowledge(done)

    def suspects(self, events: list[tuple[Entry, Event]]) -> set[str]:
        """Return the entries given out so often that one of them may be what kills its consumer."""
        if self.own_after is None or not events:
            return set()
        delivered = self.stream.times_delivered(events[0][0].id, events[-1][0].id, len(events))
        return {entry_id for entry_id, times in delivered.items() if times > SUSPECT_DELIVERIES}

    def take_suspect(self, entry: Entry, event: Event) -> list[str]:
        """Try an entry alone, counted before the trial, since its failure may be the end of this process."""
        if self.stream.count_failure(event.id) > MAX_FAILURES:
            return [entry.id] if self.bury_event(entry, event, "its consumer died of it again and again") else []
        try:
            done = self.take_group([(entry, event)])
        except DATABASE_AWAY:
            self.stream.count_failure(event.id, -1)
            raise
        if done:
            self.stream.forget_failures([event.id])
        return done

    def take_group(self, group: list[tuple[Entry, Event]]) -> list[str]:
        """Take one group in and return the ids of the entries to acknowledge."""
        if not group:
            return []
        outcome = take_in([event for _, event in group])
        self.figures.taken += len(outcome.taken)
        self.figures.repeated += outcome.repeated
        newest = max(int(entry.id.partition("-")[0]) for entry, _ in group)
        self.figures.latency_ms = time.time() * 1000 - newest
        errors = {event.id: error for event, error in outcome.failed}
        done = []
        for entry, event in group:
            error = errors.get(event.id)
            if error is None or self.give_up(entry, event, error):
                done.append(entry.id)
        return done

    def give_up(self, entry: Entry, event: Event, error: Exception) -> bool:
        """Count a failure; bury the event at the fifth. Return whether it is done with."""
        self.figures.failed += 1
        failures = self.stream.count_failure(event.id)
        if failures < MAX_FAILURES:
            delay = RETRY_DELAYS[min(failures, len(RETRY_DELAYS)) - 1]
            self.review_at = min(self.review_at, time.monotonic() + delay)
            return False
        return self.bury_event(entry, event, f"{type(error).__name__}: {error}", failures)

    def bury_event(self, entry: Entry, event: Event, error: str, failures: int = MAX_FAILURES) -> bool:
        """Make an entry a dead letter; return True."""
        body = entry.raw.decode("utf-8", "replace")
        bury(body=body, error=error, event_id=event.id, stream_id=entry.id, failures=failures, event=event)
        self.stream.forget_failures([event.id])
        return True

    def bury_invalid(self, entry: Entry, error: InvalidEvent) -> None:
        self.figures.failed += 1
        digest = hashlib.sha256(entry.raw).hexdigest()[:32]
        body = entry.raw[:200_000].decode("utf-8", "replace")
        bury(body=body, error=str(error), event_id=f"invalid:{digest}", stream_id=entry.id)

    def details(self) -> dict[str, object]:
        """Return what the heartbeat carries."""
        figures = self.figures
        return {
            "taken": figures.taken,
            "repeated": figures.repeated,
            "failed": figures.failed,
            "latency_ms": round(figures.latency_ms, 1),
            "trouble": figures.trouble,
            "stream": settings.EVENT_STREAM,
            **figures.lag,
            **record_space.details(),
        }
