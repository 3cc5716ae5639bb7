"""Set aside the first quantum of paid calls in PostgreSQL, or find out that a leg cannot pay for it.

Only calls that cost something come here. One statement is in flight; what is asked meanwhile waits and goes with the
next, so a burst costs one journey and not many. The statement is atomic and keyed by attempt: whichever decider asks
first, both get the same answer (billing/metering/migrations/0002_functions.py). An answer later than the switch waits
is worth nothing and stays unknown. Where somebody holds a balance for long, only calls that need it go without.
"""

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

import orjson
import psycopg2
import structlog
from psycopg2 import errors

from routing.decider.database import Session
from routing.decision import InboundAttempt, Reserve

log = structlog.get_logger(__name__)

STATEMENT_MS = 300
ANSWER_SECONDS = 0.6
# So long after one try to connect the next one begins: a server that refuses is not asked again for each call.
RETRY_SECONDS = 0.1
# So many calls go with one statement: its locks are held no longer than a few milliseconds.
AT_ONCE = 100
# How late a cut may be: the timer of dialogs counts whole seconds from the ACK, which may come a second after the
# answer. The last seconds of what is paid for are left unused, so that a call never costs more than was set aside.
CUT_MARGIN = 2

RESERVE = "SELECT attempt, refused, lacking, seconds, legs FROM metering_reserve(%s::jsonb, %s, %s)"
# Without the calls that need what somebody holds at this moment.
RESERVE_FREE = RESERVE.replace("metering_reserve(", "metering_reserve_free(")


class Held(NamedTuple):
    """What the database says of an attempt's funds: nothing, or a leg that lacks them, or legs that have them."""

    legs: tuple[str, ...] = ()
    lacking: str = ""
    seconds: int = 0

    def funds(self, legs: Iterable[Reserve]) -> dict[str, bool | None]:
        """Return by leg whether there are funds; None for a leg that the first answer did not know of."""
        known = dict.fromkeys(self.legs, True) | ({self.lacking: False} if self.lacking else {})
        wanted = [leg.leg for leg in legs]
        if self.lacking in wanted:
            # Legs are tried in order, so those before it had funds.
            known |= dict.fromkeys(wanted[: wanted.index(self.lacking)], True)
        return {leg: known.get(leg) for leg in wanted}

    @classmethod
    def of(cls, refused: bool, lacking: str, seconds: int, legs: Iterable[str]) -> Self:
        """Read what the statement says of one attempt."""
        return cls(tuple(legs), lacking if refused else "", seconds)

    @property
    def covered_seconds(self) -> int:
        """The seconds of talk after which the switch has to end the call, unless it hears more."""
        return max(1, self.seconds - CUT_MARGIN)


def question(attempt: InboundAttempt, legs: tuple[Reserve, ...], max_seconds: int) -> dict[str, Any]:
    """Return what the statement is asked about an attempt; raise ValueError where its name is no UUID.

    And where a rate's steps are longer than the statement reckons with: its error would cost all calls of the statement
    their funds.
    """
    priced = [leg.priced() for leg in legs]
    if not all(leg.reckonable for leg in legs):
        raise ValueError("a rate charges in steps of more than a year")
    return {
        "attempt": str(uuid.UUID(attempt.attempt_id)),
        "switch": attempt.switch,
        "at": attempt.at / 1e6,
        "max": max_seconds,
        "legs": priced,
    }


class FundsDesk:
    """Its own connection: a slow statement never delays configuration or free calls."""

    def __init__(self, name: str, dsn: dict[str, Any], quantum: int) -> None:
        self.name, self.dsn, self.quantum = name, dsn, quantum
        self._session: Session | None = None
        self._opening: asyncio.Task[Session] | None = None
        self._next_try = 0.0
        self._asked: list[tuple[dict[str, Any], asyncio.Future[Held]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, attempt: InboundAttempt, legs: tuple[Reserve, ...], max_seconds: int) -> Held:
        """Reserve on all legs or on none; knows of no leg where that could not be found out in time."""
        try:
            asked = question(attempt, legs, max_seconds)
        except ValueError:
            return Held()
        answer: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
        self._asked.append((asked, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            return Held()

    def close(self) -> None:
        """End the connection; who still waits knows of no funds."""
        if self._opening is not None:
            self._opening.cancel()
        self._leave()

    async def _ask_all(self) -> None:
        while self._asked:
            asked, self._asked = self._asked[:AT_ONCE], self._asked[AT_ONCE:]
            # Who has given up meanwhile shall not find funds reserved.
            asked = [(told, answer) for told, answer in asked if not answer.done()]
            if not asked:
                continue
            questions = {told["attempt"]: told for told, _ in asked}
            answers: Mapping[str, Held] | None = None
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answers = await self._reserve(list(questions.values()))
            except (psycopg2.Error, OSError, TimeoutError) as error:
                log.warning("funds unknown", calls=len(asked), error=str(error).strip() or "no answer in time")
                # Those who have asked meanwhile would wait as long again, and longer than the switch does.
                asked, self._asked = asked + self._asked, []
            for told, answer in asked:
                if answer.done():
                    continue
                if answers is None:
                    answer.set_result(Held())
                elif told["attempt"] in answers:
                    answer.set_result(answers[told["attempt"]])
                else:
                    # Somebody holds a balance of it. All others have their answer; it is asked again until it is late.
                    self._asked.append((told, answer))

    async def _reserve(self, questions: list[dict[str, Any]]) -> dict[str, Held]:
        """Run the statement; one that failed or was given up leaves the connection to nobody."""
        session = await self._connected()
        values = [orjson.dumps(questions).decode(), self.quantum, CUT_MARGIN]
        try:
            try:
                rows = await session.rows(RESERVE, values)
            except errors.LockNotAvailable:
                rows = await session.rows(RESERVE_FREE, values)
        except BaseException:
            self._leave()
            raise
        return {str(attempt): Held.of(*row) for attempt, *row in rows}

    async def _connected(self) -> Session:
        """Return the session; one that opens more slowly than a call may wait is there for the next calls."""
        if self._session is not None and self._session.ended:
            self._leave()
        if self._session is not None:
            return self._session
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
            # Whoever waits for it may have given up; what it raises then concerns nobody.
            self._opening.add_done_callback(lambda late: late.cancelled() or late.exception())
        return await asyncio.shield(self._opening)

    async def _open(self) -> Session:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(self._next_try - loop.time())
            self._next_try = loop.time() + RETRY_SECONDS
            self._session = await Session.open(self.dsn, f"{self.name} funds", statement_ms=STATEMENT_MS)
            return self._session
        finally:
            self._opening = None

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
