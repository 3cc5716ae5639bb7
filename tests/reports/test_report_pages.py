"""The report pages: what they add up, by what, for whom, and as files."""

import csv
import datetime as dt
import io
import re
import zipfile
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cdr.models import ChargedLeg
from cdr.reports import rollup
from cdr.reports.rollup import renew_day, renew_due
from core.business_time import day_of
from tests.inventory import a_carrier, a_user, an_account, some_dids
from tests.reports.calls import a_call

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
YESTERDAY = NOON - dt.timedelta(days=1)
MONTH = {"day_after": f"{YESTERDAY - dt.timedelta(days=30):%Y-%m-%d}", "day_before": f"{NOON:%Y-%m-%d}"}


@pytest.fixture
def cast() -> dict[str, Any]:
    """Two carriers with a number each, one British, one American, and the account they ring."""
    actor = a_user()
    acme, lake = a_carrier(actor, "Acme", is_did_provider=True), a_carrier(actor, "=Lake", is_did_provider=True)
    [london] = some_dids(actor, acme, "+442079460018")
    [chicago] = some_dids(actor, lake, "+13125550110")
    return {"acme": acme, "lake": lake, "london": london, "chicago": chicago, "account": an_account(actor)}


def ids(cast: dict[str, Any], carrier: str, did: str) -> dict[str, Any]:
    account = cast["account"]
    return {
        "carrier_id": cast[carrier].pk, "carrier_label": cast[carrier].name, "did_id": cast[did].pk,
        "account_id": account.pk, "client_id": account.client_id,
    }  # fmt: skip


@pytest.fixture
def calls(cast: dict[str, Any]) -> None:
    """Three days of calls in two currencies, refused ones too."""
    london, chicago = ids(cast, "acme", "london"), ids(cast, "lake", "chicago")
    a_call(NOON, talk=60, legs=(("account", "0.30", "GBP"), ("carrier", "-0.10", "GBP")), **london)
    a_call(YESTERDAY, talk=30, legs=(("account", "0.15", "GBP"), ("carrier", "0.02", "USD")), **chicago)
    a_call(YESTERDAY, talk=90, legs=(("account", "0.000001", "GBP"), ("carrier", "-0.40", "GBP")), **london)
    a_call(YESTERDAY, reason="busy", rang_at=YESTERDAY + dt.timedelta(seconds=3), **london)
    a_call(YESTERDAY, reason="not_registered", **london)
    a_call(YESTERDAY, reason="no_response", **london)
    a_call(YESTERDAY, reason="did_unknown", carrier_id=cast["acme"].pk)
    a_call(YESTERDAY, reason="source_not_listed")
    renew_due()


def exported(page: Client, name: str, **query: str) -> list[dict[str, str]]:
    response = page.get(reverse(name), {**MONTH, **query, "export": "csv"})
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_margin_is_charged_to_clients_less_owed_to_carriers_per_currency(admin_page: Client, calls: None) -> None:
    rows = exported(admin_page, "reports:margin", by="carrier", sort="-owed")
    found = {
        (row["Carrier"], row["Currency"]): tuple(
            Decimal(row[name]) for name in ("Charged to clients", "Owed to carriers", "Margin")
        )
        for row in rows
    }
    assert found == {
        ("Acme", "GBP"): (Decimal("0.300001"), Decimal("0.5"), Decimal("-0.199999")),
        ("'=Lake", "GBP"): (Decimal("0.15"), Decimal(0), Decimal("0.15")),
        ("'=Lake", "USD"): (Decimal(0), Decimal("-0.02"), Decimal("0.02")),
    }
    assert [row["Carrier"] for row in rows] == ["Acme", "'=Lake", "'=Lake"]


@pytest.mark.parametrize("by", ["carrier", "client", "account", "did", "country", "day", "month"])
def test_each_grouping_adds_up_to_the_legs(admin_page: Client, calls: None, by: str) -> None:
    rows = exported(admin_page, "reports:margin", by=by)
    for currency in ("GBP", "USD"):
        legs = sum(ChargedLeg.objects.filter(currency=currency).values_list("amount", flat=True))
        assert sum(Decimal(row["Margin"]) for row in rows if row["Currency"] == currency) == legs
    traffic = exported(admin_page, "reports:traffic", by=by)
    assert sum(int(row["Attempts"]) for row in traffic) == 8
    assert sum(Decimal(row["Minutes"]) for row in traffic) == 3


