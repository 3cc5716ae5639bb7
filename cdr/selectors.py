"""What a call's page shows, gathered from the rows around the record."""

import datetime as dt

from django.conf import settings
from django.db.models import Q

from accounts.models import Registration
from billing.models import LedgerEntry
from cdr.explanation import Evidence, SeenContact
from cdr.models import CDR, ChargedLeg, SipMessage
from dids.rentals.selectors import unpaid_at
from routing.decision import Decision
from routing.models import Attempt
from systemlog.choices import Category
from systemlog.models import LogEntry

DAY = dt.timedelta(days=1)


def stun_address() -> str:
    """Return where this switch's built-in STUN server is: its own address, on the SIP port."""
    host = f"[{settings.SIP_ADDRESS}]" if ":" in settings.SIP_ADDRESS else settings.SIP_ADDRESS
    return f"{host}:{settings.SIP_PORT}"


def attempt_of(record: CDR) -> Attempt | None:
    """Return the attempt with its decision record."""
    return Attempt.objects.filter(attempt_id=record.attempt_id, started_at=record.started_at).first()


def decision_of(attempt: Attempt | None) -> Decision | None:
    """Return the worker's decision of an attempt; None for one that was never judged, or in an unknown format."""
    if attempt is None or not attempt.record:
        return None
    try:
        return Decision.from_record(attempt.record)
    except (ValueError, KeyError, TypeError):
        return None


def evidence_for(record: CDR, attempt: Attempt | None) -> Evidence:
    """Gather what explains a call: the failed check, the phone's contacts and its last words with the registrar."""
    decision = decision_of(attempt)
    failed = decision.failed if decision else None
    contacts = () if record.answered_at else contacts_at(record)
    told = _last(record, ~Q(reason__in=REFUSED)) if record.reason == "not_registered" else None
    refused = _last(record, Q(reason__in=REFUSED)) if record.reason == "not_registered" else None
    suspended = record.reason == "did_suspended" and record.did_id
    unpaid = unpaid_at(record.did_id, record.started_at) if suspended and record.did_id else None
    return Evidence(
        unpaid_account=unpaid.account if unpaid else "",
        unpaid_since=unpaid.since if unpaid else None,
        stun=stun_address(),
        contacts=contacts,
        last_registration=told.message if told else "",
        last_registration_at=told.at if told else None,
        last_refusal=refused.message if refused else "",
        last_refusal_at=refused.at if refused else None,
        failed_check=failed.words if failed else "",
        near=failed.near if failed else "",
    )


REFUSED = ("wrong_secret", "wrong_user", "unknown_user", "too_many_contacts")


def contacts_at(record: CDR) -> tuple[SeenContact, ...]:
    """Return the contacts that the called alias had at the call, as far as later refreshes have not moved them on."""
    if record.alias_id is None:
        return ()
    rows = Registration.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=record.started_at),
        alias_id=record.alias_id,
        registered_at__lte=record.started_at,
        expires_at__gte=record.started_at,
    ).order_by("-refreshed_at")[:5]
    return tuple(
        SeenContact(
            row.contact,
            row.received,
            row.user_agent,
            row.refreshed_at if row.refreshed_at <= record.started_at else None,
            row.transport,
            row.switch,
        )
        for row in rows
    )


def _last(record: CDR, condition: Q) -> LogEntry | None:
    if not record.alias_id:
        return None
    return (
        LogEntry.objects.filter(
            condition,
            category=Category.REGISTRATION,
            refs__contains=[{"kind": "alias", "id": record.alias_id}],
            at__lt=record.started_at,
        )
        .order_by("-at")
        .first()
    )


def _span(record: CDR) -> tuple[dt.datetime, dt.datetime]:
    """Return when all that belongs to a call happened; it keeps searches out of other months' partitions."""
    return record.started_at - DAY, (record.ended_at or record.started_at) + DAY


def timeline(record: CDR) -> list[LogEntry]:
    """Return what System Log says of a call, in order."""
    return list(
        LogEntry.objects.filter(
            attempt_id=record.attempt_id,
            at__range=_span(record),
        ).order_by("at", "id")[:100]
    )


def charged_legs(record: CDR) -> list[tuple[ChargedLeg, list[LedgerEntry]]]:
    """Return what each side was charged, with the entries that booked it: none for a call that cost nothing."""
    legs = ChargedLeg.objects.filter(attempt_id=record.attempt_id).order_by("leg")
    entries = list(LedgerEntry.objects.filter(attempt_id=record.attempt_id).select_related("balance").order_by("id"))
    return [(leg, [entry for entry in entries if entry.leg == leg.leg]) for leg in legs]


def sip_messages(record: CDR) -> list[SipMessage]:
    """Return the recorded SIP messages of a call, in order."""
    return list(
        SipMessage.objects.filter(
            attempt_id=record.attempt_id,
            at__range=_span(record),
        ).order_by("at", "sequence")[:500]
    )
