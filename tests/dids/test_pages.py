"""Pages of DIDs: added on the carrier, mapped on the account, followed over all carriers."""

import re
from uuid import uuid4

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, Alias
from carriers.models import Carrier
from cdr.models import CDR
from core.models import User
from dids.models import DID
from dids.services import map_dids, suspend_dids
from systemlog.models import LogEntry
from tests.inventory import a_carrier, an_account, an_address, an_alias, some_dids


class Cast:
    """A carrier with three available DIDs, and an account with two aliases."""

    def __init__(self, actor: User) -> None:
        self.actor = actor
        self.carrier: Carrier = a_carrier(actor, "Acme")
        self.dids = some_dids(actor, self.carrier, "+44 20 7946 0018 - 20")
        self.account: Account = an_account(actor)
        self.alias: Alias = an_alias(actor, self.account, "desk-101")
        self.second = an_alias(actor, self.account, "desk-102")

    def map(self, *indexes: int) -> None:
        ids = [self.dids[index].pk for index in indexes]
        map_dids(actor=self.actor, did_ids=ids, alias=self.alias, account=self.account)


@pytest.fixture
def cast(operator: User) -> Cast:
    return Cast(operator)


def page(browser: Browser, name: str, *args: object, **query: str) -> str:
    """Return the text of a page that must be there."""
    response = browser.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def test_one_number_is_added_as_people_write_it_and_a_duplicate_is_named(
    operator_page: Browser, operator: User, cast: Cast
) -> None:
    address = reverse("dids:carrierdid_add", args=[cast.carrier.pk])
    done = operator_page.post(address, {"number": "0044 20 7946 0100"}, follow=True).content.decode()
    assert "+44 20 7946 0100 added." in done
    other = a_carrier(operator, "Other")
    cast.map(0)
    refused = operator_page.post(reverse("dids:carrierdid_add", args=[other.pk]), {"number": "+442079460018"})
    assert refused.status_code == 422
    shown = refused.content.decode()
    assert "Already a DID of carrier Acme: +44 20 7946 0018 is mapped to desk-101" in shown
    assert 'value="+442079460018"' in shown


def test_an_unusual_number_is_added_and_says_what_is_unusual(operator_page: Browser, cast: Cast) -> None:
    address = reverse("dids:carrierdid_add", args=[cast.carrier.pk])
    done = operator_page.post(address, {"number": "+800 1234 5678"}, follow=True).content.decode()
    assert "international freephone" in done
    assert DID.objects.filter(number="80012345678").exists()


def test_a_range_is_added_whole_or_not_at_all(operator_page: Browser, cast: Cast) -> None:
    address = reverse("dids:carrierdid_add", args=[cast.carrier.pk])
    values = {"number": "020 7946 0010", "last": "19", "region": "GB"}
    refused = operator_page.post(address, values)
    assert refused.status_code == 422
    assert "Nothing was added" in refused.content.decode()
    assert DID.objects.count() == 3
    operator_page.post(address, values | {"last": "17"})
    assert DID.objects.count() == 11
    wrong = operator_page.post(address, values | {"last": "09"}).content.decode()
    assert "before it begins" in wrong


def test_the_country_of_national_numbers_is_the_one_the_addresses_name(
    operator_page: Browser, operator: User, cast: Cast
) -> None:
    an_address(operator, cast.carrier, "203.0.113.5", default_region="LV")
    for name in ("dids:carrierdid_add", "dids:carrierdid_paste"):
        shown = page(operator_page, name, cast.carrier.pk)
        assert re.search(r'<option value="LV"\s+selected', shown)


def test_pasted_numbers_are_previewed_and_applied_as_previewed(operator_page: Browser, cast: Cast) -> None:
    address = reverse("dids:carrierdid_paste", args=[cast.carrier.pk])
    values = {"text": "+44 20 7946 0018\n+371 6722 0100 - 0104\n+800 1234 5678\nabc", "region": ""}
    shown = operator_page.post(address, values).content.decode()
    assert DID.objects.count() == 3
    for words in ("5 to add", "1 to add, unusual", "1 already there", "1 left out", "Add 6 DID numbers"):
        assert words in shown
    found = re.search(r'name="previewed" value="([0-9a-f]+)"', shown)
    assert found
    applied = values | {"previewed": found[1], "apply": "yes"}
    assert "6 DID numbers added." in operator_page.post(address, applied, follow=True).content.decode()
    again = operator_page.post(address, applied)
    assert again.status_code == 409, "what was previewed no longer holds"
    assert DID.objects.count() == 9


