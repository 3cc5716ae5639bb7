"""The registrar: digest, whose contacts, how long, and what a guesser learns."""

from collections.abc import Callable

from accounts.models import Registration
from systemlog.models import LogEntry
from tests.stack import Stack, eventually
from tests.switch.conftest import PhoneMaker, Story
from tests.switch.network import Network, alias_of, wait_in_force
from tests.switch.phone import Manner
from tests.switch.raw import Raw
from tests.switch.sipp import Carrier, hang_up, refused, talking

CarrierAt = Callable[..., Carrier]
Logged = Callable[..., LogEntry]


def test_a_phone_registers_and_leaves(network: Network, phone: PhoneMaker, logged: Logged) -> None:
    """The portal shows contact, address and agent, and that it is gone."""
    line = network.line()
    made = phone(line)
    registrations = Registration.objects.filter(alias=alias_of(line))
    eventually(registrations.exists, what="the registration is shown")
    shown = registrations.get()
    assert (shown.contact, shown.user_agent, shown.ended_at) == (made.contact, "Testphone 1.0", None)
    assert shown.received == f"{made.host}:{made.port}"
    logged(category="registration", reason="registered", message__contains=line.user)
    assert made.register(0) == 200
    logged(category="registration", reason="unregistered", message__contains=line.user)
    eventually(lambda: registrations.get().ended_at is not None, what="the registration has ended")


def test_a_refresh_prolongs_the_same_registration(network: Network, phone: PhoneMaker) -> None:
    """One contact, one row, however often the phone comes back; System Log hears of it once."""
    line = network.line()
    made = phone(line)
    registrations = Registration.objects.filter(alias=alias_of(line))
    eventually(registrations.exists, what="the registration is shown")
    first = registrations.get()
    assert made.register(expires=900) == 200
    eventually(lambda: registrations.get().expires_at > first.expires_at, what="it lasts longer now")
    assert registrations.get().registered_at == first.registered_at
    assert LogEntry.objects.filter(reason="registered", message__contains=line.user).count() == 1


def test_a_wrong_secret_is_refused_and_logged(network: Network, phone: PhoneMaker, logged: Logged) -> None:
    """The phone is challenged again; System Log says whose phone it is and why."""
    line = network.line()
    made = phone(line, register=False)
    assert made.register(secret="not the secret") == 401
    entry = logged(category="registration", reason="wrong_secret")
    assert line.user in entry.message
    assert not Registration.objects.filter(alias=alias_of(line)).exists()


def test_a_guesser_cannot_tell_a_user_from_nobody(network: Network, phone: PhoneMaker, logged: Logged) -> None:
    """Wrong secret and unknown user get the same answers, but for nonce and tags."""
    known, nobody = network.line(), network.line()
    answers = []
    for user in (known.user, "nobody-here"):
        made = phone(known if user == known.user else nobody, register=False)
        made.user = user
        assert made.register(secret="guess") == 401
        answers.append([sorted(line.split(":")[0] for line in reply.text.split("\r\n")) for reply in made.replies])
        assert {reply.start for reply in made.replies} == {"SIP/2.0 401 Unauthorized"}
        assert not any(reply.headers("Server") for reply in made.replies)
    assert answers[0] == answers[1]
    logged(category="registration", reason="unknown_user")


def test_nobody_registers_for_another(network: Network, phone: PhoneMaker, logged: Logged) -> None:
    """Right credentials bind contacts to their own address only."""
    thief, victim = network.line(), network.line()
    made = phone(thief)

    def as_victim(text: str) -> str:
        return text.replace(f"To: <sip:{thief.user}@", f"To: <sip:{victim.user}@")

    send = made._send
    made._send = lambda text, to=None: send(as_victim(text), to)
    assert made.register() == 403
    made._send = send
    logged(category="registration", reason="wrong_user")
    assert not Registration.objects.filter(alias=alias_of(victim)).exists()


