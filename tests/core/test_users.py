"""Users: made by administrators, with passwords shown once, and never without an administrator."""

import re
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from core import services
from core.models import User
from tests.cast import PASSWORD, make_user


def shown_password(text: str) -> str:
    found = re.search(r'data-copy="([A-Za-z0-9-]{19})"', text)
    assert found, "no password on the page"
    return found.group(1)


def test_an_administrator_creates_a_user_whose_password_is_shown_once(admin_page: Client) -> None:
    form = {"username": "nina", "role": "operator", "time_zone": "Europe/Riga", "email": ""}
    response = admin_page.post("/settings/users/add/", form)
    assert response["Cache-Control"] == "no-store"
    password = shown_password(response.content.decode())
    user = User.objects.get(username="nina")
    assert user.check_password(password)
    assert user.must_change_password
    assert password not in admin_page.get(user.get_absolute_url()).content.decode()


def test_a_generated_password_must_be_replaced_before_anything_else(administrator: User, client: Client) -> None:
    _, password = services.create_user(username="nina", role="support", actor=administrator)
    client.post("/account/login/", {"login": "nina", "password": password})
    assert client.get("/settings/")["Location"] == "/account/password/"
    chosen = {"oldpassword": password, "password1": "a wholly new 1", "password2": "a wholly new 1"}
    client.post("/account/password/", chosen)
    assert client.get("/settings/").status_code == 200
    assert not User.objects.get(username="nina").must_change_password


def test_a_new_password_ends_the_users_sessions(admin_page: Client, operator: User, operator_page: Client) -> None:
    response = admin_page.post(f"/settings/users/{operator.pk}/password/")
    assert User.objects.get(pk=operator.pk).check_password(shown_password(response.content.decode()))
    assert operator_page.get("/settings/").status_code == 302


def test_the_last_administrator_can_neither_step_down_nor_be_disabled(admin_page: Client, administrator: User) -> None:
    response = admin_page.post(f"/settings/users/{administrator.pk}/disable/")
    assert response.status_code == 422
    assert "last administrator" in response.content.decode()
    form = {"role": "support", "time_zone": "UTC", "email": ""}
    response = admin_page.post(f"/settings/users/{administrator.pk}/edit/", form)
    assert "last administrator" in response.content.decode()
    administrator.refresh_from_db()
    assert administrator.is_administrator
    assert administrator.is_active


def test_one_of_two_administrators_can_be_disabled(admin_page: Client) -> None:
    other = make_user("anna", "administrator")
    assert admin_page.post(f"/settings/users/{other.pk}/disable/").status_code == 302
    assert not User.objects.get(pk=other.pk).is_active
    assert admin_page.post(f"/settings/users/{other.pk}/enable/").status_code == 302
    assert User.objects.get(pk=other.pk).is_active


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_remove_each_other_at_once() -> None:
    first, second = make_user("ada", "administrator"), make_user("anna", "administrator")
    barrier, refused = threading.Barrier(2), []

    def disable(actor: User, other: User) -> None:
        actor, other = User.objects.get(pk=actor.pk), User.objects.get(pk=other.pk)
        barrier.wait()
        try:
            services.set_user_active(other, False, actor=actor)
        except PermissionDenied as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=disable, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert User.objects.filter(role="administrator", is_active=True).count() == 1


@pytest.mark.parametrize("role", ["operator", "support"])
def test_nobody_else_administers_users(role: str, administrator: User) -> None:
    actor = make_user("other", role)
    for act in (
        lambda: services.create_user(username="x1", role="support", actor=actor),
        lambda: services.reset_password(administrator, actor=actor),
        lambda: services.set_user_active(administrator, False, actor=actor),
        lambda: services.remove_second_factor(administrator, actor=actor),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_a_name_taken_is_refused_beside_its_field_and_the_rest_stays(admin_page: Client) -> None:
    form = {"username": "ADA", "role": "operator", "time_zone": "Europe/Riga", "email": "nina@example.com"}
    form["username"] = "ada"
    response = admin_page.post("/settings/users/add/", form)
    text = response.content.decode()
    assert response.status_code == 422
    assert 'id="error_1_id_username"' in text
    assert 'value="nina@example.com"' in text


def test_every_change_of_a_user_is_kept_with_who_and_from_where(
    admin_page: Client, administrator: User, operator: User
) -> None:
    form = {"role": "support", "time_zone": "UTC", "email": ""}
    admin_page.post(f"/settings/users/{operator.pk}/edit/", form)
    event = User.pgh_event_model.objects.filter(pgh_obj=operator, pgh_label="update").latest("pgh_id")  # type: ignore[attr-defined]
    assert event.role == "support"
    assert event.pgh_context.metadata["user"] == administrator.pk
    assert event.pgh_context.metadata["address"] == "127.0.0.1"
    assert not hasattr(event, "password")


def test_a_profile_changes_only_ones_own_row(operator_page: Client, operator: User, administrator: User) -> None:
    form = {"first_name": "Olga", "last_name": "", "email": "", "time_zone": "Europe/Riga", "role": "administrator"}
    assert operator_page.post("/profile/", form).status_code == 302
    operator.refresh_from_db()
    assert (operator.first_name, operator.time_zone, operator.role) == ("Olga", "Europe/Riga", "operator")


def test_the_lists_filters_are_chips_that_can_be_taken_away(admin_page: Client, operator: User) -> None:
    text = admin_page.get("/settings/users/?role=operator&q=ol").content.decode()
    assert "olga" in text
    assert "data-row-link>ada<" not in text
    assert 'aria-label="Remove filter Role: Operator"' in text
    assert 'href="?q=ol"' in text


def test_log_in_works_with_the_right_password_only(operator: User, client: Client) -> None:
    assert client.post("/account/login/", {"login": "olga", "password": "wrong"}).status_code == 200
    assert client.get("/settings/").status_code == 302
    assert client.post("/account/login/", {"login": "olga", "password": PASSWORD}).status_code == 302
    assert client.get("/settings/").status_code == 200