def test_a_long_list_shows_the_lines_that_need_attention(operator_page: Browser, cast: Cast) -> None:
    address = reverse("dids:carrierdid_paste", args=[cast.carrier.pk])
    shown = operator_page.post(address, {"text": "+44 20 7945 0000 - 0999\nabc"}).content.decode()
    assert "1\u202f000 to add" in shown or "1,000 to add" in shown
    assert "“abc” is not a number" in shown
    assert "801 more lines" in shown


def test_the_guides_mapping_from_button_to_alias(operator_page: Browser, cast: Cast) -> None:
    assert "Add DID number" in page(operator_page, "accounts:account_dids", cast.account.pk)
    shown = page(operator_page, "dids:accountdid_add", cast.account.pk)
    assert shown.count('name="pk"') == 3
    assert "Choose alias from mapping" in shown and "desk-101" in shown and "desk-102" in shown
    address = reverse("dids:accountdid_add", args=[cast.account.pk])
    chosen = {"pk": [cast.dids[0].pk, cast.dids[2].pk], "alias": cast.second.pk}
    done = operator_page.post(address, chosen, follow=True)
    assert done.redirect_chain[-1][0] == reverse("accounts:account_dids", args=[cast.account.pk])
    assert "2 DID numbers mapped to desk-102" in done.content.decode()
    assert [did.alias for did in DID.objects.order_by("number")] == [cast.second, None, cast.second]
    assert page(operator_page, "dids:accountdid_add", cast.account.pk).count('name="pk"') == 1


def test_the_list_of_available_dids_is_searched_and_filtered(
    operator_page: Browser, operator: User, cast: Cast
) -> None:
    other = a_carrier(operator, "Other")
    some_dids(operator, other, "+371 6722 0100")

    def shown(**query: str) -> list[str]:
        text = page(operator_page, "dids:accountdid_add", cast.account.pk, **query)
        return re.findall(r'aria-label="Choose (\+[^"]+)"', text)

    assert shown(q="0044 20 7946 0019") == ["+44 20 7946 0019"]
    assert shown(q="020 7946 0019") == ["+44 20 7946 0019"]
    assert shown(q="Riga") == ["+371 67 220 100"]
    assert shown(carrier=str(other.pk)) == ["+371 67 220 100"]
    assert len(shown(country="GB")) == 3


def test_a_refused_mapping_keeps_what_was_chosen(operator_page: Browser, operator: User, cast: Cast) -> None:
    address = reverse("dids:accountdid_add", args=[cast.account.pk])
    ids = [did.pk for did in cast.dids]
    forgotten = operator_page.post(address, {"pk": ids, "alias": ""})
    assert forgotten.status_code == 422
    assert "Choose the alias" in forgotten.content.decode()
    assert len(re.findall(r'name="pk"[^>]*\schecked', forgotten.content.decode())) == 3
    # Somebody else takes one of them meanwhile.
    taker = an_account(operator, "Workshop", "Cogs Ltd")
    bench = an_alias(operator, taker, "bench-1")
    map_dids(actor=operator, did_ids=[ids[1]], alias=bench, account=taker)
    late = operator_page.post(address, {"pk": ids, "alias": cast.alias.pk})
    shown = late.content.decode()
    assert late.status_code == 422
    assert "+44 20 7946 0019 is mapped to bench-1 of Cogs Ltd › Workshop" in shown
    assert len(re.findall(r'name="pk"[^>]*\schecked', shown)) == 2
    assert re.search(rf'<option value="{cast.alias.pk}"\s+selected', shown)
    assert DID.objects.filter(alias=cast.alias).count() == 0, "nothing is half done"
    # A choice that the present filter hides is kept too.
    hidden = operator_page.post(f"{address}?q=0018", {"pk": [ids[0], ids[2]], "alias": ""}).content.decode()
    assert f'type="hidden" name="pk" value="{ids[2]}"' in hidden