def test_names_of_what_has_no_party_country_or_day(admin_page: Client, calls: None) -> None:
    def names(by: str) -> set[str]:
        return {row[next(iter(row))] for row in exported(admin_page, "reports:traffic", by=by)}

    assert names("carrier") == {"Acme", "'=Lake", "No carrier"}
    assert names("did") == {"+442079460018", "+13125550110", "No DID"}
    assert names("country") == {"United Kingdom (+44)", "United States (+1)", "No country"}
    assert names("day") == {f"{NOON:%Y-%m-%d}", f"{YESTERDAY:%Y-%m-%d}"}
    assert names("account") == {"Main office, Bloom Ltd", "No account"}


def test_ratios_are_those_of_the_itu(admin_page: Client, calls: None) -> None:
    """Of 8 attempts 6 had a phone to go to; 3 were answered; 2 more failed through people or their phones."""
    response = admin_page.get(reverse("reports:traffic"), MONTH)
    totals = response.context["totals"]
    assert (totals["attempts"], totals["seizures"], totals["answered"]) == (8, 6, 3)
    assert (totals["asr"], totals["abr"]) == (50, 37.5)
    assert totals["ner"] == pytest.approx(100 * 5 / 6)
    assert (totals["acd"], totals["seconds"]) == (60, 180)
    assert totals["pdd"] == pytest.approx((3 * 0.5 + 3) / 4)
    [acme] = [row for row in exported(admin_page, "reports:traffic") if row["Carrier"] == "Acme"]
    assert (acme["ASR"], acme["ABR"], acme["NER"], acme["ACD"]) == ("40.0", "33.33", "80.0", "75.0")


def test_every_row_leads_to_exactly_its_calls(admin_page: Client, calls: None) -> None:
    for by in ("carrier", "client", "account", "did", "country", "day", "month"):
        page = admin_page.get(reverse("reports:traffic"), {**MONTH, "by": by}).content.decode()
        links = re.findall(r'data-label="Attempts"><a href="([^"]+)">(\d+)</a>', page)
        assert links
        for address, attempts in links:
            listed = admin_page.get(unescape(address)).content
            assert listed.count(b"<tr data-row=") == int(attempts), (by, address)


def test_filters_narrow_rows_totals_plot_and_the_calls_they_lead_to(admin_page: Client, calls: None) -> None:
    query = {**MONTH, "carrier": "acme", "by": "did"}
    response = admin_page.get(reverse("reports:margin"), query)
    assert [total["margin"] for total in response.context["totals"]] == [Decimal("-0.199999")]
    assert "carrier=acme" in response.content.decode().replace("&amp;", "&")
    plot = admin_page.get(reverse("reports:margin_plot"), query).json()
    assert [each["unit"] for each in plot["plots"]] == ["GBP"]
    assert sum(plot["plots"][0]["margin"]) == pytest.approx(-0.199999)
    by_number = admin_page.get(reverse("reports:traffic"), {**MONTH, "carrier": "#0"})
    assert by_number.context["totals"]["attempts"] == 1
    assert admin_page.get(reverse("reports:traffic"), {**MONTH, "country": "US"}).context["totals"]["attempts"] == 1
    assert admin_page.get(reverse("reports:traffic"), {**MONTH, "did": "+1 312"}).context["totals"]["attempts"] == 1


def test_a_filter_by_number_shows_the_name(admin_page: Client, cast: dict[str, Any], calls: None) -> None:
    response = admin_page.get(reverse("reports:traffic"), {**MONTH, "carrier": f"#{cast['acme'].pk}"})
    assert [(chip.label, chip.value) for chip in response.context["chips"]] == [("Carrier", "Acme")]
    assert response.context["totals"]["attempts"] == 6


