"""The generic pages: what every list, tab and form of the portal does."""

import csv
import io
import re
import threading

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client as Browser

from accounts.models import Account, Client
from billing.models import Balance
from core.models import User

pytestmark = [pytest.mark.urls("tests.core.sample_pages"), pytest.mark.django_db]


def groups(*names: str) -> list[Group]:
    return Group.objects.bulk_create([Group(name=name) for name in names])


def text_of(page: Browser, path: str, **headers: str) -> str:
    response = page.get(path, headers=headers)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def names_in(text: str) -> list[str]:
    return re.findall(r'<span class="mono ">([^<]*)</span>', text)


def test_an_empty_list_teaches_the_next_step_to_those_who_may_take_it(
    operator_page: Browser, support_page: Browser
) -> None:
    text = text_of(operator_page, "/groups/")
    assert "No group yet" in text
    assert text.count('href="/groups/add/"') == 2
    assert 'href="/groups/add/"' not in text_of(support_page, "/groups/")


def test_a_list_searches_each_word_and_says_when_nothing_matches(operator_page: Browser) -> None:
    groups("Acme London", "Acme Riga", "Beta London")
    assert names_in(text_of(operator_page, "/groups/?q=acme+lon")) == ["Acme London"]
    assert "Nothing matches" in text_of(operator_page, "/groups/?q=gamma")


def test_a_filter_that_cannot_be_read_shows_nothing_and_says_so(operator_page: Browser) -> None:
    groups("Acme")
    text = text_of(operator_page, "/groups/?above=abc")
    assert "Enter a number." in text
    assert names_in(text) == []


def test_a_list_is_ordered_by_its_heads_both_ways(operator_page: Browser) -> None:
    groups("b", "c", "a")
    assert names_in(text_of(operator_page, "/groups/")) == ["a", "b", "c"]
    assert names_in(text_of(operator_page, "/groups/?sort=-name")) == ["c", "b", "a"]
    assert names_in(text_of(operator_page, "/groups/?sort=nonsense")) == ["b", "c", "a"]
    assert 'aria-sort="descending"' in text_of(operator_page, "/groups/?sort=-name")


