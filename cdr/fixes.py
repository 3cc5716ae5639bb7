"""The click that mends what kept a phone from ringing: a link to exactly the page."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from cdr import audio
from cdr.models import CDR
from core.phone_numbers import NumberError, read_number
from dids.models import DID
from dids.rentals.selectors import unpaid_at


@dataclass(frozen=True)
class Fix:
    """Where to go, and what to do there."""

    words: str
    url: str


def fixes_for(record: CDR, *, may_write: bool) -> list[Fix]:
    """Return the pages that mend what this call suffered from, the likeliest first.

    Who ``may_write`` nothing gets the page that shows the trouble, never a form that refuses them.
    """
    if record.reason == "source_not_listed":
        return _list_the_source(record, may_write)
    if record.reason == "did_suspended" and (unpaid := _unpaid(record, may_write)):
        return [unpaid, *([_fix(_DID[0].format(record.did_label), _DID[1], record.did_id)])]
    found = [_fix(_ALIAS[0].format(record.alias_label), _ALIAS[1], record.alias_id)] if _needs_relay(record) else []
    for words, url_name, kind, writes in _PAGES.get(record.reason, ()):
        pk = getattr(record, f"{kind}_id") if kind else None
        if (kind and not pk) or (writes and not may_write):
            continue
        name = getattr(record, f"{kind}_label", "") if kind else ""
        query = {"number": f"+{record.number}"} if url_name == "dids:carrierdid_add" else {}
        found.append(_fix(words.format(name or "it", number=record.called_number), url_name, pk, query))
    return found


def _unpaid(record: CDR, may_write: bool) -> Fix | None:
    """The payment that puts the number into service again, where money is still what keeps it out."""
    unpaid = unpaid_at(record.did_id, record.started_at) if record.did_id else None
    if unpaid is None or not unpaid.still or unpaid.account_id is None:
        return None
    words, url_name = ("Add payment for {}", "accounts:account_payment") if may_write else _ACCOUNT[:2]
    return _fix(words.format(unpaid.account), url_name, unpaid.account_id)


def _needs_relay(record: CDR) -> bool:
    """Whether the audio setting of the alias is worth a look: an answered call in which somebody was not heard."""
    return bool(record.alias_id and audio.fault_words(record))


def _list_the_source(record: CDR, may_write: bool) -> list[Fix]:
    """Whose new address it is, the number it called tells: the carrier that provides the DID."""
    carriers = Fix("Open the carriers", reverse("carriers:carrier_list"))
    try:
        digits = read_number(record.called_number).digits
    except NumberError:
        return [carriers]
    did = DID.objects.filter(number=digits).select_related("carrier").first()
    if did is None:
        return [carriers]
    if may_write and record.source:
        query = {"network": str(record.source)}
        return [_fix(f"Add {record.source} to {did.carrier}", "carriers:carrieraccount_add", did.carrier_id, query)]
    return [_fix(f"Addresses of {did.carrier}", "carriers:carrier_accounts", did.carrier_id)]


def _fix(words: str, url_name: str, pk: int | None, query: dict[str, str] | None = None) -> Fix:
    url = reverse(url_name, args=[pk] if pk else [])
    return Fix(words, f"{url}?{urlencode(query)}" if query else url)


_ADDRESS = ("Open the address {}", "carriers:carrieraccount_detail", "carrier_account", False)
_CARRIER = ("Open {} › Main", "carriers:carrier_detail", "carrier", False)
_DID = ("Open {}", "dids:did_detail", "did", False)
_ALIAS = ("Open alias {}", "accounts:alias_detail", "alias", False)
_ACCOUNT = ("Open account {}", "accounts:account_detail", "account", False)
_RELEASE = ("Make {} available", "dids:did_release", "did", True)
_TRACE = ("Trace the next call to {}", "dids:did_trace", "did", False)
_DASHBOARD = ("Open the dashboard", "cdr:dashboard", "", False)
_SWITCH_LOG = ("Open the switch's log", "syslog:logentry_list", "", False)

# reason → (words, URL name, whose page, whether it is a form that changes something)
_PAGES: dict[str, tuple[tuple[str, str, str, bool], ...]] = {
    "prefix_not_matched": (_ADDRESS,),
    "carrier_disabled": (_ADDRESS, _CARRIER),
    "carrier_not_did_provider": (_CARRIER,),
    "carrier_no_credit": (("Add payment for {}", "carriers:carrier_payment", "carrier", True), _CARRIER),
    "did_unknown": (("Add {number} to {}", "dids:carrierdid_add", "carrier", True), _ADDRESS),
    "did_of_other_carrier": (_DID,),
    "did_suspended": (("Resume {}", "dids:did_resume", "did", True), _DID),
    "did_quarantined": (_RELEASE, _DID),
    "did_retired": (_RELEASE, _DID),
    "did_not_mapped": (("Choose the account that gets it", "accounts:account_list", "", False), _DID),
    "alias_disabled": (_ALIAS,),
    "account_suspended": (_ACCOUNT,),
    "no_rate": (_ADDRESS,),
    "destination_blocked": (_ADDRESS,),
    "account_no_rate": (_ACCOUNT,),
    "carrier_limit": (_ADDRESS,),
    "did_limit": (_DID,),
    "account_limit": (_ACCOUNT,),
    "account_no_credit": (("Add payment for {}", "accounts:account_payment", "account", True), _ACCOUNT),
    "funds_unknown": (_DASHBOARD,),
    "no_decision": (_DASHBOARD,),
    "not_registered": (_ALIAS, ("Registrations", "accounts:registration_list", "", False)),
    "relay_unavailable": (_ALIAS,),
    "no_response": (_TRACE, _ALIAS),
    "cancelled_no_response": (_TRACE, _ALIAS),
    "phone_failed": (_TRACE, _ALIAS),
    "peer_vanished": (_TRACE,),
    "funds_ended": (
        ("Add payment for {}", "accounts:account_payment", "account", True),
        ("Add payment for {}", "carriers:carrier_payment", "carrier", True),
        _ACCOUNT,
    ),
    "meter_lost": (_DASHBOARD,),
    "max_duration": (_ACCOUNT,),
    "switch_lost": (_SWITCH_LOG,),
}
