"""Pages of clients, accounts, aliases and registrations, as each role meets them."""

import datetime as dt
import re

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Alias, Client, Registration
from accounts.services import digests
from core.models import User
from tests.inventory import an_account, an_alias


@pytest.fixture
def account(operator: User) -> Account:
    return an_account(operator)


def test_a_client_an_account_and_an_alias_are_added_one_after_the_other(operator_page: Browser) -> None:
    added = operator_page.post(reverse("accounts:client_add"), {"name": "Bloom Ltd", "email": "", "notes": ""})
    client = Client.objects.get(name="Bloom Ltd")
    assert added["Location"] == client.get_absolute_url()
    values = {"client": client.pk, "name": "Main office", "currency": "usd", "credit_limit": "0"}
    added = operator_page.post(reverse("accounts:account_add"), values)
    account = Account.objects.get(name="Main office")
    assert added["Location"] == account.get_absolute_url()
    assert account.balance.currency == "USD"
    operator_page.post(reverse("accounts:alias_add", args=[account.pk]), {"username": "desk-101"})
    assert account.aliases.get().username == "desk-101"


def test_a_secret_is_shown_once_and_kept_by_nobody(operator_page: Browser, account: Account) -> None:
    response = operator_page.post(reverse("accounts:alias_add", args=[account.pk]), {"username": "desk-101"})
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    found = re.search(r'class="one-time">.*?class="mono ?">([^<]+)<', response.content.decode(), re.DOTALL)
    assert found, "the page shows the secret"
    alias = Alias.objects.get()
    assert digests("desk-101", found[1])[0] == alias.ha1_md5
    for address in ("accounts:alias_detail", "accounts:alias_secret"):
        assert found[1] not in operator_page.get(reverse(address, args=[alias.pk])).content.decode()


def test_a_new_secret_is_asked_for_before_it_is_made(operator_page: Browser, operator: User, account: Account) -> None:
    alias = an_alias(operator, account)
    before = alias.ha1_md5
    page = reverse("accounts:alias_secret", args=[alias.pk])
    assert "can no longer register" in operator_page.get(page).content.decode()
    alias.refresh_from_db()
    assert alias.ha1_md5 == before
    operator_page.post(page)
    alias.refresh_from_db()
    assert alias.ha1_md5 != before


def test_support_sees_no_secret_and_changes_nothing(support_page: Browser, operator: User, account: Account) -> None:
    alias = an_alias(operator, account)
    page = support_page.get(reverse("accounts:alias_detail", args=[alias.pk])).content.decode()
    assert alias.ha1_md5 not in page
    assert "New secret" not in page
    assert "disabled" in page, "the form is there to be read"
    changed = support_page.post(reverse("accounts:alias_detail", args=[alias.pk]), {"description": "x"})
    assert changed.status_code == 403
    assert support_page.get(reverse("accounts:alias_secret", args=[alias.pk])).status_code == 403


