"""The demo's present: registered phones, and providers that call, rightly and in every wrong way the guide knows."""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import signal
import threading
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from cdr.traces import last_trace, request_trace
from core.models import User
from demo.cast import ALIASES, LOST_PHONE, SILENT_PHONE, UNUSED_ALIAS, agent_of
from demo.history import History
from demo.money import top_up_hotline
from demo.sip.phone import Conduct, Phone
from demo.sip.provider import Order, Provider
from demo.situations import LIVE, USUAL, WRONG, Manner, Plan, Situation, plan_calls
from demo.state import State
from dids.models import DID
from systemlog.heartbeats import Pulse
from systemlog.intake import DATABASE_AWAY

logger = logging.getLogger(__name__)

# Seconds between calls: brisk while a visitor looks at the first pages, until everything has happened once; then as
# seldom as in the weeks before.
BRISK, CALM = 5.0, 40.0
PATIENCE = 30.0
# Longer than anybody pays for.
LONG = 600.0
# How often the usual calls come for each wrong one.
USUAL_SHARE = 10
TRACED = "442079460010"
LOST_PHONE_TRIES_EVERY = 900.0


def run(state: State) -> None:
    """Live until told to stop."""
    asyncio.run(Live(state).run())


class Live:
    """Phones, providers and the plan of who calls next."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.stopping = threading.Event()
        self.switch = (os.environ["SIP_LISTEN"].split(",")[0], settings.SIP_PORT)
        # Tests have less patience than visitors.
        self.pace = float(os.environ.get("DEMO_PACE") or 1)
        self.pulse = Pulse("demo", "demo")
        self.phones: list[Phone] = []
        self.providers: dict[str, Provider] = {}
        self.conducts: dict[str, Conduct] = {}
        self.calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Play until a signal comes or a part fails, then hang up."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.begin_phones()
        await self.phones_are_there()
        parts = {
            asyncio.create_task(stop.wait()),
            asyncio.create_task(asyncio.to_thread(self.tell)),
            asyncio.create_task(self.trickle()),
        }
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            self.stopping.set()
            await self.hang_up()

    # In a thread of its own: what waits for database and stream.

    def tell(self) -> None:
        """Send the past, its latest day first; from then on say with each heartbeat that the demo lives."""
        self.ask_for_trace()
        history = History(self.state, self.stopping.is_set)
        for _ in history.pieces(timezone.now()):
            self.pulse.beat()
        while not self.stopping.wait(0.5):
            try:
                close_old_connections()
                self.pulse.beat()
            except DATABASE_AWAY as error:
                logger.warning("database away: %s", error)
        self.pulse.end()

    def ask_for_trace(self) -> None:
        """Let the first call of one number be recorded, so that there is a ladder of messages to look at."""
        did = DID.objects.filter(number=TRACED).first()
        operator = User.objects.filter(username="operator").first()
        if did and operator and not last_trace("did", did.pk):
            request_trace("did", did.pk, actor=operator)

    # Phones

    async def begin_phones(self) -> None:
        """Register every phone: one with a wrong secret, one whose router has closed the way back."""
        for index, alias in enumerate(ALIASES):
            if alias == UNUSED_ALIAS:
                continue
            secret = "typed wrongly" if alias == LOST_PHONE else self.state.secrets[alias]
            usual = Conduct(silent=alias == SILENT_PHONE)
            phone = Phone(self.switch, settings.SIP_REALM, alias, secret, agent_of(alias), self.conduct_or(usual))
            phone.private_host = "192.168.1.22" if alias == SILENT_PHONE else ""
            await phone.open(f"127.0.40.{1 + index}")
            self.phones.append(phone)
            phone.spawn(phone.stay_registered(LOST_PHONE_TRIES_EVERY if alias == LOST_PHONE else 2.0))

    async def phones_are_there(self) -> None:
        """Return once the phones are registered, so that a decider answers, too; or when it has taken too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not all(phone.registered or phone.user == LOST_PHONE for phone in self.phones):
                    await asyncio.sleep(0.1)

    def conduct_or(self, usual: Conduct) -> Callable[[str], Conduct]:
        """Return what looks up how a phone shall treat a call; one that nobody planned is a visitor's own."""
        return lambda call_id: self.conducts.get(call_id, usual)

    # Calls

    async def trickle(self) -> None:
        """Let one situation after the other happen."""
        for chance, situation, pause in deck(self.state.seed):
            for plan in plan_calls(chance, situation, 0.0, live=True):
                task = asyncio.create_task(self.play(plan))
                self.calls.add(task)
                task.add_done_callback(self.calls.discard)
            await asyncio.sleep(pause * chance.uniform(0.5, 1.5) / self.pace)

    async def play(self, plan: Plan) -> None:
        """Make one planned call, from its provider's address to whatever it reaches."""
        await asyncio.sleep(plan.at)
        if plan.source not in self.providers:
            provider = self.providers[plan.source] = Provider(self.switch, plan.agent)
            await provider.open(plan.source)
        if plan.situation.manner is Manner.OUTLAST and not await asyncio.to_thread(top_up, self.pace):
            return
        call_id = f"{secrets.token_hex(10)}@{plan.source}"
        conduct, order = script(plan, call_id, self.pace)
        if conduct:
            self.conducts[call_id] = conduct
        try:
            await self.providers[plan.source].call(order)
        finally:
            self.conducts.pop(call_id, None)

    async def hang_up(self) -> None:
        """End all calls and unregister the phones, so that the switch does not have to find out that they are gone."""
        await asyncio.gather(*(provider.hang_up_all() for provider in self.providers.values()))
        await asyncio.gather(*(phone.register(0) for phone in self.phones if phone.registered))
        for endpoint in (*self.phones, *self.providers.values()):
            endpoint.close()


