"""bin/run --demo: its operator is whole, its past was judged, its phones ring on the real switch, and it empties."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import Account, Alias, Client, Registration
from billing.choices import ProductKind
from billing.models import LedgerEntry, Product, ProductMapping
from carriers.models import Carrier
from cdr.invoices.models import Invoice
from cdr.models import CDR, ChargedLeg, SipMessage
from cdr.reports.choices import MoneyKind
from cdr.reports.models import MoneyDay
from core.choices import Role
from core.models import User
from demo.cast import HOTLINE_ACCOUNT, HOTLINE_NUMBER
from dids.choices import DIDState
from dids.models import DID, DIDPrice
from dids.rentals.models import RentalCharge, RentalTerm
from routing.models import Attempt
from routing.reasons import REASONS
from systemlog.models import DeadLetter, LogEntry
from tests.stack import INHERITED_BY_MISTAKE, ROOT, Stack, eventually

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(400)]

ALL_REASONS = set(REASONS) - {"accepted"}
# What needs a fault, a power cut, or a minute of talking.
OF_THE_PAST = {
    "funds_unknown",
    "relay_unavailable",
    "no_decision",
    "switch_lost",
    "peer_vanished",
    "max_duration",
    "funds_ended",
    "meter_lost",
}


@pytest.fixture(scope="module")
def running_demo() -> Iterator[Stack]:
    """Run a demo with half a day of past, that lives twenty times as fast."""
    stack = Stack("--demo", DEMO_DAYS="0.5", DEMO_PACE="20")
    try:
        stack.start()
        yield stack
    finally:
        stack.close(keep_logs_in=None)


@pytest.fixture
def demo(running_demo: Stack, django_db_blocker: DjangoDbBlocker, settings: Settings) -> Iterator[Stack]:
    """Read the demo's database."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    with running_demo.as_default_database(django_db_blocker, settings):
        yield running_demo


def test_the_operator_is_small_and_whole(demo: Stack) -> None:
    """Two providers with thirty numbers in every state, six clients with 13 aliases, money, and logins printed."""
    providers = Carrier.objects.filter(dids__isnull=False).distinct()
    assert providers.count() == 2
    assert DID.objects.count() == 30
    assert set(DID.objects.values_list("state", flat=True)) == set(DIDState.values)
    assert (Client.objects.count(), Alias.objects.count()) == (6, 13)
    kinds = set(LedgerEntry.objects.values_list("kind", flat=True))
    assert kinds >= {"payment", "refund", "adjustment", "rental", "tax"}
    logins = dict(
        line.removeprefix("Demo login: user ").split(", password ") for line in demo.said if "Demo login" in line
    )
    roles = {}
    for user in User.objects.all():
        assert user.check_password(logins.pop(user.username))
        roles[user.username] = user.role
    assert logins == {}
    assert set(roles.values()) == set(Role.values)


def test_its_past_holds_every_way_a_call_can_end(demo: Stack) -> None:
    """Each reason of the catalogue has a CDR; worker and deciders agree on all; no event was in vain."""
    past = CDR.objects.exclude(source__startswith="127.")
    eventually(lambda: set(past.values_list("reason", flat=True)) >= ALL_REASONS, 150, "every reason is there")
    assert past.latest("started_at").started_at < timezone.now()
    assert not Attempt.objects.filter(differs=True).exists()
    assert not DeadLetter.objects.exists()


def test_every_page_about_money_has_something_to_show(demo: Stack) -> None:
    """Prices of both sides, one to come, a number's own, rentals paid and not, invoices, charges that add up."""
    assert set(Product.objects.values_list("kind", flat=True)) == set(ProductKind.values)
    assert ProductMapping.objects.filter(starts_at__gt=timezone.now()).count() == 1
    assert DIDPrice.objects.get().free_seconds
    assert RentalTerm.objects.filter(side="sold", suspended_at__isnull=False).count() == 1
    assert set(RentalCharge.objects.values_list("side", flat=True)) == {"bought", "sold"}
    assert [invoice.state for invoice in Invoice.objects.all()] == ["issued", "issued"]
    charged = ChargedLeg.objects.exclude(amount=0)
    eventually(lambda: {leg.leg for leg in charged} == {"account", "carrier"}, 120, "both legs have charges")
    eventually(lambda: set(MoneyDay.objects.values_list("kind", flat=True)) == set(MoneyKind.values), 120, "a margin")


