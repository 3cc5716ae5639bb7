"""Which paid calls were answered, and by what key their switch knows them: from then on they are extended.

A switch tells its deciders as it happens, and the event stream as well: where no decider was there to hear, the worker
writes it down.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

# What the columns hold, and a clock may say: a message beyond them would make the statement for all others fail.
LARGEST_KEY = 2**63 - 1
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)

ANSWERED = """
WITH told AS (
    SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::bigint[], %s::bigint[]) AS t (attempt, at, entry, number)
), fresh AS (
    SELECT m.attempt_id FROM metering_meteredcall m JOIN told ON told.attempt = m.attempt_id
    WHERE m.answered_at IS NULL ORDER BY m.attempt_id FOR NO KEY UPDATE OF m
)
UPDATE metering_meteredcall m SET answered_at = told.at, dialog_entry = told.entry, dialog_id = told.number
FROM told JOIN fresh ON fresh.attempt_id = told.attempt WHERE m.attempt_id = told.attempt
"""


class Answered(NamedTuple):
    """When the phone picked up, by the switch's clock, and the dialog's key there."""

    at: dt.datetime
    entry: int
    number: int

    @classmethod
    def read(cls, at: dt.datetime, entry: Any, number: Any) -> Self:
        """Read what a switch says; raise ValueError for what no switch can mean."""
        answered = cls(at, int(entry), int(number))
        if not (0 <= answered.entry <= LARGEST_KEY and 0 <= answered.number <= LARGEST_KEY and at < LATEST):
            raise ValueError("no dialog of any switch")
        return answered


def note_answers(cursor: Any, answers: Mapping[str, Answered]) -> None:
    """Write down the answers of paid calls, by attempt, where nobody has."""
    cursor.execute(ANSWERED, [list(answers), *(list(column) for column in zip(*answers.values(), strict=True))])
