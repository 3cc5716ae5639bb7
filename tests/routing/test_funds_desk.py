"""The connection that paid calls wait for: slow to open, refused, dead on one address, ended while nobody asks."""

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from routing.decider import database, funds
from routing.decider.database import Session, connection_parameters
from routing.decider.funds import FundsDesk
from routing.decision import InboundAttempt, Reserve
from tests.billing.metering import QUANTUM, Price, a_balance
from tests.calls import Call
from tests.loops import run_async
from tests.routing.processes import PATIENCE, HangingProxy

pytestmark = pytest.mark.django_db(transaction=True)

Ask = Callable[[], Awaitable[bool]]


@pytest.fixture
def proxy() -> Iterator[HangingProxy]:
    at = connection_parameters()
    hanging = HangingProxy(str(at.get("host") or "127.0.0.1"), int(at.get("port") or 5432))
    yield hanging
    hanging.close()


def at_desk(story: Callable[[FundsDesk, Ask], Awaitable[None]], **dsn: Any) -> None:
    """Run a story with a desk and a way to ask it about another call, which tells whether there are funds."""
    balance = a_balance("10")
    legs = (Reserve("account", balance.pk, Decimal(1), "USD", Price()),)

    async def told() -> None:
        desk = FundsDesk("decider-test", {**connection_parameters(), **dsn}, QUANTUM)

        async def ask() -> bool:
            call = Call()
            attempt = {**call.call, "attempt": str(uuid.uuid4()), "at": call.started}
            return bool((await desk.ask(InboundAttempt.from_call(attempt, "sw1"), legs, 7200)).legs)

        try:
            async with asyncio.timeout(PATIENCE):
                await story(desk, ask)
        finally:
            desk.close()

    run_async(told())


async def at_last(ask: Ask) -> None:
    while not await ask():
        await asyncio.sleep(0.01)


def test_a_connection_slower_than_a_call_may_wait_serves_the_next_calls(
    proxy: HangingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CONNECT_SECONDS", PATIENCE)
    proxy.hang()

    async def story(desk: FundsDesk, ask: Ask) -> None:
        assert not await ask()
        assert not await ask()
        # Whoever began anew with each call would never have one.
        assert len(proxy.sockets) <= 2, "both ends of one connection"
        proxy.go_on()
        await at_last(ask)

    at_desk(story, host="127.0.0.1", port=proxy.port)


def test_an_address_that_does_not_answer_is_not_the_only_one_tried(
    proxy: HangingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CONNECT_SECONDS", 1)
    proxy.hang()

    async def story(desk: FundsDesk, ask: Ask) -> None:
        await at_last(ask)

    real = connection_parameters()
    hosts = f"127.0.0.1,no-such-host.invalid,{real.get('host') or 'localhost'}"
    at_desk(story, host=hosts, port=f"{proxy.port},1,{real.get('port') or 5432}")


def test_a_server_that_refuses_is_not_asked_again_for_each_call() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    tries: list[float] = []

    def refuse() -> None:
        with suppress(OSError):
            while True:
                listener.accept()[0].close()
                tries.append(time.monotonic())

    threading.Thread(target=refuse, daemon=True).start()

    async def story(desk: FundsDesk, ask: Ask) -> None:
        began = time.monotonic()
        for _ in range(10):
            assert not await ask()
        assert 1 <= len(tries) <= 1 + (time.monotonic() - began) / funds.RETRY_SECONDS

    try:
        at_desk(story, host="127.0.0.1", port=listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_a_server_that_ended_the_connection_while_nobody_asked_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funds, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(funds, "STATEMENT_MS", int(PATIENCE * 1000))

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
                "WHERE application_name = 'decider-test funds' AND datname = current_database()"
            )
            assert cursor.fetchall() == [(True,)]
        connection.close()

    async def story(desk: FundsDesk, ask: Ask) -> None:
        await at_last(ask)
        await asyncio.to_thread(end)
        assert await ask()

    at_desk(story)


def test_a_server_that_is_not_named_is_left_to_libpq() -> None:
    """It looks into its environment, or into the file of services."""
    assert run_async(database._addresses({"service": "billing"})) == [{"service": "billing"}]


def test_a_session_that_is_closed_while_it_waits_watches_no_socket_of_others() -> None:
    async def story() -> None:
        session = await Session.open(connection_parameters(), "decider-test", statement_ms=5000)
        waiting = asyncio.create_task(session.rows("SELECT pg_sleep(0.2)", []))
        await asyncio.sleep(0)
        descriptor, loop = session._connection.fileno(), asyncio.get_running_loop()
        session.close()
        # The next socket that is opened gets this number.
        assert not loop.remove_reader(descriptor) and not loop.remove_writer(descriptor)
        waiting.cancel()

    run_async(story())