def top_up(pace: float) -> bool:
    """Pay into the prepaid hotline; return whether its call may begin: not while the database is away."""
    close_old_connections()
    try:
        return top_up_hotline(pace)
    except DATABASE_AWAY as error:
        logger.warning("database away: %s", error)
        return False


def deck(seed: int) -> Iterator[tuple[random.Random, Situation, float]]:
    """Yield situations for ever, each with the pause after it: all that can be played, the usual ones often; mixed."""
    chance = random.Random(f"{seed}:live")
    # Often: it lasts a minute, and is left out while one is up.
    cards = [*LIVE * 4, *(situation for situation in WRONG if situation.playable)]
    for situation in USUAL:
        cards += [situation] * max(1, situation.weight // USUAL_SHARE)
    # A portal where no call is up looks dead: it begins with some that last.
    yield from ((chance, situation, BRISK) for situation in (*LIVE, *USUAL[:1] * 3))
    pause = BRISK
    while True:
        chance.shuffle(cards)
        yield from ((chance, card, pause) for card in cards)
        pause = CALM


def script(plan: Plan, call_id: str, pace: float = 1) -> tuple[Conduct | None, Order]:
    """Return what phone and caller shall do; a phone that is silent needs no telling."""
    # Calls that are to meet keep their length.
    talks = plan.talks if plan.situation.calls > 1 else plan.talks / pace
    if plan.situation.manner is Manner.OUTLAST:
        talks = LONG
    order = Order(plan.number, plan.caller, call_id, talks=talks if plan.by == "caller" else talks + 60)
    # Whoever answers, declines or gives up does so before the switch's own timers end the call.
    quick = min(plan.rings, 9.0, settings.SIP_NO_ANSWER_TIMEOUT / 2)
    match plan.situation.manner:
        case Manner.RING_OUT:
            return Conduct(answers_after=None), order
        case Manner.CANCEL:
            return Conduct(answers_after=None), Order(plan.number, plan.caller, call_id, gives_up_after=quick + 0.5)
        case Manner.BUSY:
            return Conduct(answers_after=0.2, refuses=486), order
        case Manner.FAIL:
            return Conduct(answers_after=0.2, refuses=488), order
        case Manner.DECLINE:
            return Conduct(answers_after=quick, refuses=603), order
        case Manner.SILENT:
            return None, order
        case Manner.CANCEL_SILENT:
            return None, Order(plan.number, plan.caller, call_id, gives_up_after=settings.SIP_NO_RESPONSE_TIMEOUT / 2)
    return Conduct(quick, hangs_up_after=talks if plan.by == "callee" else None), order