def test_the_plot_has_every_day_and_what_came_of_its_calls(admin_page: Client, calls: None) -> None:
    response = admin_page.get(reverse("reports:traffic_plot"), MONTH)
    found = response.json()
    assert len(found["days"]) == 32
    assert found["days"][-2:] == [f"{YESTERDAY:%Y-%m-%d}", f"{NOON:%Y-%m-%d}"]
    [plot] = found["plots"]
    assert (plot["answered"][-2:], plot["unanswered"][-2:], plot["refused"][-2:]) == ([2, 1], [3, 0], [2, 0])
    assert plot["minutes"][-2:] == [2, 1]
    assert response["Cache-Control"] == "no-store"
    money = admin_page.get(reverse("reports:margin_plot"), MONTH).json()["plots"][0]
    assert (money["in"][-1], money["out"][-1], money["margin"][-1]) == pytest.approx((0.3, -0.1, 0.2))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"day_after": "2026-11-20", "day_before": "2026-11-01"}, "The last day lies before the first"),
        ({"day_after": "2020-01-01", "day_before": "2026-11-01"}, "400 days at most"),
        ({"day_after": "yesterday"}, "Enter a valid date"),
        ({"day_after": "0001-01-01", "day_before": "0001-01-02"}, "Days from 2000-01-01"),
        ({"day_before": "9999-12-31"}, "Days from 2000-01-01"),
        ({"by": "weather"}, "Select a valid choice"),
        ({"country": "XX"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_read_is_said_and_adds_up_nothing(
    admin_page: Client, calls: None, query: dict[str, str], words: str
) -> None:
    for name in ("reports:margin", "reports:traffic"):
        response = admin_page.get(reverse(name), query)
        assert response.status_code == 200
        assert words in response.content.decode()
        assert "totals" not in response.context
        assert admin_page.get(reverse(f"{name}_plot"), query).status_code == 400


@pytest.mark.parametrize("by", ["did", "day", "country"])
@pytest.mark.parametrize("name", ["reports:margin", "reports:traffic"])
def test_every_column_orders_both_ways(admin_page: Client, calls: None, name: str, by: str) -> None:
    table = admin_page.get(reverse(name), MONTH).context["table"]
    for column in [column.name for column in table.columns if column.orderable]:
        for order in (column, f"-{column}"):
            response = admin_page.get(reverse(name), {**MONTH, "by": by, "sort": order})
            assert response.status_code == 200
            assert len(response.context["table"].rows) >= 2


def test_rows_come_in_pages(admin_page: Client) -> None:
    for number in range(60):
        a_call(YESTERDAY, talk=number, did_id=number + 1)
    renew_day(day_of(YESTERDAY))
    first = admin_page.get(reverse("reports:traffic"), {**MONTH, "by": "did"})
    second = admin_page.get(reverse("reports:traffic"), {**MONTH, "by": "did", "page": "2"})
    assert (first.content.count(b"data-row="), second.content.count(b"data-row=")) == (50, 10)
    assert "DID 60, deleted since" in first.content.decode()


def test_a_workbook_has_numbers_and_no_formula(admin_page: Client, calls: None) -> None:
    response = admin_page.get(reverse("reports:margin"), {**MONTH, "export": "xlsx"})
    data = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>-0.199999</v>" in sheet
    assert "=Lake</t>" in sheet
    assert "<f>" not in sheet


def test_support_reads_reports_and_a_stranger_does_not(support: Any, calls: None) -> None:
    from tests.cast import page_of

    for name in ("reports:margin", "reports:traffic", "reports:margin_plot", "reports:traffic_plot"):
        assert page_of(support).get(reverse(name)).status_code == 200
        assert Client().get(reverse(name)).status_code == 302
        assert page_of(support).post(reverse(name)).status_code in {403, 405}


def test_an_empty_report_says_how_it_fills(admin_page: Client) -> None:
    text = admin_page.get(reverse("reports:margin")).content.decode()
    assert "No money has moved yet" in text
    assert reverse("billing:product_list") in text
    a_call(NOON - dt.timedelta(days=100), talk=5)
    renew_due()
    text = admin_page.get(reverse("reports:traffic")).content.decode()
    assert f"Show {NOON - dt.timedelta(days=100):%B %Y}" in text
    assert "Nothing matches" in admin_page.get(reverse("reports:traffic"), {"carrier": "zzz"}).content.decode()


def test_a_report_says_how_fresh_it_is(admin_page: Client, calls: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def words() -> str:
        return " ".join(admin_page.get(reverse("reports:traffic"), MONTH).content.decode().split())

    assert "All calls that ended up to now are counted" in words()
    a_call(NOON, talk=1)
    assert "what came since follows within seconds" in words()
    a_call(NOON - dt.timedelta(days=29), talk=1)
    rollup.RolledDay.objects.filter(day=day_of(NOON - dt.timedelta(days=29))).delete()
    assert "1 day of this time is being counted" in words()
