"""DIDs from a file: the preview is the result, a second run changes nothing, and what was done can be undone."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from core.jobs.models import Job, Line
from core.jobs.services import ask_apply, ask_undo, discard, read_again, start_choice, start_import
from core.jobs.tasks import prune_jobs, resume_jobs, run_job
from core.models import User
from dids.models import DID
from dids.services import map_dids, release_dids, retire_dids, suspend_dids, unmap_dids, update_did
from tests.cast import make_user, page_of
from tests.inventory import a_carrier, an_account, an_alias, at_the_same_moment, some_dids

# What a job writes is told by its transaction's id, which a test's own wrapping transaction would hide.
pytestmark = pytest.mark.django_db(transaction=True)


class Desk:
    """An operator with two carriers and two accounts, who imports files."""

    def __init__(self) -> None:
        self.actor: User = make_user("olga", "operator")
        self.acme, self.other = a_carrier(self.actor, "Acme"), a_carrier(self.actor, "Other")
        self.account = an_account(self.actor)
        self.alias = an_alias(self.actor, self.account, "desk-101")
        self.second = an_alias(self.actor, self.account, "desk-102")
        self.stranger = an_alias(self.actor, an_account(self.actor, "Workshop", "Cogs Ltd"), "bench-1")

    def preview(self, text: str | bytes, *, carrier: Any = None, region: str = "", name: str = "dids.csv") -> Job:
        """Upload a file and return its job when a worker has read it."""
        content = text.encode() if isinstance(text, str) else text
        options = {"carrier": carrier.pk if carrier else None, "region": region}
        job = start_import(actor=self.actor, kind="dids", file_name=name, content=content, options=options)
        return self.work(job)

    def choose(self, verb: str, **options: Any) -> Job:
        """Choose all DIDs for one step."""
        ids = DID.objects.values_list("pk", flat=True)
        job = start_choice(actor=self.actor, kind=f"dids-{verb}", ids=ids, options=options, noun="DIDs")
        return self.work(job)

    @staticmethod
    def work(job: Job) -> Job:
        """Let a worker take the job's next step."""
        run_job(job.pk)
        job.refresh_from_db()
        return job

    def apply(self, job: Job) -> Job:
        """Apply a job."""
        return self.work(ask_apply(job, actor=self.actor))

    def undo(self, job: Job) -> Job:
        """Undo a job."""
        return self.work(ask_undo(job, actor=self.actor))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def outcomes(job: Job) -> list[tuple[int, str, str]]:
    """Return line, outcome and message of each line."""
    return list(job.lines.values_list("line", "outcome", "message"))


def inventory() -> dict[str, tuple[str, str]]:
    """Return (state, alias) of each DID by number."""
    dids = DID.objects.select_related("alias")
    return {did.number: (did.state, did.alias.username if did.alias else "") for did in dids}


def everything() -> list[tuple[Any, ...]]:
    """Return all that stands in the table of DIDs, but for the time of a state."""
    return list(DID.objects.order_by("number").values_list(
        "number", "provider_number", "carrier", "alias", "state", "country", "area", "call_limit", "notes"
    ))  # fmt: skip


FILE = """DID number;Carrier;Alias;State;Area;Call limit;Notes;Colour
+44 20 7946 0018;Acme;desk-101;;;2;front desk;red
0044 20 7946 0019;acme;;suspended;City;;;
442079460020;Other;desk-102;suspended;;;;
+371 6722 0100;Acme;;;;;;
"""


def test_a_file_is_previewed_applied_and_changes_nothing_the_second_time(desk: Desk) -> None:
    job = desk.preview(FILE)
    assert (job.state, job.counts) == ("preview", {"new": 4, "changed": 0, "unchanged": 0, "refused": 0})
    assert not DID.objects.exists(), "a preview writes nothing"
    assert desk.apply(job).state == "applied"
    assert inventory() == {
        "442079460018": ("mapped", "desk-101"),
        "442079460019": ("suspended", ""),
        "442079460020": ("suspended", "desk-102"),
        "37167220100": ("available", ""),
    }
    first = DID.objects.get(number="442079460018")
    assert (first.area, first.country, first.call_limit, first.notes) == ("London", "GB", 2, "front desk")
    assert DID.objects.get(number="442079460019").area == "City"
    before = everything()
    again = desk.preview(FILE)
    assert again.counts == {"new": 0, "changed": 0, "unchanged": 4, "refused": 0}
    with pytest.raises(ValidationError, match="nothing to apply"):
        ask_apply(again, actor=desk.actor)
    assert everything() == before


