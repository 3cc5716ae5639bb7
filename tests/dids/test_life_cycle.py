"""Released numbers rest before somebody else gets them, and everybody can see who had a number when."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from core.models import User
from dids.history import history_of, holders_of
from dids.models import DID
from dids.services import map_dids, release_dids, suspend_dids, unmap_dids
from dids.tasks import end_quarantines
from tests.inventory import a_carrier, an_account, an_alias, some_dids

pytestmark = pytest.mark.django_db


class Released:
    """A DID that rang desk-101 and was released."""

    def __init__(self, actor: User) -> None:
        self.actor = actor
        self.did = some_dids(actor, a_carrier(actor), "+44 20 7946 0018")[0]
        self.account = an_account(actor)
        self.alias = an_alias(actor, self.account)
        map_dids(actor=actor, did_ids=[self.did.pk], alias=self.alias, account=self.account)
        unmap_dids(actor=actor, did_ids=[self.did.pk], quarantine=True)
        self.did.refresh_from_db()

    def age(self, days: float) -> None:
        """Let it have been released so many days ago."""
        self.did.state_since = timezone.now() - dt.timedelta(days=days)
        self.did.save(update_fields=["state_since"])


@pytest.fixture
def released(operator: User) -> Released:
    return Released(operator)


def test_a_released_number_rests_for_the_days_set_and_is_then_available(released: Released, settings: Settings) -> None:
    settings.DID_QUARANTINE_DAYS = 10
    released.age(9.99)
    assert end_quarantines() == 0
    released.age(10.01)
    assert end_quarantines() == 1
    assert end_quarantines() == 0, "run twice, it does nothing more"
    released.did.refresh_from_db()
    assert (released.did.state, released.did.alias) == ("available", None)
    assert timezone.now() - released.did.state_since < dt.timedelta(minutes=1)
    newest = history_of(released.did)[0]
    assert (newest.what, newest.by) == ("Quarantine ended", "")


def test_a_beat_that_comes_late_ends_all_that_is_due(
    operator: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dids.services.QUARANTINES_AT_ONCE", 3)
    dids = some_dids(operator, a_carrier(operator), "+44 20 7946 0010 - 19")
    DID.objects.update(state="quarantine", state_since=timezone.now() - dt.timedelta(days=400))
    DID.objects.filter(pk=dids[0].pk).update(state_since=timezone.now())
    assert end_quarantines() == 9
    assert DID.objects.get(state="quarantine").pk == dids[0].pk


def test_without_days_a_released_number_is_available_at_once(released: Released, settings: Settings) -> None:
    settings.DID_QUARANTINE_DAYS = 0
    assert end_quarantines() == 1
    ids = [released.did.pk]
    map_dids(actor=released.actor, did_ids=ids, alias=released.alias, account=released.account)
    assert unmap_dids(actor=released.actor, did_ids=ids, quarantine=True)[0].state == "available"


def test_only_an_administrator_with_a_reason_ends_a_quarantine_early(released: Released, administrator: User) -> None:
    ids = [released.did.pk]
    with pytest.raises(ValidationError, match=r"is in quarantine until .* An administrator may end it early"):
        release_dids(actor=released.actor, did_ids=ids, reason="please")
    with pytest.raises(ValidationError) as caught:
        release_dids(actor=administrator, did_ids=ids, reason="  ")
    assert "reason" in caught.value.error_dict
    release_dids(actor=administrator, did_ids=ids, reason="Bloom want it back")
    newest = history_of(released.did)[0]
    assert (newest.what, newest.by, newest.state) == (
        "Quarantine ended early: Bloom want it back", administrator.username, "available",
    )  # fmt: skip


def test_a_resting_number_is_neither_mapped_nor_suspended(released: Released) -> None:
    ids = [released.did.pk]
    with pytest.raises(ValidationError, match="in quarantine"):
        map_dids(actor=released.actor, did_ids=ids, alias=released.alias, account=released.account)
    with pytest.raises(ValidationError, match="in quarantine"):
        suspend_dids(actor=released.actor, did_ids=ids)


def test_the_page_says_until_when_it_rests_and_offers_the_early_end_to_administrators_alone(
    released: Released, operator_page: Browser, admin_page: Browser, settings: Settings
) -> None:
    settings.DID_QUARANTINE_DAYS = 10
    end = timezone.localtime(released.did.state_since + dt.timedelta(days=10))
    address = reverse("dids:did_end_quarantine", args=[released.did.pk])
    shown = operator_page.get(released.did.get_absolute_url()).content.decode()
    assert "until <time" in shown and f"{end:%Y-%m-%d}" in shown
    assert address not in shown and operator_page.get(address).status_code == 403
    assert address in admin_page.get(released.did.get_absolute_url()).content.decode()
    assert admin_page.post(address, {"reason": ""}).status_code == 422
    assert admin_page.post(address, {"reason": "wrong number"}).status_code == 302
    released.did.refresh_from_db()
    assert released.did.state == "available"


@pytest.mark.django_db(transaction=True)
def test_the_history_says_who_had_the_number_when(released: Released, admin_page: Browser) -> None:
    second = an_alias(released.actor, an_account(released.actor, "Workshop", "Cogs Ltd"), "bench-1")
    released.age(400)
    end_quarantines()
    map_dids(actor=released.actor, did_ids=[released.did.pk], alias=second, account=second.account)
    now, before = holders_of(released.did)
    assert (now.holder, now.until) == ("bench-1 of Cogs Ltd › Workshop", None)
    assert before.holder == "desk-101 of Bloom Ltd › Main office"
    assert before.until and before.since < before.until < now.since
    shown = admin_page.get(reverse("dids:did_history", args=[released.did.pk])).content.decode()
    assert shown.index("bench-1 of Cogs Ltd") < shown.index("desk-101 of Bloom Ltd")
