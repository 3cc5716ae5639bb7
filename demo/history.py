"""Send the past through the event stream, as a switch that was cut off for two weeks would: the worker judges it."""

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import connection

from core.partitions import ensure_partitions
from demo.calendar import extras, planned
from demo.past_switch import PastSwitch, line
from demo.phones_then import registrations
from demo.situations import Plan
from demo.state import State
from routing.loader import load_credit
from routing.store import snapshots
from systemlog.events import parse_event
from systemlog.intake import unseen
from systemlog.stream import EventStream

logger = logging.getLogger(__name__)

AT_ONCE = 2_000
# No more than this waits in the stream, so that a live call's events are not far behind.
MOST_WAITING = 4_000
# When the phone of copperfield-depot was lost, as a share of the past.
PHONE_LOST = 0.6


class History:
    """The past of one demo, day by day from the latest on, and what passed while the demo was stopped."""

    def __init__(self, state: State, stop: Callable[[], bool]) -> None:
        self.state, self.stop = state, stop
        self.stream = EventStream("demo")
        self.lost_since = state.at(PHONE_LOST).timestamp()

    def pieces(self, now: dt.datetime) -> Iterator[None]:
        """Send one day after the other; a yield follows each that the worker has taken in.

        Attempts are named by seed and day: what an interrupted start has sent already is dropped as a repeat.
        """
        since = dt.datetime.fromtimestamp(self.state.filled_until, dt.UTC)
        ensure_partitions(since)
        self.stream.ensure_group()
        first_time = since < self.state.begun
        if first_time:
            self._send_registrations()
        last: list[str] = []
        for number, plans in enumerate(self._days(since, now, first_time)):
            # What would still go on now is left to the present.
            lines = list(self._lines([plan for plan in plans if plan.over_by < now.timestamp()]))
            for start in range(0, len(lines), AT_ONCE):
                self._wait(MOST_WAITING)
                if self.stop():
                    return
                self.stream.add(lines[start : start + AT_ONCE])
            if number == 0:
                self._wait_for(lines[-1:])
            yield
            last = lines[-1:] or last
        self._wait_for(last)
        self.state.filled_until = now.timestamp()
        self.state.save()

    def _days(self, since: dt.datetime, now: dt.datetime, first_time: bool) -> Iterator[list[Plan]]:
        until = now
        if first_time:
            recent = extras(self.state.seed, self.state.begun, self.state.days)
            today = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
            yesterday = max(since, until - dt.timedelta(days=1))
            latest = [plan for day in planned(self.state.seed, yesterday, until) for plan in day]
            latest += [plan for plan in recent if plan.at >= today]
            yield sorted(latest, key=lambda plan: plan.at)
            yield [plan for plan in recent if plan.at < today]
            until = yesterday
        yield from planned(self.state.seed, since, until)

    def _send_registrations(self) -> None:
        state = self.state
        told = registrations(state.seed, settings.SWITCH_NAME, state.begun, state.days, self.lost_since)
        self.stream.add([line(event) for event in told])

    def _lines(self, plans: list[Plan]) -> Iterator[str]:
        """Yield the events of calls, a call's together, each judged by the version in force at its time."""
        switch = PastSwitch(settings.SWITCH_NAME, settings.SIP_ADDRESS, self.lost_since, _credit())
        versions = _versions()
        for plan in plans:
            version = max((number for number, at in versions if at <= plan.at), default=versions[0][0])
            with snapshots.at(version) as config:
                yield from map(line, switch.events(plan, config))

    def _wait(self, most: int) -> None:
        """Return once no more than so many events wait for the worker."""
        while not self.stop() and self.stream.lag()["waiting"] > most:
            time.sleep(0.05)

    def _wait_for(self, lines: list[str]) -> None:
        """Return once these events were taken in; others, of live calls, come all the time."""
        wanted = [parse_event(text).id for text in lines]
        while not self.stop() and unseen(wanted):
            time.sleep(0.1)


def _credit() -> dict[int, bool]:
    with connection.cursor() as cursor:
        return load_credit(cursor)


def _versions() -> list[tuple[int, float]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, extract(epoch FROM at)::float8 FROM routing_configversion ORDER BY id")
        return cursor.fetchall()
