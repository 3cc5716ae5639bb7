"""Bulk changes in the worker's hands: once, whole, stopped by what changed, taken up again, reported, over HTTP."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser

from core.jobs.models import Job, Line
from core.jobs.services import ask_apply, ask_undo, discard
from core.jobs.tasks import prune_jobs, resume_jobs, run_job
from dids.models import DID
from dids.services import map_dids, release_dids, retire_dids, unmap_dids
from tests.cast import page_of
from tests.inventory import at_the_same_moment, some_dids
from tests.jobs.desk import FILE, Desk, counted, everything

# What a job writes is told by its transaction's id, which a test's own wrapping transaction would hide.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_undo_is_refused_by_name_once_a_row_has_changed(desk: Desk) -> None:
    job = desk.apply(desk.preview("number\n+442079460018\n+442079460019\n", carrier=desk.acme))
    did = DID.objects.get(number="442079460019")
    map_dids(actor=desk.actor, did_ids=[did.pk], alias=desk.alias, account=desk.account)
    before = everything()
    job = desk.undo(job)
    assert job.state == "applied"
    assert job.error == "It cannot be undone: since it was applied, line 3: +442079460019 has been changed."
    assert everything() == before


def test_the_same_file_twice_in_parallel_is_applied_once(desk: Desk) -> None:
    numbers = "number\n" + "".join(f"+44207946{n:04d}\n" for n in range(500))
    jobs = [ask_apply(desk.preview(numbers, carrier=desk.acme), actor=desk.actor) for _ in range(2)]
    at_the_same_moment(*(lambda pk=job.pk: run_job(pk) for job in jobs))
    states = sorted(Job.objects.values_list("state", flat=True))
    assert states == ["applied", "stopped"]
    assert "has been added" in Job.objects.get(state="stopped").error
    assert DID.objects.count() == 500


def test_a_job_is_done_once_however_often_it_is_handed_out(desk: Desk) -> None:
    job = ask_apply(desk.preview(FILE), actor=desk.actor)
    at_the_same_moment(*(lambda: run_job(job.pk) for _ in range(3)))
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, DID.objects.count()) == ("applied", 4)
    assert DID.objects.first().events.count() == 1  # type: ignore[union-attr]


def test_a_job_whose_worker_died_is_handed_out_again_and_given_up_after_three_times(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask_apply(desk.preview(FILE), actor=desk.actor)
    handed: list[int] = []
    monkeypatch.setattr("core.jobs.tasks.run_job.delay", handed.append)
    assert resume_jobs() == 0, "a job is left to its worker for a while"
    Job.objects.update(state_since="2026-01-01T00:00Z")
    assert resume_jobs() == 1 and handed == [job.pk]
    Job.objects.update(tries=3)
    job = desk.work(job)
    assert (job.state, DID.objects.count()) == ("stopped", 0)
    assert "interrupted 3 times" in job.error


def test_an_error_of_the_program_leaves_nothing_half_applied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    some_dids(desk.actor, desk.acme, "+44 20 7946 0018")
    job = desk.preview("number,carrier,notes\n+442079460018,,x\n+442079460030,Acme,\n")

    def broken(*args: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("core.jobs.applying.Writer.update", broken)
    before = everything()
    job = desk.apply(job)
    assert (job.state, everything()) == ("stopped", before)
    assert "error of this program" in job.error


def test_many_are_released_suspended_resumed_and_mapped_with_each_refusal_named(desk: Desk) -> None:
    dids = some_dids(desk.actor, desk.acme, "+44 20 7946 0010 - 19")
    map_dids(actor=desk.actor, did_ids=[d.pk for d in dids[:5]], alias=desk.stranger, account=desk.stranger.account)
    retire_dids(actor=desk.actor, did_ids=[dids[9].pk])
    job = desk.choose("map", alias=desk.alias.pk)
    assert counted(job) == {"changed": 4, "refused": 6}
    assert "another account" in job.lines.get(line=1).message and "retired" in job.lines.get(line=10).message
    desk.apply(job)
    assert DID.objects.filter(alias=desk.alias, state="mapped").count() == 4
    assert desk.apply(desk.choose("suspend")).counts["changed"] == 9
    assert DID.objects.filter(state="suspended").count() == 9
    assert counted(desk.apply(desk.choose("resume"))) == {"changed": 9, "refused": 1}
    assert DID.objects.filter(state="mapped").count() == 9
    released = desk.apply(desk.choose("unmap", quarantine=True))
    assert DID.objects.filter(state="quarantine", alias=None).count() == 9
    assert desk.choose("release").counts["refused"] == 10, (
        "nine have not rested, and nobody said why the retired one returns"
    )
    assert desk.undo(released).state == "undone"
    assert DID.objects.filter(state="mapped").count() == 9


def test_a_reason_that_ends_quarantines_early_stands_in_each_history(desk: Desk) -> None:
    did = some_dids(desk.actor, desk.acme, "+44 20 7946 0010")[0]
    map_dids(actor=desk.actor, did_ids=[did.pk], alias=desk.alias, account=desk.account)
    unmap_dids(actor=desk.actor, did_ids=[did.pk], quarantine=True)
    desk.apply(desk.choose("release", reason="wrong file"))
    event = did.events.latest("pgh_id")  # type: ignore[attr-defined]
    assert (event.state, event.pgh_context.metadata["reason"]) == ("available", "wrong file")
    with pytest.raises(ValidationError):
        release_dids(actor=desk.actor, did_ids=[did.pk])


def test_old_files_and_lines_are_forgotten_and_the_job_stays(desk: Desk) -> None:
    job = desk.apply(desk.preview(FILE))
    prune_jobs()
    assert Line.objects.count() == 4
    Job.objects.update(state_since="2020-01-01T00:00Z")
    prune_jobs()
    job.refresh_from_db()
    assert (job.counts["new"], Line.objects.count(), DID.objects.count()) == (4, 0, 4)
    with pytest.raises(ValidationError, match="kept no longer"):
        ask_undo(job, actor=desk.actor)


def test_the_report_holds_every_line_with_its_reason(desk: Desk) -> None:
    job = desk.preview(FILE + "abc;<script>;;;;;=1+1;\n")
    browser = page_of(desk.actor)
    answer: Any = browser.get(job.get_absolute_url(), {"export": "csv"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row[:3] for row in rows[1:]] == [
        ["2", "+442079460018", "New"], ["3", "+442079460019", "New"], ["4", "+442079460020", "New"],
        ["5", "+37167220100", "New"], ["6", "abc", "Refused"],
    ]  # fmt: skip
    assert "Alias: desk-101" in rows[1][3] and "is not a number" in rows[5][3]
    refused: Any = browser.get(job.get_absolute_url(), {"export": "csv", "outcome": "refused"})
    assert b"".join(refused.streaming_content).count(b"\r\n") == 2


def test_the_api_imports_as_the_pages_do(desk: Desk, client: Browser) -> None:
    client.force_login(desk.actor)
    file = io.BytesIO(FILE.encode())
    file.name = "x.csv"
    made = client.post("/api/v1/bulk-changes/", {"kind": "dids", "file": file})
    assert made.status_code == 201, made.content
    address = f"/api/v1/bulk-changes/{made.json()['id']}/"
    assert made.json()["state"] == "reading" and made.json()["progress"]["what"] == "Waiting for a worker"
    run_job(made.json()["id"])
    assert client.get(address).json()["counts"]["new"] == 4
    lines = client.get(f"{address}lines/", {"outcome": "new"}).json()["results"]
    assert [line["key"] for line in lines][:2] == ["+442079460018", "+442079460019"]
    assert client.post(f"{address}undo/").status_code == 400
    assert client.post(f"{address}apply/").json()["state"] == "applying"
    run_job(made.json()["id"])
    assert client.get(address).json()["state"] == "applied"
    bulk = client.post(
        "/api/v1/dids/bulk/", json.dumps({"action": "suspend", "filter": {"state": "mapped"}}), "application/json"
    )
    assert bulk.status_code == 201 and bulk.json()["source"] == "1 DIDs", bulk.content
    for body, field in (
        ({"action": "suspend"}, "dids"),
        ({"action": "map", "dids": [1]}, "alias"),
        ({"action": "suspend", "filter": {"colour": "red"}}, "filter"),
        ({"action": "suspend", "filter": {"state": "blue"}}, "filter"),
        ({"action": "explode", "dids": [1]}, "action"),
    ):
        answer = client.post("/api/v1/dids/bulk/", json.dumps(body), "application/json")
        assert answer.status_code == 400 and field in answer.json()["errors"], answer.content
    early = {"action": "release", "dids": [1], "reason": "now"}
    assert client.post("/api/v1/dids/bulk/", json.dumps(early), "application/json").status_code == 403


def test_a_job_that_is_at_work_is_neither_thrown_away_nor_applied_twice(desk: Desk) -> None:
    job = ask_apply(desk.preview(FILE), actor=desk.actor)
    for refused in (discard, ask_apply, ask_undo):
        with pytest.raises(ValidationError, match="it is applying"):
            refused(job, actor=desk.actor)
    desk.work(job)
    with pytest.raises(ValidationError, match="it is applied"):
        discard(job, actor=desk.actor)