def test_pages_are_bounded_and_the_count_is_too(operator_page: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.pagination.COUNT_BOUND", 60)
    groups(*[f"g{number:03d}" for number in range(90)])
    text = text_of(operator_page, "/groups/?per_page=25")
    assert names_in(text) == [f"g{number:03d}" for number in range(25)]
    assert "of more than" in text
    last = names_in(text_of(operator_page, "/groups/?per_page=25&page=99"))
    assert last == [f"g{number:03d}" for number in range(50, 60)]


def test_a_page_size_that_is_not_offered_is_not_obeyed(operator_page: Browser) -> None:
    groups(*[f"g{number:03d}" for number in range(60)])
    assert len(names_in(text_of(operator_page, "/groups/?per_page=1000000"))) == 50


def test_columns_are_the_readers_choice_but_for_the_fixed(operator_page: Browser) -> None:
    groups("Acme")
    assert "<b>" not in text_of(operator_page, "/groups/")
    text = text_of(operator_page, "/groups/?columns=size")
    assert "<b>" in text
    assert names_in(text) == ["Acme"]
    assert ">Number</a>" not in text


@pytest.mark.parametrize("cookie", ["", "x", "[]", '{"auth:group_list": 3}', '{"auth:group_list": "nonsense"}', "%7B"])
def test_a_broken_memory_of_columns_shows_the_standard_ones(operator_page: Browser, cookie: str) -> None:
    groups("Acme")
    operator_page.cookies["columns"] = cookie
    assert ">Number</a>" in text_of(operator_page, "/groups/")


def test_htmx_gets_the_list_alone_and_caches_are_told(operator_page: Browser) -> None:
    groups("Acme")
    fragment = operator_page.get("/groups/", headers={"HX-Request": "true", "HX-Target": "list"})
    assert "<html" not in fragment.content.decode()
    assert names_in(fragment.content.decode()) == ["Acme"]
    assert "HX-Request" in fragment["Vary"]
    whole = text_of(operator_page, "/groups/", **{"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole


def rows_of(page: Browser, path: str) -> list[list[str]]:
    response = page.get(path)
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_the_export_is_exactly_the_filtered_set_in_the_chosen_columns(operator_page: Browser) -> None:
    made = groups(*[f"Acme {number:03d}" for number in range(120)], "Beta")
    rows = rows_of(operator_page, "/groups/?q=acme&columns=size&export=csv&sort=-name&page=2")
    assert rows[0] == ["Name", "Size"]
    assert [row[0] for row in rows[1:]] == [group.name for group in reversed(made[:120])]
    assert rows[1][1].isdigit(), "no HTML in a cell"


@pytest.mark.parametrize("name", ["=1+1", "+44", "-2", "@SUM(A1)", "\t=1"])
def test_no_cell_of_an_export_is_a_formula(operator_page: Browser, name: str) -> None:
    groups(name)
    assert rows_of(operator_page, "/groups/?export=csv")[1][1] == f"'{name}"


def test_an_export_reads_in_chunks(operator_page: Browser, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    groups(*[f"g{number}" for number in range(5000)])
    response = operator_page.get("/groups/?export=csv")
    assert response.streaming
    assert b"".join(response.streaming_content).count(b"\r\n") == 5001


def test_an_endless_list_goes_older_and_newer_without_gap_or_repeat(
    operator_page: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups(*[f"g{number:03d}" for number in range(60)])
    seen: list[str] = []
    path = "/groups/timeline/?per_page=25"
    while path:
        text = text_of(operator_page, path)
        assert "COUNT" not in text
        seen += names_in(text)
        found = re.search(r'href="(\?[^"]*)" rel="next"', text)
        path = "/groups/timeline/" + found.group(1).replace("&amp;", "&") if found else ""
    assert seen == [f"g{number:03d}" for number in reversed(range(60))]
    newer = re.search(r'href="(\?[^"]*)" rel="prev"', text)
    assert newer is not None
    back = names_in(text_of(operator_page, "/groups/timeline/" + newer.group(1).replace("&amp;", "&")))
    assert back == [f"g{number:03d}" for number in reversed(range(10, 35))]


@pytest.mark.parametrize("cursor", ["x", "!!!", "W10", "WzEsMl0", "bnVsbA", "WyJhIiwgeyJiIjogMX1d"])
def test_a_broken_cursor_begins_at_the_newest(operator_page: Browser, cursor: str) -> None:
    groups("a", "b")
    assert operator_page.get(f"/groups/timeline/?before={cursor}").status_code == 200


def test_a_bulk_action_asks_with_the_count_and_the_names_and_then_acts(operator_page: Browser) -> None:
    first, second, third = groups("a", "b", "c")
    form = {"action": "rename", "pk": [first.pk, second.pk]}
    asked = operator_page.post("/groups/", form).content.decode()
    assert "Rename: 2" in asked
    assert "They are called otherwise then." in asked
    assert "<li>a</li>" in asked
    assert Group.objects.filter(name="a").exists(), "nothing happens before the answer"
    done = operator_page.post("/groups/", form | {"confirmed": "yes"}, follow=True).content.decode()
    assert "2 renamed." in done
    assert set(Group.objects.values_list("name", flat=True)) == {"a of olga", "b of olga", third.name}


def test_a_bulk_action_on_all_found_takes_the_filter_and_no_more(operator_page: Browser) -> None:
    groups(*[f"Acme {number}" for number in range(60)], "Beta")
    operator_page.post("/groups/?q=acme", {"action": "rename", "all": "yes", "confirmed": "yes"})
    assert Group.objects.filter(name__endswith="of olga").count() == 60
    assert Group.objects.filter(name="Beta").exists()


def test_a_bulk_action_that_is_refused_changes_nothing_and_says_why(operator_page: Browser) -> None:
    (group,) = groups("a")
    form = {"action": "fail", "pk": [group.pk], "confirmed": "yes"}
    assert "Not today." in operator_page.post("/groups/", form, follow=True).content.decode()
    assert Group.objects.filter(name="a").exists()


def test_support_takes_no_bulk_action(support_page: Browser) -> None:
    (group,) = groups("a")
    assert "data-bulk" not in text_of(support_page, "/groups/")
    assert support_page.post("/groups/", {"action": "rename", "pk": [group.pk]}).status_code == 403


def test_a_form_adds_says_so_and_keeps_what_was_typed_when_refused(operator_page: Browser) -> None:
    response = operator_page.post("/groups/add/", {"name": "Acme"}, follow=True)
    assert "Group Acme added." in response.content.decode()
    again = operator_page.post("/groups/add/", {"name": "Acme"})
    assert again.status_code == 422
    text = again.content.decode()
    assert "already exists" in text
    assert 'value="Acme"' in text
    assert "added." not in text


def test_what_a_service_refuses_stands_beside_its_field_and_nothing_is_written(operator_page: Browser) -> None:
    text = operator_page.post("/groups/add/", {"name": "forbidden"}).content.decode()
    assert 'id="error_1_id_name"' in text
    assert "Not this name." in text
    assert "Nobody owns it." in text, "an error of a field the form lacks is not swallowed"
    assert not Group.objects.exists()


def test_an_address_prefills_a_form(operator_page: Browser) -> None:
    assert 'value="Acme &amp; Co"' in text_of(operator_page, "/groups/add/?name=Acme+%26+Co")


def test_a_tab_has_an_address_a_count_and_a_rule(operator_page: Browser, admin_page: Browser) -> None:
    (group,) = groups("Acme")
    group.permissions.set(Permission.objects.all()[:3])
    text = text_of(operator_page, f"/groups/{group.pk}/permissions/")
    assert (
        f'href="/groups/{group.pk}/permissions/" aria-current="page">Permissions<span class="badge tab-count">3' in text
    )
    assert "Secrets" not in text
    assert operator_page.get(f"/groups/{group.pk}/secrets/").status_code == 403
    assert "Secrets" in text_of(admin_page, f"/groups/{group.pk}/")
    assert f'href="/groups/{group.pk}/edit/"' in text, "the object's buttons stand on every tab"
    assert operator_page.get("/groups/987/permissions/").status_code == 404


def test_a_form_inside_a_tab_is_a_fragment_for_htmx_and_a_page_without(operator_page: Browser) -> None:
    (group,) = groups("Acme")
    path = f"/groups/{group.pk}/permissions/add/"
    htmx = {"HX-Request": "true", "HX-Target": "tab-form"}
    fragment = operator_page.get(path, headers=htmx).content.decode()
    assert "<html" not in fragment
    assert f'hx-post="{path}"' in fragment
    assert "<html" in text_of(operator_page, path)
    refused = operator_page.post(path, {"name": "x"}, headers=htmx)
    assert refused.status_code == 422
    assert "<html" not in refused.content.decode()
    permission = Permission.objects.first()
    assert permission is not None
    form = {"name": "n", "codename": "c", "content_type": permission.content_type_id}
    done = operator_page.post(path, form, headers=htmx)
    assert (done.status_code, done["HX-Redirect"]) == (204, f"/groups/{group.pk}/permissions/")


def test_a_deletion_names_what_is_lost_and_happens_on_post_only(operator_page: Browser, operator: User) -> None:
    (group,) = groups("Acme")
    group.permissions.set(Permission.objects.all()[:2])
    path = f"/groups/{group.pk}/delete/"
    text = text_of(operator_page, path)
    assert "<strong>2 group-permission relationships</strong>" in text
    assert Group.objects.exists()
    assert "Group Acme deleted." in operator_page.post(path, follow=True).content.decode()
    assert not Group.objects.exists()


def test_what_protects_a_row_is_named(operator_page: Browser) -> None:
    customer = Client.objects.create(name="Acme")
    Account.objects.create(client=customer, name="Office", balance=Balance.objects.create(currency="USD"))
    path = f"/groups/clients/{customer.pk}/delete/"
    text = text_of(operator_page, path)
    assert "cannot be deleted: 1 row needs it" in text
    assert "Office" in text
    assert operator_page.post(path).status_code == 422
    assert Client.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_loses_a_race_is_told_beside_the_field(operator_page: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name passes validation; then another writer commits it, and the constraint speaks."""
    from tests.core.sample_pages import GroupAdd

    save = GroupAdd.perform

    def slow(self: GroupAdd, form: object) -> object:
        def faster() -> None:
            Group.objects.create(name="Acme")
            connection.close()

        thread = threading.Thread(target=faster)
        thread.start()
        thread.join()
        return save(self, form)

    monkeypatch.setattr(GroupAdd, "perform", slow)
    response = operator_page.post("/groups/add/", {"name": "Acme"})
    assert response.status_code == 422
    assert "Group with this Name already exists." in response.content.decode()
    assert Group.objects.count() == 1