def test_its_past_has_changes_of_the_configuration_with_their_times(demo: Stack) -> None:
    """System Log tells who changed what days ago, before the calls that were judged by it."""
    changed = LogEntry.objects.filter(category="configuration")
    eventually(lambda: changed.filter(reason="did_changed").exists())
    # Another number was suspended because its rental is unpaid: by nobody.
    [suspended] = [
        entry for entry in changed.filter(message__contains="Mapped → Suspended") if "operator" in str(entry)
    ]
    refused = CDR.objects.filter(reason="did_suspended").order_by("started_at").first()
    assert refused is not None
    assert suspended.at < refused.started_at
    assert changed.order_by("at").first().at < CDR.objects.order_by("started_at").first().started_at


def test_its_phones_ring_on_the_real_switch(demo: Stack) -> None:
    """Calls from loopback pass the switch and end in every way that can be played, without a visitor's doing."""
    live = CDR.objects.filter(source__startswith="127.")
    wanted = ALL_REASONS - OF_THE_PAST
    found: set[str] = set()

    def all_happened() -> bool:
        found.update(live.values_list("reason", flat=True))
        return found >= wanted

    try:
        eventually(all_happened, 150)
    except AssertionError:
        raise AssertionError(f"not live: {sorted(wanted - found)}") from None
    registered = Registration.objects.filter(ended_at__isnull=True, contact__contains="@127.0.40.")
    eventually(lambda: registered.count() >= 9, what="the phones are registered")
    refused = LogEntry.objects.filter(reason="wrong_secret", source__startswith="127.0.40.")
    eventually(refused.exists, what="a phone with a wrong secret tried")
    eventually(SipMessage.objects.exists, what="a call was traced")


def test_a_prepaid_call_ends_with_its_funds(demo: Stack) -> None:
    """The operator pays a quarter of a minute's worth into the hotline; the switch ends the call as it is used up."""
    calls = CDR.objects.filter(source__startswith="127.", number=HOTLINE_NUMBER)
    ended = calls.filter(reason="funds_ended")
    try:
        eventually(ended.exists, 120)
    except AssertionError:
        raise AssertionError(f"no call ran out of funds: {list(calls.values('started_at', 'reason'))}") from None
    call = ended.earliest("started_at")
    balance = Account.objects.get(name=HOTLINE_ACCOUNT).balance
    payments = LedgerEntry.objects.filter(balance=balance, kind="payment")
    assert payments.exists()
    assert call.duration is not None
    assert 8 < call.duration < 25
    assert balance.amount >= 0


def test_a_running_demo_is_not_emptied(demo: Stack) -> None:
    """Nobody loses the ground under a page that is open."""
    assert "already runs" in launcher("demo-reset", demo.folder.root).stderr
    assert demo.folder.is_demo


def launcher(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the launcher with a data folder to its end."""
    command, folder = arguments[:-1], arguments[-1]
    inherited = {name: value for name, value in os.environ.items() if name not in INHERITED_BY_MISTAKE}
    return subprocess.run(
        [sys.executable, "-m", "launcher", *map(str, command), "--data", str(folder)],
        env={**inherited, "PYTHONPATH": str(ROOT / "bin"), **environment},
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_demo_and_installation_do_not_mix(tmp_path: Path) -> None:
    """Each refuses the other's folder and servers, in words that say what to do; nothing is removed by mistake."""
    real, invented = tmp_path / "real", tmp_path / "invented"
    (real / "postgres").mkdir(parents=True)
    assert "real installation" in launcher("run", "--demo", real).stderr
    assert "nothing was removed" in launcher("demo-reset", real).stderr
    assert (real / "postgres").exists()
    assert "DATABASE_URL is set" in launcher("run", "--demo", invented, DATABASE_URL="postgresql://h/d").stderr
    (invented / "demo").touch()
    assert "holds a demo" in launcher("run", invented).stderr


def test_one_command_empties_the_demo(tmp_path: Path) -> None:
    """Its folder goes, and nothing else."""
    invented, other = tmp_path / "invented", tmp_path / "other"
    for folder in (invented / "postgres", other):
        folder.mkdir(parents=True)
    (invented / "demo").touch()
    assert launcher("demo-reset", invented).returncode == 0
    assert not invented.exists()
    assert other.exists()
    assert "there is no demo" in launcher("demo-reset", invented).stderr
