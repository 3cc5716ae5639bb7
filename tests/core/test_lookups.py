"""The lookup of many values by one parameter."""

import uuid

import pytest

from billing.models import Balance, LedgerEntry
from core.models import User
from tests.inventory import a_user

pytestmark = pytest.mark.django_db


def test_any_finds_what_in_finds() -> None:
    """Whatever an array's own signs are: they are part of the values."""
    odd = ["comma,", "{brace}", 'quote"', "back\\slash", "NULL", "'", " space", ""]
    for name in odd[:-1]:
        a_user(name=name)
    for wanted in (odd, odd[:2], ["nobody"], []):
        found = User.objects.filter(username__any=wanted).order_by("pk")
        assert list(found) == list(User.objects.filter(username__in=wanted).order_by("pk"))


def test_any_neither_cuts_nor_rounds_what_it_looks_for() -> None:
    """A value longer than its column holds is found nowhere, though what fits of it may be."""
    longest = "x" * 150
    a_user(name=longest)
    for wanted, found in ((longest, 1), (longest + "y", 0)):
        assert User.objects.filter(username__any=[wanted]).count() == found
        assert User.objects.filter(username__in=[wanted]).count() == found
    Balance.objects.create(currency="USD", amount="1.000000")
    assert not Balance.objects.filter(amount__any=["1.0000004"])
    assert Balance.objects.filter(amount__any=["1"]).count() == 1


def test_any_reads_numbers_and_uuids() -> None:
    user = a_user()
    assert list(User.objects.filter(pk__any={user.pk, 0})) == [user]
    assert not LedgerEntry.objects.filter(attempt_id__any=[uuid.uuid4()])
