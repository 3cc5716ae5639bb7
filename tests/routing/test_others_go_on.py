"""While somebody holds one balance for long, the paid calls of all others are answered and extended."""

import asyncio
import datetime as dt
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from billing.models import Balance, FreeSeconds, Reservation
from billing.posting import lock_balances
from routing.covers import _asked
from routing.decider.database import connection_parameters
from routing.decider.funds import CUT_MARGIN, RESERVE, RESERVE_FREE, FundsDesk, Held
from routing.decider.meter import Meter
from tests.billing.metering import QUANTUM, a_balance, answer, ask, bucket, held, leg, reserve
from tests.loops import run_async

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_holds(balance: Balance | None = None) -> Iterator[None]:
    """Lock a balance, or all free seconds, in a session of its own, until the block is left."""
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            if balance is not None:
                lock_balances([balance.pk])
            else:
                list(FreeSeconds.objects.select_for_update(no_key=True))
            locked.set()
            done.wait(60)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(30)
        yield
    finally:
        done.set()
        thread.join()


def answers(*calls: dict[str, Any]) -> list[Held]:
    """Return what a decider's desk says of calls that are asked about at once."""

    async def all_asked() -> list[Held]:
        desk = FundsDesk("decider-test", connection_parameters(), QUANTUM)
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Held]] = [loop.create_future() for _ in calls]
        desk._asked = list(zip(calls, futures, strict=True))
        working = loop.create_task(desk._ask_all())
        # Who waits in vain gives up, as ask() does; long after the others have their answer.
        _, late = await asyncio.wait(futures, timeout=5)
        for future in late:
            future.cancel()
        await working
        desk.close()
        return [Held() if future.cancelled() else future.result() for future in futures]

    return run_async(all_asked())


def test_a_call_of_another_account_is_let_in() -> None:
    busy, free = a_balance("10"), a_balance("10")
    waiting, other, both = ask(leg(busy)), ask(leg(free)), ask(leg(free, name="carrier"), leg(busy))
    with somebody_holds(busy):
        assert [bool(found.legs) for found in answers(waiting, other, both)] == [False, True, False]
        # What was answered before is answered again, without any lock.
        assert answers(other, waiting)[0].legs == ("account",)
    assert Reservation.objects.count() == 1
    assert [bool(found.legs) for found in answers(waiting, other, both)] == [True, True, True]
    assert Reservation.objects.count() == 4 and held(free) and held(busy)


def test_a_call_with_other_free_seconds_is_let_in() -> None:
    balance = a_balance("10")
    reserve(ask(leg(balance, free=bucket(1000))))
    waiting, other = ask(leg(balance, free=bucket(1000))), ask(leg(balance, free=bucket(1000, account=8)))
    with somebody_holds():
        found = answers(waiting, other, ask(leg(balance)))
        assert [bool(one.legs) for one in found] == [False, True, True]


def test_a_call_of_another_account_is_extended() -> None:
    busy, free = a_balance("10"), a_balance("10")
    waiting, other = ask(leg(busy)), ask(leg(free))
    reserve(waiting, other)
    for call in (waiting, other):
        answer(call, at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=50))
    meter = Meter("decider-test", "sw1", connection_parameters(), QUANTUM, lambda _: None, lambda: True)
    with somebody_holds(busy):
        meter._tick()
        # Of a new leader all live calls are told, extended or not.
        assert set(meter._untold) == {waiting["attempt"], other["attempt"]}
        seconds = dict(Reservation.objects.values_list("attempt_id", "seconds"))
        assert seconds == {uuid.UUID(waiting["attempt"]): 61, uuid.UUID(other["attempt"]): 121}
    meter._untold.clear()
    meter._tick()
    assert set(meter._untold) == {waiting["attempt"]}
    meter._drop()
    meter._jobs.close()


def test_a_switch_that_asks_over_http_is_told_that_it_is_unknown() -> None:
    busy = a_balance("10")
    values = [json.dumps([ask(leg(busy))]), QUANTUM, CUT_MARGIN]
    with somebody_holds(busy):
        assert _asked(RESERVE, RESERVE_FREE, values) is None
    assert _asked(RESERVE, RESERVE_FREE, values) is not None


def test_it_is_asked_in_no_transaction_but_its_own() -> None:
    """A repeated answer's commit does not wait for the disk; it may not be that of anything else."""
    values = [json.dumps([ask(leg(a_balance("10")))]), QUANTUM, CUT_MARGIN]
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        _asked(RESERVE, RESERVE_FREE, values)
