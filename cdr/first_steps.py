"""What an operator of a new portal does next: the operator's guide as a list, each step ticked when it is really so."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef
from django.urls import reverse

from accounts.models import Account, Alias, Client, Registration
from accounts.selectors import CURRENT
from carriers.models import Carrier, CarrierAccount
from cdr.models import CDR
from dids.models import DID
from routing.reasons import reason as reason_of

# How long the list stays after the first call has rung a phone, so that whoever made it sees the last tick.
LINGERS = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Step:
    """One step of the guide: what to do, whether it is done, and the page that does it."""

    title: str
    done: bool
    text: str
    action: str
    url: str


@dataclass(frozen=True)
class Refusal:
    """The last call, where it was refused before any phone had rung: why, and what to do."""

    words: str
    remedy: str
    url: str


@dataclass(frozen=True)
class FirstSteps:
    """The whole list."""

    steps: tuple[Step, ...]
    refusal: Refusal | None

    @property
    def next(self) -> Step | None:
        """The first step that is not done."""
        return next((step for step in self.steps if not step.done), None)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(step.done for step in self.steps)


def are_over(now: dt.datetime) -> bool:
    """Tell whether calls have rung phones here for a while: then nobody needs the list any more."""
    return CDR.objects.filter(rang_at__isnull=False, started_at__lt=now - LINGERS).exists()


def first_steps() -> FirstSteps:
    """Return the list as it stands now; a handful of queries, asked only while a portal is new."""
    provider = (
        Carrier.objects.annotate(
            credit=F("balance__amount") + F("balance__credit_limit"),
            listed=Exists(CarrierAccount.objects.filter(carrier=OuterRef("pk"), enabled=True)),
            numbered=Exists(DID.objects.filter(carrier=OuterRef("pk"))),
        )
        # The one that is furthest.
        .order_by("-is_did_provider", "-numbered", "-listed", "pk")
        .first()
    )
    last = CDR.objects.order_by("-started_at", "-pk").first()
    rang = last is not None and CDR.objects.filter(rang_at__isnull=False).exists()
    return FirstSteps(
        (*_provider_steps(provider), *_client_steps(), _call_step(rang)), None if rang else _refusal(last)
    )


def _provider_steps(provider: Any) -> tuple[Step, ...]:
    def page(name: str) -> str:
        return reverse(f"carriers:{name}", args=[provider.pk]) if provider else ""

    return (
        Step(
            "Add the carrier that provides your DID numbers",
            provider is not None,
            "Only its name is needed to begin with.",
            "Add carrier",
            reverse("carriers:carrier_add"),
        ),
        Step(
            "Check “Carrier is DID provider”",
            bool(provider and provider.is_did_provider),
            "On the carrier's tab Main. It lets the carrier's calls in.",
            "Open its tab Main",
            page("carrier_detail"),
        ),
        Step(
            "Give it some credit (a few units)",
            bool(provider and provider.credit > 0),
            "Without credit its calls are refused.",
            "Add payment",
            page("carrier_payment"),
        ),
        Step(
            "List the IP addresses it calls from",
            bool(provider and provider.listed),
            "One by one, or a range with the checkbox “subnet”. Calls from anywhere else are refused.",
            "Add IP address",
            page("carrieraccount_add"),
        ),
        Step(
            "Add its DID numbers",
            bool(provider and provider.numbered),
            "One, a range, or a pasted list.",
            "Add DID number",
            reverse("dids:carrierdid_add", args=[provider.pk]) if provider else "",
        ),
    )


def _client_steps() -> tuple[Step, ...]:
    live = Registration.objects.filter(CURRENT, alias=OuterRef("pk"))
    alias: Any = (
        Alias.objects.annotate(live=Exists(live), rung=Exists(DID.objects.filter(alias=OuterRef("pk"))))
        .defer("ha1_md5", "ha1_sha256")
        .order_by("-rung", "-live", "pk")
        .first()
    )
    action, url = ("", "") if alias else _before_an_alias()
    return (
        Step(
            "Add a client's account with an alias",
            alias is not None,
            "The account is what is billed; an alias is what a phone registers as.",
            action,
            url,
        ),
        Step(
            "Map a DID number to the alias",
            bool(alias and alias.rung),
            "In the account's tab DIDs: choose the number and the alias that shall ring.",
            "Add DID number",
            reverse("dids:accountdid_add", args=[alias.account_id]) if alias else "",
        ),
        Step(
            "Register a phone",
            bool(alias and alias.live),
            "With the alias's SIP user name and secret, and this switch as registrar and STUN server.",
            "Open the alias",
            reverse("accounts:alias_detail", args=[alias.pk]) if alias else "",
        ),
    )


def _before_an_alias() -> tuple[str, str]:
    """Return what is missing before the first alias, and where it is added."""
    if account := Account.objects.order_by("pk").first():
        return "Add alias", reverse("accounts:alias_add", args=[account.pk])
    if client := Client.objects.order_by("pk").first():
        return "Add account", f"{reverse('accounts:account_add')}?client={client.pk}"
    return "Add client", reverse("accounts:client_add")


def _call_step(rang: bool) -> Step:
    return Step(
        "Make a test call",
        rang,
        "Call the number and follow the messages in System Log.",
        "Open System Log",
        reverse("syslog:logentry_list"),
    )


def _refusal(last: CDR | None) -> Refusal | None:
    if last is None or last.ended_at is None:
        return None
    known = reason_of(last.reason)
    return Refusal(known.words, next(iter(known.remedies), ""), last.get_absolute_url())
