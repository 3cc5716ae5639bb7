"""Phones register although everything but the database was started anew, and the database is away."""

import time

import pytest
from django.db import connection

from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker
from tests.switch.network import Network
from tests.switch.phone import Manner
from tests.switch.sipp import Carrier, hang_up, talking

DECIDERS = ("decider-1", "decider-2")


@pytest.mark.faults
@pytest.mark.timeout(200)
def test_phones_register_while_the_database_is_away(
    stack: Stack, network: Network, phone: PhoneMaker, carrier: Carrier
) -> None:
    """The deciders keep credentials on disk, encrypted; calls then ring, too."""
    line = network.line()
    known = phone(line, Manner(answer_after=0.1))
    time.sleep(3)  # longer than a decider gathers changes before it writes them
    connection.close()
    stack.stop("postgres")
    try:
        stack.kill("switch", *DECIDERS)
        eventually(lambda: known.register() == 200, what="the phone registers")
        result = carrier().call(talking(0.2) + hang_up(), line.number)
        assert result, result.errors
    finally:
        stack.begin("postgres")
        for name in ("switch", *DECIDERS):
            stack.wait_ready(name)
