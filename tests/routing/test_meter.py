"""The meter on a real database: what it has extended reaches the switch, however late the database answers."""

import asyncio
import datetime as dt
import json
import time
from typing import Any

import pytest
from django.utils import timezone

from billing.metering.models import MeteredCall
from routing.decider import database, meter
from routing.decider.database import connection_parameters
from routing.decider.meter import Meter
from tests.billing.metering import QUANTUM, a_balance, answer, ask, leg, reserve
from tests.loops import run_async

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_extension_that_nobody_waited_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database hangs while the meter connects: the tick that is given up does its work all the same, later."""
    monkeypatch.setattr(meter, "WORK_SECONDS", 0.4)
    connect = database.connect

    def late_at_first(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(database, "connect", connect)
        time.sleep(1)
        return connect(*arguments, **options)

    monkeypatch.setattr(database, "connect", late_at_first)
    call = ask(leg(a_balance("10")))
    reserve(call)
    begun = timezone.now() - dt.timedelta(seconds=QUANTUM - 20)
    answer(call, begun)
    told: list[dict[str, Any]] = []
    one = Meter(
        "decider-1", "sw1", connection_parameters(), QUANTUM,
        tell=lambda body: told.append(json.loads(body)), connected=lambda: True,
    )  # fmt: skip

    async def until_told() -> None:
        work = asyncio.create_task(one.run())
        for _ in range(400):
            if told:
                break
            await asyncio.sleep(0.05)
        work.cancel()
        await asyncio.wait([work])

    run_async(until_told())
    paid = MeteredCall.objects.get(pk=call["attempt"]).seconds
    assert paid > QUANTUM + 1
    assert [(cover["attempt"], int(cover["until"])) for cover in told] == [
        (call["attempt"], int((begun + dt.timedelta(seconds=paid - 2)).timestamp()))
    ]