def test_every_change_of_an_import_stands_in_the_history_with_who_and_which_import(desk: Desk) -> None:
    job = desk.apply(desk.preview(FILE))
    event = DID.objects.get(number="442079460018").events.get()  # type: ignore[attr-defined]
    assert (event.pgh_label, event.state) == ("insert", "mapped")
    assert event.pgh_context.metadata == {"user": desk.actor.pk, "job": job.pk}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT version_id) FROM routing_configchange WHERE kind = 'did'")
        assert cursor.fetchone() == (4, 1), "one version of the configuration, of which deciders hear once"


def test_only_the_columns_and_cells_that_say_something_change_anything(desk: Desk) -> None:
    did = some_dids(desk.actor, desk.acme, "+44 20 7946 0018")[0]
    update_did(actor=desk.actor, did=did, notes="fax", call_limit=3)
    since = did.state_since
    job = desk.preview("number,notes,limit\n+442079460018,,4\n")
    assert job.counts["changed"] == 1
    line = job.lines.get()
    assert (line.before, line.after) == ({"call_limit": 3}, {"call_limit": 4})
    desk.apply(job)
    did.refresh_from_db()
    assert (did.call_limit, did.notes, did.state_since) == (4, "fax", since)
    desk.apply(desk.preview("number,notes,limit\n+442079460018,-,-\n"))
    did.refresh_from_db()
    assert (did.call_limit, did.notes) == (None, "")


REFUSALS = [
    ("abc;;;", "is not a number"),
    ("+44 20;;;", "too short"),
    ("020 7946 0018;;;", "national number"),
    ("4.42079E+11;;;", "spreadsheet has shortened"),
    ("+442079460099;Nobody;;", "no carrier “Nobody”"),
    ("+442079460099;;;", "neither the file nor the form"),
    ("+442079460099;Acme;nobody;", "no alias “nobody”"),
    ("+442079460099;Acme;;broken", "no state"),
    ("+442079460099;Acme;;mapped", "no alias to ring"),
    ("+442079460099;Acme;desk-101;available", "cannot be available and ring"),
    ("+442079460018;Other;;", "Already a DID of carrier Acme"),
    ("+442079460018;;bench-1;", "another account"),
    ("+442079460018;;;available", "it rings an alias; release it first"),
    ("+442079460018;;;retired", "it is mapped"),
    ("+442079460019;;;quarantine", "only a DID that leaves its alias"),
    ("+442079460020;;desk-101;", "it is in quarantine"),
    ("+442079460020;;;available", "quarantine has not ended"),
    ("+442079460021;;desk-101;", "it is retired"),
    ("\u202e8100649702 44+;Acme;;", "invisible character U+202E"),
    ("+442079460099;Acme;;;\x07", "invisible character U+0007"),
]


def test_rows_that_may_not_be_are_refused_each_with_its_reason_and_the_others_go_on(desk: Desk) -> None:
    dids = some_dids(desk.actor, desk.acme, "+44 20 7946 0018 - 21")
    ids = [did.pk for did in dids]
    map_dids(actor=desk.actor, did_ids=[ids[0], ids[2]], alias=desk.alias, account=desk.account)
    unmap_dids(actor=desk.actor, did_ids=[ids[2]], quarantine=True)
    retire_dids(actor=desk.actor, did_ids=[ids[3]])
    before = inventory()
    for row, words in REFUSALS:
        job = desk.preview(f"number;carrier;alias;state;notes\n{row}\n+44 20 7946 0100;Acme;;\n")
        refused, new = outcomes(job)
        assert refused[:2] == (2, "refused") and words.casefold() in refused[2].casefold(), (row, refused)
        assert new[:2] == (3, "new")
    assert desk.apply(job).state == "applied"
    assert inventory() == before | {"442079460100": ("available", "")}


