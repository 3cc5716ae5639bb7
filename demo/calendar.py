"""When calls come: more in office hours than at night, fewer at weekends; the same for the same seed and day."""

import datetime as dt
import random
from collections.abc import Iterator

from demo.situations import INCIDENTS, USUAL, WRONG, Plan, plan_calls

CALLS_A_DAY = 520
WEEKEND_SHARE = 0.3
# Relative traffic of each hour of the day: two office peaks, a lunch between them, an animal doctor at night.
HOURS = (2, 1, 1, 1, 1, 2, 5, 16, 44, 78, 92, 86, 60, 66, 84, 80, 66, 42, 20, 12, 8, 6, 4, 3)
# The end of the past in which every kind of wrong call occurs at least once.
LATELY = 0.15


def planned(seed: int, since: dt.datetime, until: dt.datetime) -> Iterator[list[Plan]]:
    """Yield the calls that begin between two instants, a list for each day, the latest day first."""
    day = until.date()
    while day >= since.date():
        plans = [plan for plan in _of_day(seed, day) if since.timestamp() <= plan.at < until.timestamp()]
        if plans:
            yield plans
        day -= dt.timedelta(days=1)


def _of_day(seed: int, day: dt.date) -> list[Plan]:
    # No security hangs on these numbers: they only have to be the same again.
    chance = random.Random(f"{seed}:{day}")
    count = round(CALLS_A_DAY * (WEEKEND_SHARE if day.weekday() >= 5 else 1) * chance.uniform(0.9, 1.1))
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()
    kinds = (*USUAL, *WRONG)
    weights = [kind.weight for kind in kinds]
    plans = []
    for situation in chance.choices(kinds, weights, k=count):
        hour = chance.choices(range(24), HOURS)[0]
        plans += plan_calls(chance, situation, midnight + 3600 * (hour + chance.random()))
    return sorted(plans, key=lambda plan: plan.at)


def extras(seed: int, begun: dt.datetime, days: float) -> list[Plan]:
    """Return what a short past might lack: the incidents, and each wrong kind of call once, lately."""
    chance = random.Random(f"{seed}:extras")
    span = days * 86_400
    start = begun.timestamp() - span
    plans = []
    for share, situation in INCIDENTS:
        plans += plan_calls(chance, situation, start + share * span)
    for situation in (*USUAL, *WRONG):
        # Ten minutes at least, so that all of it is over when the past ends.
        plans += plan_calls(chance, situation, begun.timestamp() - 600 - chance.random() * (LATELY * span - 600))
    return sorted(plans, key=lambda plan: plan.at)