def test_an_account_without_alias_is_told_to_add_one_first(operator_page: Browser, operator: User) -> None:
    account = an_account(operator)
    assert "no alias yet" in page(operator_page, "dids:accountdid_add", account.pk)


def test_a_did_is_moved_and_unmapped_from_the_account(operator_page: Browser, cast: Cast) -> None:
    cast.map(0)
    did = cast.dids[0]
    move = reverse("dids:did_move", args=[did.pk])
    offered = operator_page.get(move).content.decode()
    assert f'value="{cast.second.pk}"' in offered and f'value="{cast.alias.pk}"' not in offered
    assert operator_page.post(move, {"alias": cast.alias.pk}).status_code == 422
    operator_page.post(move, {"alias": cast.second.pk})
    did.refresh_from_db()
    assert did.alias == cast.second
    unmap = reverse("dids:did_unmap", args=[did.pk])
    assert "is not called on this number any more" in operator_page.get(unmap).content.decode()
    response = operator_page.post(unmap, {"quarantine": "yes"})
    assert response["Location"] == reverse("accounts:account_dids", args=[cast.account.pk])
    did.refresh_from_db()
    assert (did.state, did.alias) == ("quarantine", None)
    assert operator_page.get(unmap).status_code == 404


def test_the_dids_page_gives_the_guides_format_for_the_provider(
    operator_page: Browser, cast: Cast, settings: object
) -> None:
    settings.SIP_ADDRESS, settings.SIP_PORT = "192.0.2.1", 5060  # type: ignore[attr-defined]
    shown = page(operator_page, "dids:did_detail", cast.dids[0].pk)
    assert "sip:442079460018@192.0.2.1" in shown
    assert 'data-copy="sip:442079460018@192.0.2.1"' in shown
    assert "No call yet" in shown


def test_a_call_that_arrived_shows_on_the_dids_page(operator_page: Browser, cast: Cast) -> None:
    did, now = cast.dids[0], timezone.now()
    CDR.objects.create(
        attempt_id=uuid4(), started_at=now, switch="sw1", source="203.0.113.5", did_id=did.pk, reason="not_registered",
        ended_at=now,
    )  # fmt: skip
    shown = page(operator_page, "dids:did_detail", did.pk)
    assert "203.0.113.5" in shown and "Open the call" in shown


def test_a_call_refused_before_its_number_was_read_counts_as_arrived(operator_page: Browser, cast: Cast) -> None:
    did, now, attempt = cast.dids[1], timezone.now(), uuid4()
    CDR.objects.create(
        attempt_id=attempt,
        started_at=now,
        ended_at=now,
        switch="sw1",
        source="198.51.100.66",
        reason="source_not_listed",
    )
    LogEntry.objects.create(
        at=now, category="call reject", severity="warning", message="x", attempt_id=attempt, number=f"+{did.number}"
    )
    assert "198.51.100.66" in page(operator_page, "dids:did_detail", did.pk)


def test_the_history_names_every_holder_and_who_did_it(operator_page: Browser, operator: User, cast: Cast) -> None:
    cast.map(0)
    did = cast.dids[0]
    operator_page.post(reverse("dids:did_unmap", args=[did.pk]))
    operator_page.post(did.get_absolute_url(), {"notes": "fax", "area": "London"})
    cast.alias.delete()
    shown = page(operator_page, "dids:did_history", did.pk)
    order = [shown.index(words) for words in ("Changed ", "Unmapped", "Mapped</td>", "Added")]
    assert order == sorted(order)
    assert "desk-101, since deleted" in shown
    assert shown.count(operator.username) >= 4


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [("suspend", "available", "suspended"), ("resume", "suspended", "available"), ("retire", "available", "retired")],
)  # fmt: skip
def test_each_button_of_a_did_asks_and_then_does_it(
    operator_page: Browser, cast: Cast, action: str, before: str, after: str
) -> None:
    did = cast.dids[0]
    DID.objects.filter(pk=did.pk).update(state=before)
    address = reverse(f"dids:did_{action}", args=[did.pk])
    assert address in page(operator_page, "dids:did_detail", did.pk)
    assert operator_page.get(address).status_code == 200
    did.refresh_from_db()
    assert did.state == before, "a question changes nothing"
    assert operator_page.post(address).status_code == 302
    did.refresh_from_db()
    assert did.state == after
    assert operator_page.post(address).status_code in (302, 422)


