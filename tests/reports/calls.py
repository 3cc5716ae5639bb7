"""Calls and charged legs as rows, for reports that only read them."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from cdr.models import CDR, ChargedLeg
from cdr.reports.marks import mark_changed

PRICE = {"rate_minute": "0.06", "rate_call": "0"}


def a_call(
    at: dt.datetime,
    *,
    reason: str = "completed",
    talk: float | None = None,
    legs: tuple[tuple[str, str, str], ...] = (),
    **values: Any,
) -> CDR:
    """Write a call set up at ``at`` with its legs (leg, amount, currency), and mark its day as the intake does.

    It rang after 0.5 s; with ``talk`` it was answered after 2 s and lasted so many seconds.
    """
    answered = at + dt.timedelta(seconds=2) if talk is not None else None
    values.setdefault("rang_at", at + dt.timedelta(seconds=0.5) if talk is not None else None)
    values.setdefault("ended_at", (answered or at) + dt.timedelta(seconds=talk or 1))
    record = CDR.objects.create(
        attempt_id=uuid.uuid4(), started_at=at, answered_at=answered, reason=reason, switch="sw1", **values
    )
    ChargedLeg.objects.bulk_create(
        ChargedLeg(
            attempt_id=record.attempt_id, started_at=at, leg=leg, product_label="P", rate_table_label="T", rate=PRICE,
            charged_seconds=int(talk or 0), amount=Decimal(amount), currency=currency,
        )
        for leg, amount, currency in legs
    )  # fmt: skip
    mark_changed([at])
    return record
