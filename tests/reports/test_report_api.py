"""The reports over HTTP."""

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from cdr.reports.rollup import renew_due
from tests.cast import page_of
from tests.inventory import a_carrier, a_user
from tests.reports.calls import a_call

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def test_margin_and_traffic_are_what_the_pages_show(support: object) -> None:
    carrier = a_carrier(a_user(), "Acme")
    a_call(NOW, talk=30, carrier_id=carrier.pk, legs=(("account", "0.5", "GBP"), ("carrier", "-0.2", "GBP")))
    a_call(NOW, reason="did_unknown", carrier_id=carrier.pk)
    renew_due()
    page = page_of(support)  # type: ignore[arg-type]
    query = {"day_after": f"{NOW:%Y-%m-%d}", "day_before": f"{NOW:%Y-%m-%d}"}
    found = page.get("/api/v1/reports/margin/", query).json()
    sums = {"currency": "GBP", "charged": "0.500000", "owed": "0.200000", "rentals": "0.000000", "margin": "0.300000"}
    assert found["totals"] == [sums]
    assert found["rows"] == [sums | {"key": str(carrier.pk), "name": "Acme"}]
    assert (found["first"], found["by"], found["complete"]) == (f"{NOW:%Y-%m-%d}", "carrier", True)
    found = page.get("/api/v1/reports/traffic/", query | {"by": "day"}).json()
    [row] = found["rows"]
    assert (row["key"], row["attempts"], row["asr"], row["abr"], row["seconds"]) == (f"{NOW:%Y-%m-%d}", 2, 100, 50, 30)
    assert found["totals"]["acd"] == 30
    a_call(NOW, talk=1)
    assert page.get("/api/v1/reports/traffic/", query).json()["complete"] is False


def test_what_cannot_be_read_is_a_problem_and_strangers_get_none(support: object) -> None:
    page = page_of(support)  # type: ignore[arg-type]
    wrong = {"day_after": "2026-01-02", "day_before": "2026-01-01"}
    for name in ("margin", "traffic"):
        problem = page.get(f"/api/v1/reports/{name}/", wrong)
        assert problem.status_code == 400
        assert "lies before the first" in problem.content.decode()
        assert page.get(f"/api/v1/reports/{name}/", {"by": "weather"}).status_code == 400
        assert page.post(f"/api/v1/reports/{name}/").status_code in {403, 405}
        assert Client().get(f"/api/v1/reports/{name}/").status_code == 401


def test_rows_have_an_end(support: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdr.reports.api.MOST_ROWS", 2)
    for number in range(3):
        a_call(NOW - dt.timedelta(days=number), talk=1)
    renew_due()
    query = {"by": "day", "day_after": f"{NOW - dt.timedelta(days=9):%Y-%m-%d}"}
    assert page_of(support).get("/api/v1/reports/traffic/", query).status_code == 400  # type: ignore[arg-type]
