"""Rows that go as JSON come back as what they were."""

import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from billing.models import Balance, LedgerEntry
from cdr.models import ChargedLeg
from core.bulk import insert_rows
from systemlog.choices import Category, Severity
from systemlog.models import LogEntry

pytestmark = pytest.mark.django_db

AMOUNTS = ("0", "-0.000001", "0.1234565", "1E-7", "1E+3", "999999999998.999999", "-999999999998.999999", "00.10")


class Name(str):
    __slots__ = ()


class Colour(enum.StrEnum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: Decimal


def logged(**values: Any) -> LogEntry:
    """Insert one log entry, and return it as it came back."""
    row = {"at": timezone.now(), "category": "billing", "severity": "info", "message": "x", "refs": []}
    row |= {"reason": "", "number": "", "call_id": ""} | values
    [(pk,)] = insert_rows(LogEntry, tuple(row), [row], returning="id")
    return LogEntry.objects.get(pk=pk)


def test_amounts_come_back_to_the_last_digit() -> None:
    """Those with more than six places rounded as NUMERIC does; nothing ever passes through a float."""
    balance, now = Balance.objects.create(currency="USD"), timezone.now()
    values = {
        "balance_id": balance.pk, "kind": "adjustment", "balance_after": Decimal(0), "at": now, "note": "", "leg": "",
    }  # fmt: skip
    rows = [{**values, "amount": Decimal(text), "idempotency_key": text} for text in AMOUNTS]
    insert_rows(LedgerEntry, tuple(rows[0]), rows)
    found = dict(LedgerEntry.objects.values_list("idempotency_key", "amount"))
    expected = {text: Decimal(text) for text in AMOUNTS} | {"0.1234565": Decimal("0.123457"), "1E-7": Decimal(0)}
    assert found == expected


@pytest.mark.parametrize(
    "at",
    [
        dt.datetime(2026, 11, 23, 23, 59, 59, 999999, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 23, 0, 0, 0, 1, tzinfo=dt.timezone(dt.timedelta(hours=-9, minutes=-30))),
        dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime(2028, 2, 29, 12, tzinfo=dt.UTC),
    ],
)
def test_times_come_back_to_the_microsecond(at: dt.datetime) -> None:
    attempt = uuid.uuid4()
    values = dict.fromkeys(("product_label", "rate_table_label", "code"), "") | {"currency": "USD", "rate": {}}
    values |= {"charged_seconds": 0, "free_seconds": 0, "amount": Decimal(0)}
    row = {"attempt_id": attempt, "started_at": at, "leg": "account", **values}
    insert_rows(ChargedLeg, tuple(row), [row])
    assert ChargedLeg.objects.get(attempt_id=attempt).started_at == at


def test_days_far_away_are_kept() -> None:
    from billing.models import FreeSeconds

    for month in (dt.date(1, 1, 1), dt.date(9999, 12, 1)):
        row = {"account_id": 1, "did_id": None, "month": month, "used": 0, "held": 0}
        insert_rows(FreeSeconds, tuple(row), [row])
        assert FreeSeconds.objects.get(month=month).did_id is None


def test_text_comes_back_whatever_it_holds() -> None:
    for text in (
        "",
        "NULL",
        '"quoted"',
        "back\\slash",
        "\\u0041",
        "\t\r\n\x01\x7f",
        "\u2028\u202e\ufeff",
        "😀",
        "{}",
        "%s",
    ):
        assert logged(message=text).message == text
    assert logged(message=Name("own")).message == "own"
    entry = logged(category=Category.BILLING, severity=Severity.NOTICE, source="2001:db8::1")
    assert (entry.category, entry.severity, entry.source) == ("billing", "notice", "2001:db8::1")


def test_nested_values_are_those_json_has() -> None:
    """As the standard library writes them: a named tuple is a list, an enum its value, an amount its text."""
    value = {
        "": None, " ": True, '"': 1.5, "a.b": -(2**63), "π": [2**63 - 1, [], {}], "x" * 300: Colour.RED,
        "pair": Pair(1, Decimal("0.10")), "tuple": (1, 2), "uuid": uuid.UUID(int=7), "day": dt.date(2026, 1, 2),
    }  # fmt: skip
    kept = {
        "": None, " ": True, '"': 1.5, "a.b": -(2**63), "π": [2**63 - 1, [], {}], "x" * 300: "red",
        "pair": [1, "0.10"], "tuple": [1, 2], "uuid": str(uuid.UUID(int=7)), "day": "2026-01-02",
    }  # fmt: skip
    assert logged(refs=[value]).refs == [kept]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"message": "\ud800"}, TypeError),
        ({"message": "a\x00b"}, DataError),
        ({"refs": [{"\x00": 1}]}, DataError),
        ({"refs": [{1: 2}]}, TypeError),
        ({"refs": [{Colour.RED: 2}]}, TypeError),
        ({"refs": [2**64]}, TypeError),
        ({"at": float("nan")}, IntegrityError),
    ],
)
def test_what_cannot_be_stored_is_refused_and_never_changed(values: dict[str, Any], error: type[Exception]) -> None:
    """One such row leaves nothing of its statement."""
    with pytest.raises(error), transaction.atomic():
        logged(**values)
    assert not LogEntry.objects.exists()