def test_a_number_twice_in_a_file_is_taken_once_and_the_second_line_names_the_first(desk: Desk) -> None:
    job = desk.preview("number\n+442079460018\n0044 20 7946 0018\n", carrier=desk.acme)
    assert outcomes(job) == [(2, "new", ""), (3, "refused", "Line 2 of the file has it already.")]


def test_national_numbers_are_read_in_the_country_that_was_chosen(desk: Desk) -> None:
    desk.apply(desk.preview("number\n020 7946 0018\n", carrier=desk.acme, region="GB"))
    did = DID.objects.get()
    assert (did.number, did.provider_number) == ("442079460018", "020 7946 0018")


def test_unusual_numbers_are_new_with_a_warning(desk: Desk) -> None:
    job = desk.preview("number\n+800 1234 5678\n", carrier=desk.acme)
    assert outcomes(job)[0][1] == "new" and "freephone" in outcomes(job)[0][2]


def test_a_hyphen_under_alias_releases_the_number_into_quarantine(desk: Desk) -> None:
    dids = some_dids(desk.actor, desk.acme, "+44 20 7946 0018 - 19")
    map_dids(actor=desk.actor, did_ids=[did.pk for did in dids], alias=desk.alias, account=desk.account)
    desk.apply(desk.preview("number,alias,state\n+442079460018,-,\n+442079460019,-,available\n"))
    assert inventory() == {"442079460018": ("quarantine", ""), "442079460019": ("available", "")}


def test_what_was_applied_is_undone_to_the_last_column(desk: Desk) -> None:
    dids = some_dids(desk.actor, desk.acme, "+44 20 7946 0018 - 19")
    map_dids(actor=desk.actor, did_ids=[dids[0].pk], alias=desk.alias, account=desk.account)
    before = everything()
    job = desk.apply(desk.preview(
        "number,carrier,alias,state,notes\n+442079460018,,desk-102,suspended,x\n+442079460030,Acme,desk-101,,\n"
    ))  # fmt: skip
    assert job.counts["new"] == job.counts["changed"] == 1
    assert everything() != before
    assert desk.undo(job).state == "undone"
    assert everything() == before
    job = desk.work(read_again(job, actor=desk.actor))
    assert desk.apply(job).state == "applied", "an undone import may be applied again"


def test_an_undo_is_refused_by_name_once_a_row_has_changed(desk: Desk) -> None:
    job = desk.apply(desk.preview("number\n+442079460018\n+442079460019\n", carrier=desk.acme))
    did = DID.objects.get(number="442079460019")
    map_dids(actor=desk.actor, did_ids=[did.pk], alias=desk.alias, account=desk.account)
    before = everything()
    job = desk.undo(job)
    assert job.state == "applied"
    assert job.error == "It cannot be undone: since it was applied, line 3: +442079460019 has been changed."
    assert everything() == before


def changed_meanwhile(desk: Desk, how: str) -> None:
    did = DID.objects.get(number="442079460018")
    if how == "changed":
        suspend_dids(actor=desk.actor, did_ids=[did.pk])
    elif how == "deleted":
        did.delete()
    elif how == "unchanged one changed":
        update_did(actor=desk.actor, did=DID.objects.get(number="442079460019"), notes="x")
    elif how == "added":
        some_dids(desk.actor, desk.other, "+442079460030")
    else:
        desk.alias.delete()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("changed", "line 2: +442079460018 has been changed"),
        ("deleted", "line 2: +442079460018 has been deleted"),
        ("unchanged one changed", "line 3: +442079460019 has been changed"),
        ("added", "line 4: +442079460030 has been added"),
        ("alias gone", "What a row refers to is gone"),
    ],
)
def test_what_changed_since_the_preview_stops_the_whole_and_is_named(desk: Desk, how: str, words: str) -> None:
    some_dids(desk.actor, desk.acme, "+44 20 7946 0018 - 19")
    job = desk.preview("number,carrier,alias\n+442079460018,,desk-101\n+442079460019,,\n+442079460030,Acme,\n")
    assert job.counts == {"new": 1, "changed": 1, "unchanged": 1, "refused": 0}
    changed_meanwhile(desk, how)
    before = everything()
    job = desk.apply(job)
    assert job.state == "stopped"
    assert words in job.error
    assert everything() == before
    assert desk.work(read_again(job, actor=desk.actor)).state == "preview"


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