def test_an_answer_heard_on_the_wire_is_worth_nothing(network: Network, phone: PhoneMaker) -> None:
    """The very credentials of a REGISTER bind nothing a second time, from nowhere; else an eavesdropper has calls."""
    line = network.line()
    made = phone(line, register=False)
    sent: list[str] = []
    send = made._send
    made._send = lambda text, to=None: (sent.append(text), send(text, to))[1]
    assert made.register() == 200
    credentials = next(row for row in sent[-1].split("\r\n") if row.startswith("Authorization:")) + "\r\n"
    made.contact = "sip:thief@192.0.2.66"
    for thief in (made, phone(line, register=False)):
        thief.contact = "sip:thief@192.0.2.66"
        answer = thief._register_once(600, credentials, 3)
        assert answer is not None and answer.code == 401


def test_a_phone_binds_no_address_but_its_own(network: Network, phone: PhoneMaker, carrier: CarrierAt) -> None:
    """A Contact that names a gateway or the switch itself does not turn an alias into a way out."""
    line = network.line()
    gateway = Raw(("127.12.253.1", 0))
    made = phone(line, contact=f"sip:0900123@{gateway.address}:{gateway.port}")
    result = carrier().call(talking(0.1) + hang_up(), line.number)
    assert result, result.errors
    assert made.received("INVITE")
    assert gateway.hears_nothing(0.2)


def test_a_registration_expires(
    network: Network, phone: PhoneMaker, carrier: CarrierAt, story: Story, logged: Logged
) -> None:
    """A phone that falls silent is not registered any more, and a call to it says so."""
    line = network.line()
    made = phone(line)
    assert made.register(expires=2) == 200
    made.manner = Manner(silent=True)
    logged(category="registration", reason="expired", message__contains=line.user)
    result = carrier().call(refused(487), line.number)
    assert result, result.errors
    story.tells(result, "not_registered", 487, 20, "call")


def test_a_phone_may_not_register_too_often(network: Network, phone: PhoneMaker) -> None:
    """Five contacts at most; the sixth is refused and the five stay."""
    line = network.line()
    made = phone(line)
    codes = []
    for index in range(5):
        made.contact = f"sip:{line.user}@{made.host}:{40000 + index}"
        codes.append(made.register())
    assert codes == [200, 200, 200, 200, 503]
    made.contact = "*"
    assert made.register(0) == 200


def test_a_disabled_alias_cannot_register(network: Network, phone: PhoneMaker) -> None:
    """The decider takes the credentials out of the switch with the change."""
    line = network.line()
    made = phone(line)
    alias = alias_of(line)
    alias.enabled = False
    alias.save()
    wait_in_force()
    eventually(lambda: made.register() == 401, what="the phone is refused")
    made.manner.silent = True


def test_contacts_outlive_the_switch(
    stack: Stack, network: Network, phone: PhoneMaker, carrier: CarrierAt, story: Story
) -> None:
    """After a restart the phone rings without having registered again; one whose connection went with it is gone."""
    line, connected = network.line(), network.line()
    made = phone(line)
    over_tls = phone(connected, transport="tls")
    gone = Registration.objects.filter(alias=alias_of(connected), ended_at=None)
    eventually(gone.exists, what="the registration over TLS is shown")
    stack.stop("switch")
    stack.begin("switch")
    # Deciders connect to the new switch and compare the credentials with it.
    eventually(lambda: bool(carrier().call(refused(404), "442079469998")), what="calls are judged again")
    count = len(made.received("REGISTER"))
    result = carrier().call(talking(0.1) + hang_up(), line.number)
    assert result, result.errors
    story.tells(result, "completed", 200, 16, "call")
    assert len(made.received("REGISTER")) == count
    over_tls.manner = Manner(silent=True)
    result = carrier().call(refused(487), connected.number)
    assert result, result.errors
    assert story.tells(result, "not_registered", 487, 20, "call")
    assert not gone.exists()
    assert made.register() == 200


def test_the_switch_pings_its_phones(network: Network, phone: PhoneMaker, server: tuple[str, int]) -> None:
    """OPTIONS keep the router's hole open, from the port the phone registered to."""
    made = phone(network.line())
    eventually(lambda: bool(made.pings), what="a ping has come")
    ping = made.pings[0]
    assert ping.source == server
    assert not ping.headers("User-Agent") or "amailio" not in ping.header("User-Agent")


def test_stun_on_the_sip_port_shows_the_mapped_address(server: tuple[str, int], stack: Stack) -> None:
    """The phone's own SIP socket asks and learns how the world sees it."""
    asker = Raw(("127.12.252.1", 0))
    assert asker.stun(server) == (asker.address, asker.port)
