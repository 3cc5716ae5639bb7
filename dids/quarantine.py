"""How long a number rests after its last holder, and when a rest ends.

A number that rings somebody new on the day it was released brings them the last holder's calls.
"""

import datetime as dt

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from dids.choices import DIDState
from dids.models import DID


def quarantine_days() -> int:
    """Return for how many days a released number rests; 0 means that it does not."""
    return settings.DID_QUARANTINE_DAYS


def quarantine_end(state: str, since: dt.datetime) -> dt.datetime | None:
    """Return when the rest of a DID in this state since then ends; None where it does not rest."""
    return since + dt.timedelta(days=quarantine_days()) if state == DIDState.QUARANTINE else None


def has_rested(state: str, since: dt.datetime) -> bool:
    """Tell whether a DID's rest is over, or it has none."""
    end = quarantine_end(state, since)
    return end is None or end <= timezone.now()


def rested_dids() -> QuerySet[DID]:
    """Return the DIDs whose quarantine has ended."""
    return DID.objects.filter(
        state=DIDState.QUARANTINE, state_since__lte=timezone.now() - dt.timedelta(days=quarantine_days())
    )
