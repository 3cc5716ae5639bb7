"""DIDs from a file: the preview is the result, a second run changes nothing, and what was done can be undone."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.urls import reverse

from core.jobs.services import ask_apply, read_again
from dids.models import DID
from dids.services import map_dids, retire_dids, suspend_dids, unmap_dids, update_did
from tests.cast import page_of
from tests.inventory import some_dids
from tests.jobs.desk import FILE, Desk, changed_meanwhile, counted, everything, inventory, outcomes

# What a job writes is told by its transaction's id, which a test's own wrapping transaction would hide.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_file_is_previewed_applied_and_changes_nothing_the_second_time(desk: Desk) -> None:
    job = desk.preview(FILE)
    assert (job.state, counted(job)) == ("preview", {"new": 4})
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
    assert counted(again) == {"unchanged": 4}
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
    ("+442079460021;;;available", "it is retired; say on its own page why"),
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
    assert counted(job) == {"new": 1, "changed": 1, "unchanged": 1}
    changed_meanwhile(desk, how)
    before = everything()
    job = desk.apply(job)
    assert job.state == "stopped"
    assert words in job.error
    assert everything() == before
    assert desk.work(read_again(job, actor=desk.actor)).state == "preview"


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
        assert counted(job) == {"unchanged": 9}, outcomes(job)  # Without the retired one, which the list hides.
