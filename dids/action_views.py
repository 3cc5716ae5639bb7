"""The buttons of a DID's page: each asks, says what follows, and does one step of its life cycle."""

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet

from core.access import Access
from core.keepers import what_keeps_row
from core.views import FormActionView, PageAction
from core.views.guarded import GuardedDeleteView
from dids.choices import DIDState
from dids.forms import EarlyReleaseForm, ReturnForm
from dids.models import DID
from dids.quarantine import has_rested
from dids.selectors import dids_with_holders
from dids.services import delete_dids, release_dids, resume_dids, retire_dids, suspend_dids, until_words
from dids.transitions import RELEASE_FROM, RETIRE_FROM


def may_be_released(did: DID) -> bool:
    """Tell whether a DID may be made available by whoever may write."""
    return did.state in RELEASE_FROM and has_rested(did.state, did.state_since)


def may_be_retired(did: DID) -> bool:
    """Tell whether a DID may be retired as it stands."""
    return did.state in RETIRE_FROM and did.alias_id is None


class DIDActionView(FormActionView):
    """One button of a DID's page, with the words of what it does."""

    model = DID
    form_class = forms.Form
    service: Any
    past = ""

    def get_queryset(self) -> QuerySet[DID]:
        """Return DIDs with their holders."""
        return dids_with_holders()

    def get_title(self) -> str:
        """Return the question."""
        return f"{self.submit_label} {self.object}?"

    def perform(self, form: Any) -> DID:
        """Do it."""
        return type(self).service(actor=self.actor, did_ids=[self.object.pk])[0]

    def get_success_message(self, result: DID) -> str:
        """Say so."""
        return f"{result} {self.past}."


class DIDSuspend(DIDActionView):
    """Stop calls to a DID."""

    service, submit_label, past = staticmethod(suspend_dids), "Suspend", "suspended"
    lead = "Calls to it are refused from the next one on. It keeps its alias and rings it again when resumed."


class DIDResume(DIDActionView):
    """Put a suspended DID back into service."""

    service, submit_label, past = staticmethod(resume_dids), "Resume", "is in service again"

    def get_lead(self) -> str:
        """Say what follows, and what else follows where money was why it was suspended."""
        # Rentals stand above DIDs: the reverse relation is asked, never the app.
        if self.object.rental_terms.filter(until=None, suspended_at__isnull=False).exists():
            account = self.object.alias.account
            return (
                f"Calls to it come in again, but its rental is still unpaid: it is suspended again in "
                f"{settings.RENTAL_GRACE_DAYS} days unless {account.client} › {account} pays. A payment resumes it "
                "by itself."
            )
        return "Calls to it come in again."


class DIDRelease(DIDActionView):
    """Make a resting or retired DID available."""

    service, submit_label, past = staticmethod(release_dids), "Make available", "is available"
    lead = "It may be mapped to another account from now on, which then receives its calls."

    def get_form_class(self) -> type[forms.Form]:
        """Ask why, where the number was out of service for good."""
        return ReturnForm if self.object.state == DIDState.RETIRED else forms.Form

    def perform(self, form: Any) -> DID:
        """Release it."""
        return release_dids(actor=self.actor, did_ids=[self.object.pk], reason=form.cleaned_data.get("reason", ""))[0]


class DIDEndQuarantine(DIDActionView):
    """Make a DID available before its quarantine ends."""

    access = Access.ADMIN
    form_class = EarlyReleaseForm
    submit_label, past = "End quarantine", "is available"

    def get_title(self) -> str:
        """Return the question."""
        return f"End the quarantine of {self.object} early?"

    def get_lead(self) -> str:
        """Say until when it would last, and what for."""
        return (
            f"It rests{until_words(self.object)}. Whoever gets the number now also gets the calls that people still "
            "make to its last holder."
        )

    def perform(self, form: Any) -> DID:
        """End it."""
        return release_dids(actor=self.actor, did_ids=[self.object.pk], reason=form.cleaned_data["reason"])[0]


class DIDRetire(DIDActionView):
    """Take a DID out of service."""

    service, submit_label, past = staticmethod(retire_dids), "Retire", "retired"
    lead = "It leaves service, as when it goes back to the carrier. Calls to it are refused."


class DIDDelete(GuardedDeleteView):
    """Delete a DID that rings nobody."""

    model = DID
    lead = "The number leaves the inventory; calls to it are refused as unknown."
    instead = PageAction("Retire it", "dids:did_retire", icon="archive", shown=may_be_retired)

    def keepers(self) -> list[str]:
        """Return its alias, and what money refers to it."""
        mapped = [f"a mapping to {self.object.alias}: unmap it first"] if self.object.alias else []
        return mapped + what_keeps_row(self.object)

    def perform(self, form: Any) -> str:
        """Delete it."""
        delete_dids(actor=self.actor, did_ids=[self.object.pk])
        return str(self.object)

    def get_success_message(self, result: str) -> str:
        """Say which."""
        return f"{result} deleted."