def test_a_file_whose_head_says_nothing_asks_for_its_columns(desk: Desk) -> None:
    job = desk.preview("+442079460018;red\n+442079460019;blue\n", carrier=desk.acme)
    assert (job.state, job.header) == ("columns", ["Column 1", "Column 2"])
    with pytest.raises(ValidationError) as caught:
        read_again(job, actor=desk.actor, columns={"notes": 1})
    assert "number" in caught.value.error_dict
    with pytest.raises(ValidationError, match="same column"):
        read_again(job, actor=desk.actor, columns={"number": 1, "notes": 1})
    job = desk.work(read_again(job, actor=desk.actor, columns={"number": 0, "notes": 1}))
    assert job.counts["new"] == 2
    desk.apply(job)
    assert set(DID.objects.values_list("notes", flat=True)) == {"red", "blue"}


def test_a_head_alone_fails_with_its_reason(desk: Desk) -> None:
    job = desk.preview("DID number;Alias\n")
    assert (job.state, job.error) == ("failed", "The file holds a head, but no row below it.")


def test_the_export_of_a_list_imported_again_changes_nothing(desk: Desk, settings: Any) -> None:
    some_dids(desk.actor, desk.acme, "+44 20 7946 0010 - 19")
    dids = list(DID.objects.order_by("pk"))
    map_dids(actor=desk.actor, did_ids=[d.pk for d in dids[:6]], alias=desk.alias, account=desk.account)
    suspend_dids(actor=desk.actor, did_ids=[dids[0].pk, dids[7].pk])
    unmap_dids(actor=desk.actor, did_ids=[dids[1].pk], quarantine=True)
    retire_dids(actor=desk.actor, did_ids=[dids[8].pk])
    update_did(actor=desk.actor, did=dids[2], notes="=1+1", area="<b>x</b>", call_limit=0)
    columns = "number,state,carrier,client,account,alias,country,area,provider_number,call_limit,notes,state_since"
    for kind in ("csv", "xlsx"):
        response = page_of(desk.actor).get(reverse("dids:did_list"), {"export": kind, "columns": columns})
        job = desk.preview(b"".join(response.streaming_content))  # type: ignore[attr-defined]
        assert job.counts == {"new": 0, "changed": 0, "unchanged": 10, "refused": 0}, outcomes(job)


def test_many_are_released_suspended_resumed_and_mapped_with_each_refusal_named(desk: Desk) -> None:
    dids = some_dids(desk.actor, desk.acme, "+44 20 7946 0010 - 19")
    map_dids(actor=desk.actor, did_ids=[d.pk for d in dids[:5]], alias=desk.stranger, account=desk.stranger.account)
    retire_dids(actor=desk.actor, did_ids=[dids[9].pk])
    job = desk.choose("map", alias=desk.alias.pk)
    assert job.counts == {"new": 0, "changed": 4, "unchanged": 0, "refused": 6}
    assert "another account" in job.lines.get(line=1).message and "retired" in job.lines.get(line=10).message
    desk.apply(job)
    assert DID.objects.filter(alias=desk.alias, state="mapped").count() == 4
    assert desk.apply(desk.choose("suspend")).counts["changed"] == 9
    assert DID.objects.filter(state="suspended").count() == 9
    assert desk.apply(desk.choose("resume")).counts == {"new": 0, "changed": 9, "unchanged": 0, "refused": 1}
    assert DID.objects.filter(state="mapped").count() == 9
    released = desk.apply(desk.choose("unmap", quarantine=True))
    assert DID.objects.filter(state="quarantine", alias=None).count() == 9
    assert desk.choose("release").counts["refused"] == 9, "they have not rested"
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