def test_a_retired_did_returns_to_service_for_a_reason_that_its_history_keeps(
    operator_page: Browser, cast: Cast
) -> None:
    did, another = cast.dids[:2]
    DID.objects.filter(pk__in=[did.pk, another.pk]).update(state="retired")
    address = reverse("dids:did_release", args=[did.pk])
    for typed in ({}, {"reason": "  "}):
        asked = operator_page.post(address, typed)
        assert asked.status_code == 422 and "This field is required" in asked.content.decode()
    chosen = {"action": "release", "pk": [did.pk, another.pk], "confirmed": "yes"}
    refused = operator_page.post(f"{reverse('dids:did_list')}?state=retired", chosen, follow=True).content.decode()
    assert "+44 20 7946 0018 is retired: say why" in refused
    assert DID.objects.filter(state="retired").count() == 2, "neither alone nor with others without a reason"
    assert operator_page.post(address, {"reason": "Acme provides it again"}).status_code == 302
    did.refresh_from_db()
    assert did.state == "available"
    assert "Acme provides it again" in page(operator_page, "dids:did_history", did.pk)


def test_many_dids_are_suspended_at_once_or_none(operator_page: Browser, operator: User, cast: Cast) -> None:
    address = reverse("dids:did_list")
    chosen = {"action": "suspend", "pk": [did.pk for did in cast.dids], "confirmed": "yes"}
    suspend_dids(actor=operator, did_ids=[cast.dids[0].pk])
    refused = operator_page.post(address, chosen, follow=True).content.decode()
    assert "Nothing was suspended: +44 20 7946 0018 is suspended" in refused
    assert DID.objects.filter(state="suspended").count() == 1
    chosen["pk"] = chosen["pk"][1:]  # type: ignore[index]
    assert "2 DIDs suspended." in operator_page.post(address, chosen, follow=True).content.decode()


def test_a_did_that_rings_nobody_can_be_deleted_and_a_mapped_one_not(operator_page: Browser, cast: Cast) -> None:
    cast.map(0)
    mapped, free = (reverse("dids:did_delete", args=[did.pk]) for did in cast.dids[:2])
    assert "a mapping to desk-101" in operator_page.get(mapped).content.decode()
    assert operator_page.post(mapped).status_code == 422
    assert operator_page.post(free).status_code == 302
    assert DID.objects.count() == 2


def test_support_reads_dids_and_maps_none(support_page: Browser, cast: Cast) -> None:
    cast.map(0)
    assert "+44 20 7946 0018" in page(support_page, "dids:did_list")
    shown = page(support_page, "accounts:account_dids", cast.account.pk)
    assert "Add DID number" not in shown and "row-action" not in shown
    assert support_page.get(reverse("dids:accountdid_add", args=[cast.account.pk])).status_code == 403
    assert support_page.post(reverse("dids:did_unmap", args=[cast.dids[0].pk])).status_code == 403
    did = cast.dids[0]
    support_page.post(did.get_absolute_url(), {"notes": "fax", "call_limit": "0", "area": "x", "provider_number": "1"})
    did.refresh_from_db()
    assert (did.notes, did.call_limit, did.area) == ("fax", None, "London")


def test_the_export_is_the_filtered_set_with_bare_numbers(operator_page: Browser, cast: Cast) -> None:
    cast.map(0)
    response = operator_page.get(reverse("dids:did_list"), {"state": "mapped", "export": "csv"})
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert "+442079460018" in text and "desk-101" in text
    assert "0019" not in text
