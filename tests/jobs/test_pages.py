"""Pages of bulk changes: who may, what is refused beside its field, and what many rows of a list become."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.jobs.models import Job
from core.models import User
from dids.models import DID
from tests.inventory import a_carrier, an_account, an_alias, some_dids

pytestmark = pytest.mark.django_db
UPLOAD = "/bulk/import/dids/"


def a_file(content: bytes = b"number\n+442079460018\n", name: str = "x.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_support_reads_bulk_changes_and_starts_none(support_page: Client, operator: User) -> None:
    job = Job.objects.create(kind="dids", source="x.csv", state="preview", counts={"new": 1}, created_by=operator)
    shown = support_page.get(job.get_absolute_url()).content.decode()
    assert "Preview" in shown and "job_apply" not in shown and "Apply 1" not in shown
    for address in (UPLOAD, *(reverse(f"jobs:job_{name}", args=[job.pk]) for name in ("apply", "undo", "discard"))):
        assert support_page.post(address, {"file": a_file()}).status_code == 403
    upload = support_page.post("/api/v1/bulk-changes/", {"kind": "dids", "file": a_file()})
    assert upload.status_code == 403
    assert Job.objects.count() == 1


def test_an_upload_needs_the_token_of_the_page(operator: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(UPLOAD, {"file": a_file()}).status_code == 403
    assert browser.post("/api/v1/bulk-changes/", {"kind": "dids", "file": a_file()}).status_code == 403
    assert not Job.objects.exists()


@pytest.mark.parametrize(("content", "words"), [(b"", "The file is empty."), (b" \n", "The file is empty.")])
def test_an_empty_file_is_refused_beside_its_field(operator_page: Client, content: bytes, words: str) -> None:
    answer = operator_page.post(UPLOAD, {"file": a_file(content)})
    assert answer.status_code == 422 and words in answer.content.decode()


def test_a_file_beyond_the_bound_is_refused_before_it_is_stored(
    operator_page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.jobs.upload.MAX_BYTES", 1000)
    monkeypatch.setattr("core.jobs.upload.SLACK", 0)
    stored: list[Any] = []
    monkeypatch.setattr(
        "django.core.files.uploadhandler.TemporaryFileUploadHandler.receive_data_chunk",
        lambda self, data, start: stored.append(data),
    )
    answer = operator_page.post(UPLOAD, {"file": a_file(b"x" * 5000)})
    assert answer.status_code == 422 and "The file is larger than 20 MB: split it." in answer.content.decode()
    over_http = operator_page.post("/api/v1/bulk-changes/", {"kind": "dids", "file": a_file(b"x" * 5000)})
    assert over_http.status_code == 413
    assert not stored and not Job.objects.exists()


def test_the_name_of_a_file_is_shown_and_never_believed(operator_page: Client) -> None:
    file = io.BytesIO(b"number\n+442079460018\n")
    file.name = "../../<img src=x>\u202evsc.exe"
    answer = operator_page.post(UPLOAD, {"file": file}, follow=True)
    job = Job.objects.get()
    assert "\u202e" not in job.source and "/" not in job.source
    assert "<img src=x>" not in answer.content.decode()


def test_many_chosen_rows_become_a_bulk_change_with_a_preview(
    operator_page: Client, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.views.list.BULK_BOUND", 5)
    some_dids(operator, a_carrier(operator), "+44 20 7946 0010 - 19")
    some_dids(operator, a_carrier(operator, "Other"), "+44 20 7946 0030")
    address = reverse("dids:did_list") + "?q=44207946001"
    answer = operator_page.post(address, {"action": "suspend", "all": "yes"})
    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    assert (job.kind, job.source, job.state) == ("dids-suspend", "10 DIDs", "reading")
    assert DID.objects.filter(state="suspended").count() == 0, "the preview asks first"


def test_mapping_many_asks_for_the_alias(operator_page: Client, operator: User) -> None:
    dids = some_dids(operator, a_carrier(operator), "+44 20 7946 0010 - 12")
    alias = an_alias(operator, an_account(operator))
    address = reverse("dids:did_list")
    chosen: dict[str, Any] = {"action": "map", "pk": [did.pk for did in dids]}
    assert "SIP user name" in operator_page.post(address, chosen).content.decode()
    wrong = operator_page.post(address, chosen | {"confirmed": "yes", "alias": "nobody"})
    assert wrong.status_code == 422 and "There is no alias “nobody”" in wrong.content.decode()
    operator_page.post(address, chosen | {"confirmed": "yes", "alias": alias.username})
    job = Job.objects.get()
    assert (job.kind, job.options) == ("dids-map", {"alias": alias.pk})


def test_the_progress_is_polled_and_the_page_loads_anew_when_it_is_done(operator_page: Client, operator: User) -> None:
    job = Job.objects.create(kind="dids", source="x.csv", created_by=operator)
    asking = {"HX-Request": "true", "HX-Target": "job-progress"}
    waiting = operator_page.get(job.get_absolute_url(), headers=asking)
    assert "Waiting for a worker" in waiting.content.decode() and "<html" not in waiting.content.decode()
    Job.objects.update(state="preview")
    assert operator_page.get(job.get_absolute_url(), headers=asking)["HX-Refresh"] == "true"