def test_a_taken_user_name_is_said_beside_the_field_and_the_rest_stays(
    operator_page: Browser, operator: User, account: Account
) -> None:
    an_alias(operator, account, "desk-101")
    response = operator_page.post(
        reverse("accounts:alias_add", args=[account.pk]), {"username": "desk-101", "description": "Reception"}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert "already exists" in page or "is taken" in page
    assert "Reception" in page


def test_an_account_is_suspended_on_its_main_tab(operator_page: Browser, account: Account) -> None:
    page = account.get_absolute_url()
    values = {"name": account.name, "state": "suspended", "product": "", "credit_limit": "25.5"}
    assert operator_page.post(page, values)["Location"] == page
    account.refresh_from_db()
    assert account.state == "suspended"
    account.balance.refresh_from_db()
    assert account.balance.credit_limit == 25.5
    assert "Suspended" in operator_page.get(page).content.decode()


def test_deletion_names_what_keeps_an_account_and_offers_to_suspend_it(
    operator_page: Browser, operator: User, account: Account
) -> None:
    an_alias(operator, account)
    page = reverse("accounts:account_delete", args=[account.pk])
    shown = operator_page.get(page).content.decode()
    assert "1 alias" in shown
    assert reverse("accounts:account_archive", args=[account.pk]) in shown
    assert operator_page.post(page).status_code == 422
    assert Account.objects.exists()


def test_an_account_is_billed_by_a_form_that_counts_once(operator_page: Browser, account: Account) -> None:
    page = reverse("accounts:account_payment", args=[account.pk])
    form_id = re.search(r'name="form_id" value="([^"]+)"', operator_page.get(page).content.decode())
    assert form_id
    for _ in range(2):
        response = operator_page.post(page, {"amount": "10.50", "note": "wire", "form_id": form_id[1]})
        assert response["Location"] == account.get_absolute_url()
    account.balance.refresh_from_db()
    assert account.balance.amount == 10.5
    assert account.balance.entries.count() == 1
    ledger = operator_page.get(reverse("accounts:account_ledger", args=[account.pk])).content.decode()
    assert "wire" in ledger and "10.50" in ledger


def test_only_administrators_adjust(operator_page: Browser, admin_page: Browser, account: Account) -> None:
    page = reverse("accounts:account_adjustment", args=[account.pk])
    values = {"amount": "-3", "note": "typo", "form_id": "00000000-0000-4000-8000-000000000001"}
    assert operator_page.post(page, values).status_code == 403
    assert admin_page.post(page, values).status_code == 302
    account.balance.refresh_from_db()
    assert account.balance.amount == -3


def a_registration(alias: Alias, contact: str, expires_in: int, ended: bool = False) -> Registration:
    now = timezone.now()
    return Registration.objects.create(
        alias=alias,
        switch="sw1",
        contact=contact,
        received="198.51.100.9:31044",
        user_agent="Yealink",
        registered_at=now,
        refreshed_at=now,
        expires_at=now + dt.timedelta(seconds=expires_in),
        ended_at=now if ended else None,
    )


def test_a_registration_shows_while_it_lasts(operator_page: Browser, operator: User, account: Account) -> None:
    alias = an_alias(operator, account)
    page = alias.get_absolute_url()
    fragment = reverse("accounts:alias_contacts", args=[alias.pk])
    assert "No phone has registered as desk-101" in operator_page.get(fragment).content.decode()
    a_registration(alias, "sip:old@10.0.0.9", -5)
    a_registration(alias, "sip:gone@10.0.0.8", 60, ended=True)
    assert "Not registered" in operator_page.get(page).content.decode()
    a_registration(alias, "sip:desk-101@10.0.0.7", 60)
    shown = operator_page.get(fragment).content.decode()
    assert shown.index("sip:desk-101@10.0.0.7") < shown.index("sip:old@10.0.0.9")
    assert shown.count("Registered</span>") == 1
    assert "198.51.100.9:31044" in shown and "Yealink" in shown
    assert 'hx-trigger="every 5s"' in operator_page.get(page).content.decode()
    registered = operator_page.get(reverse("accounts:registration_list"), {"current": "true"}).content.decode()
    assert "desk-101@10.0.0.7" in registered and "sip:old" not in registered
    assert "desk-101" in operator_page.get(reverse("accounts:alias_list"), {"registered": "true"}).content.decode()


def test_what_the_network_sent_is_escaped(operator_page: Browser, operator: User, account: Account) -> None:
    alias = an_alias(operator, account)
    a_registration(alias, "sip:<script>alert(1)</script>@10.0.0.9", 60)
    for page in (alias.get_absolute_url(), reverse("accounts:registration_list")):
        assert "<script>alert" not in operator_page.get(page).content.decode()


def test_accounts_are_searched_by_account_client_and_alias(
    operator_page: Browser, operator: User, account: Account
) -> None:
    an_alias(operator, account, "desk-101")
    page = reverse("accounts:account_list")
    assert 'type="search"' in operator_page.get(page).content.decode()
    for words in (account.name, account.client.name, "desk-101"):
        assert f">{account}</a>" in operator_page.get(page, {"q": words}).content.decode()
    assert f">{account}</a>" not in operator_page.get(page, {"q": "nobody"}).content.decode()
