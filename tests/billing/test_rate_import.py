"""Rates from a file: what the preview says is what happens, and can be undone; hostile files change nothing."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse

from billing.choices import ProductKind
from billing.models import Rate, RateTable
from billing.pricing import save_rate, save_rate_table
from core.jobs.kinds import KINDS, validate_options
from core.jobs.models import ColumnTemplate, Job
from core.jobs.rows import MAX_BYTES
from core.jobs.services import ask_apply, ask_undo, start_import
from core.jobs.tasks import run_job
from core.models import User
from core.xlsx import xlsx_pieces
from tests.inventory import a_carrier, a_product, a_user, an_address

# What a job writes is told by its transaction's id, which a test's own wrapping transaction would hide.
pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "Code,Description,Enabled,Rate Minute,Rate Call,Currency,Increment,Grace,Minimal Duration\n"


class Desk:
    """An operator with a rate table of three codes."""

    def __init__(self) -> None:
        self.actor: User = a_user()
        self.table = RateTable.objects.create(name="Baltics", currency="EUR")
        for code, price in (("", "0.1"), ("371", "0.02"), ("3712", "0.05")):
            Rate.objects.create(table=self.table, code=code, rate_minute=price, description=f"to {code or 'all'}")

    def preview(self, text: str | bytes, mode: str = "update", **options: Any) -> Job:
        content = text.encode() if isinstance(text, str) else text
        values = {"table": self.table.pk, "mode": mode, **options}
        job = start_import(actor=self.actor, kind="rates", file_name="rates.csv", content=content, options=values)
        return self.work(job)

    @staticmethod
    def work(job: Job) -> Job:
        run_job(job.pk)
        job.refresh_from_db()
        return job

    def apply(self, job: Job) -> Job:
        return self.work(ask_apply(job, actor=self.actor))

    def undo(self, job: Job) -> Job:
        return self.work(ask_undo(job, actor=self.actor))

    def rates(self) -> dict[str, tuple[Any, ...]]:
        fields = (
            "code",
            "description",
            "enabled",
            "rate_minute",
            "rate_call",
            "increment",
            "grace",
            "minimal_duration",
        )
        return {row[0]: row[1:] for row in self.table.rates.values_list(*fields)}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def outcomes(job: Job) -> list[tuple[int, str, str]]:
    return list(job.lines.values_list("line", "outcome", "key"))


def prices(desk: Desk) -> dict[str, str]:
    return {code: f"{values[2].normalize():f}" for code, values in desk.rates().items()}


FILE = HEAD + (
    "371,Latvia,Enabled,0.022,0,EUR,6,0,30\n"
    "3712,to 3712,Enabled,0.05,,,,,\n"
    "372,Estonia,yes,0.000001,0.5,eur,60,5,60\n"
    "373,,no,0,0,EUR,1,0,0\n"
    ",,Disabled,,,,,,\n"
    "374,,Enabled,0.1,0,USD,1,0,0\n"
    "375,,Enabled,0.1234567,0,EUR,1,0,0\n"
    "376,,Enabled,,0,EUR,1,0,0\n"
    "371,again,Enabled,1,0,EUR,1,0,0\n"
)


def test_the_preview_is_what_happens_and_is_undone(desk: Desk, operator_page: Browser) -> None:
    before = desk.rates()
    job = desk.preview(FILE)
    assert (job.state, job.error) == ("preview", "")
    assert outcomes(job) == [
        (2, "changed", "371"), (3, "unchanged", "3712"), (4, "new", "372"), (5, "new", "373"),
        (6, "disabled", "any number"), (7, "refused", "374"), (8, "refused", "375"), (9, "refused", "376"),
        (10, "refused", "371"),
    ]  # fmt: skip
    reasons = list(job.lines.filter(outcome="refused").values_list("message", flat=True))
    assert reasons[0].startswith("The row is in USD, the table in EUR")
    assert "more than 6 decimals" in reasons[1]
    assert reasons[2:] == [
        "The code is new, and its Rate Minute is missing.",
        "Line 2 of the file has the code 371 already.",
    ]
    page = operator_page.get(job.get_absolute_url()).content.decode()
    assert "(+10 %)" in page and "Baltics, in EUR" in page
    assert desk.rates() == before
    assert desk.apply(job).state == "applied"
    after = desk.rates()
    assert after["371"] == ("Latvia", True, Decimal("0.022"), 0, 6, 0, 30)
    assert after["372"] == ("Estonia", True, Decimal("0.000001"), Decimal("0.5"), 60, 5, 60)
    assert (after["373"][1], after[""][1]) == (False, False)
    assert len(after) == 5
    assert desk.undo(job).state == "undone"
    assert desk.rates() == before


@pytest.mark.parametrize("mode", ["disable", "delete"])
def test_codes_that_the_file_lacks_are_shown_and_then_disabled_or_deleted(desk: Desk, mode: str) -> None:
    before = desk.rates()
    ids = dict(desk.table.rates.values_list("code", "id"))
    job = desk.preview(HEAD + "371,,,0.02,,,,,\n3712,,,x,,,,,\n", mode)
    # A code whose row is refused is in the file all the same.
    assert outcomes(job) == [(2, "unchanged", "371"), (3, "refused", "3712"), (4, f"{mode}d", "any number")]
    assert job.lines.get(line=4).message == "Not in the file."
    desk.apply(job)
    assert desk.rates().get("", (None, None))[1] is (False if mode == "disable" else None)
    assert desk.undo(job).state == "undone"
    assert desk.rates() == before
    assert dict(desk.table.rates.values_list("code", "id")) == ids


def test_a_code_added_since_the_preview_stops_a_replacement(desk: Desk) -> None:
    job = desk.preview(HEAD + "371,,,0.03,,,,,\n", "delete")
    save_rate(actor=desk.actor, rate=Rate(table=desk.table, code="999", rate_minute=1))
    before = desk.rates()
    job = desk.apply(job)
    assert job.state == "stopped" and "code 999 was added" in job.error
    assert desk.rates() == before


def test_a_rate_changed_since_the_preview_stops_all_of_it(desk: Desk) -> None:
    job = desk.preview(FILE)
    rate = desk.table.rates.get(code="371")
    rate.rate_minute = Decimal("0.9")
    save_rate(actor=desk.actor, rate=rate)
    before = desk.rates()
    job = desk.apply(job)
    assert job.state == "stopped" and "371 has been changed" in job.error
    assert desk.rates() == before


def test_what_is_exported_imports_unchanged(desk: Desk, operator_page: Browser) -> None:
    for code, description in (("44", "=HYPERLINK(1)"), ("45", "-10 %"), ("46", '@home, "x"'), ("47", "Ünï")):
        Rate.objects.create(table=desk.table, code=code, description=description, rate_minute="-0.012345", grace=3)
    Rate.objects.create(table=desk.table, code="48", rate_minute="123456789012.123456", enabled=False)
    for kind in ("csv", "xlsx"):
        answer: Any = operator_page.get(desk.table.get_absolute_url(), {"export": kind})
        content = b"".join(answer.streaming_content)
        if kind == "csv":
            lines = content.decode().splitlines()
            assert lines[0] == HEAD.strip()
            assert "'=HYPERLINK(1)" in content.decode() and "\n=" not in content.decode()
        job = desk.preview(content, "delete")
        assert not job.lines.exclude(outcome="unchanged").values_list("key", "before", "after"), kind
        assert job.counts["unchanged"] == 8


TEXT = HEAD.replace(",", ";") + "371;Rīga;Enabled;0,022;0;EUR;6;0;30\n"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.replace("Rīga", "Köln – €").encode("cp1252"), "Latin-1"),
        (TEXT.replace(";", "\t").encode("utf-16"), "UTF-16, tab"),
        (b"".join(xlsx_pieces([HEAD.strip().split(","), ["371", "Rīga", True, 0.022, 0, "EUR", 6, 0, 30]])), "XLSX"),
    ],
)  # fmt: skip
def test_encoding_and_delimiter_are_found(desk: Desk, content: bytes, form: str) -> None:
    job = desk.preview(content)
    assert form in job.format
    assert outcomes(job) == [(2, "changed", "371")]
    assert job.lines.get().after["rate_minute"] == "0.022000"
    assert job.lines.get().after["description"] in ("Rīga", "Köln – €")


def test_a_formula_in_a_cell_is_text_and_comes_out_neutral(desk: Desk, operator_page: Browser) -> None:
    job = desk.preview(HEAD + "44,\"=cmd|' /C calc'!A0\",,0.1,,,,,\n=1+1,,,0.1,,,,,\n45,,,=0.1,,,,,\n")
    assert [outcome for _, outcome, _ in outcomes(job)] == ["new", "refused", "refused"]
    desk.apply(job)
    answer: Any = operator_page.get(desk.table.get_absolute_url(), {"export": "csv"})
    assert "44,'=cmd|' /C calc'!A0,Enabled" in b"".join(answer.streaming_content).decode()


def test_a_file_of_40_mb_is_refused_beside_its_field(desk: Desk, operator_page: Browser) -> None:
    address = reverse("jobs:import_rates")
    content = HEAD.encode() + b"371,x,Enabled,0.1,0,EUR,1,0,0\n" * (40 * 2**20 // 31)
    answer = operator_page.post(address, {"table": desk.table.pk, "file": SimpleUploadedFile("big.csv", content)})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f"larger than {MAX_BYTES // 2**20} MB" in page
    assert f'value="{desk.table.pk}" selected' in page
    assert not Job.objects.exists()
    with pytest.raises(ValidationError, match="larger than"):
        desk.preview(content)


def test_no_price_comes_into_a_table_that_charges_another_currency(desk: Desk) -> None:
    product = a_product("EUR", "0", ProductKind.ORIGINATING_CARRIER)
    desk.table = product.mappings.get().rate_table
    an_address(desk.actor, a_carrier(desk.actor, currency="USD"), "203.0.113.5", product=product)
    job = desk.preview(HEAD + "371,,,0.1,,,,,\n372,,,0,,,,,\n")
    assert [outcome for _, outcome, _ in outcomes(job)] == ["refused", "new"]
    assert "charges balances in USD" in job.lines.get(line=2).message


def test_a_table_that_may_not_be_written_fails_in_words(desk: Desk) -> None:
    free = RateTable.objects.get(mappings__product__builtin=True)
    desk.table = free
    job = desk.preview(FILE)
    assert job.state == "failed" and "built-in" in job.error


def test_columns_are_kept_under_a_name_for_the_next_file(desk: Desk, operator_page: Browser) -> None:
    other = "Dial;Where;Sell\n371;Riga;0.03\n"
    job = desk.preview(other)
    assert job.state == "columns"
    page = operator_page.get(reverse("jobs:job_columns", args=[job.pk])).content.decode()
    assert "Sell (such as 0.03)" in page
    places = {"code": 0, "description": 1, "rate_minute": 2, "template": "Acme Ltd"}
    assert operator_page.post(reverse("jobs:job_columns", args=[job.pk]), places).status_code == 302
    desk.work(job)
    assert outcomes(job) == [(2, "changed", "371")]
    template = ColumnTemplate.objects.get()
    assert (template.name, template.words) == ("Acme Ltd", "Code ← Dial, Description ← Where, Rate Minute ← Sell")
    assert "Acme Ltd" in operator_page.get(reverse("jobs:import_rates")).content.decode()
    # The columns have other places in the next file; their names count.
    moved = desk.preview("Sell;Dial;Where\n0.04;371;Riga\n", template=template.pk)
    assert moved.lines.get().after == {"description": "Riga", "rate_minute": "0.040000"}
    lacking = desk.preview("Dial;Where;Price\n371;Riga;0.04\n", template=template.pk)
    assert lacking.state == "failed" and "speaks of Sell" in lacking.error
    assert "Acme Ltd" in operator_page.get(reverse("jobs:columntemplate_list")).content.decode()
    operator_page.post(reverse("jobs:columntemplate_delete", args=[template.pk]))
    assert not ColumnTemplate.objects.exists()


def test_a_file_without_a_head_keeps_its_first_row(desk: Desk) -> None:
    job = desk.preview("371,Latvia,0.03\n372,Estonia,0.04\n")
    assert (job.state, job.headed, len(job.sample)) == ("columns", False, 2)


def test_prices_previewed_in_one_currency_are_not_applied_in_another(desk: Desk) -> None:
    """Nobody is charged by the table yet, so its currency may change while the preview waits."""
    chosen = validate_options(KINDS["rates"], {"table": desk.table.pk, "mode": "update"})  # type: ignore[arg-type]
    job = desk.preview("Code,Rate Minute\n44,0.01\n", **chosen)
    before = desk.table.currency
    desk.table.currency = "JPY"
    save_rate_table(actor=desk.actor, table=desk.table)
    applied = desk.apply(job)
    assert applied.state == "stopped"
    assert f"was in {before} when the file was chosen, now it is in JPY" in applied.error
