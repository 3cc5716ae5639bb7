"""Every reason that a person can mend has a link to the page that mends it."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from cdr.fixes import fixes_for
from cdr.models import CDR
from routing.reasons import REASONS
from tests.inventory import a_carrier, a_user, some_dids

PARTIES: dict[str, Any] = {
    f"{kind}_{what}": 7 if what == "id" else f"the {kind}"
    for kind in ("carrier", "carrier_account", "did", "client", "account", "alias")
    for what in ("id", "label")
}
NOTHING_TO_MEND = {"no_answer", "cancelled"}
MENDABLE = sorted(code for code, known in REASONS.items() if known.remedies and code not in NOTHING_TO_MEND)


def call(reason: str, **columns: Any) -> CDR:
    return CDR(started_at=dt.datetime(2026, 11, 23, tzinfo=dt.UTC), reason=reason, **columns)


@pytest.mark.django_db
@pytest.mark.parametrize("code", MENDABLE)
@pytest.mark.parametrize("may_write", [True, False])
def test_each_remedy_has_its_page(code: str, may_write: bool) -> None:
    fixes = fixes_for(call(code, number="442079460018", **PARTIES), may_write=may_write)
    assert fixes, code
    for fix in fixes:
        assert resolve(fix.url.partition("?")[0])


@pytest.mark.django_db
def test_a_new_address_is_offered_to_the_carrier_that_provides_the_called_did(
    support_page: Client, operator_page: Client
) -> None:
    actor = a_user()
    carrier = a_carrier(actor)
    (did,) = some_dids(actor, carrier, "+442079460018")
    record = call("source_not_listed", source="127.0.99.1", called=f"sip:{did.number}@192.0.2.1")
    (fix,) = fixes_for(record, may_write=True)
    assert fix.words == f"Add 127.0.99.1 to {carrier}"
    assert 'value="127.0.99.1"' in operator_page.get(fix.url).content.decode()
    (fix,) = fixes_for(record, may_write=False)
    assert support_page.get(fix.url).status_code == 200


@pytest.mark.django_db
def test_a_stranger_leads_to_the_carriers() -> None:
    (fix,) = fixes_for(call("source_not_listed", source="127.0.99.1", called="sip:admin@192.0.2.1"), may_write=True)
    assert fix.url == "/carriers/"
