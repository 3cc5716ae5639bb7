"""Every address has a rule, and the rule holds for every role."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import resolve

from core.access import ROLES_OF_RULE, Access, allows
from core.models import User
from tests.core.addresses import all_addresses, unnamed_views

WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALTER", "CREATE", "DROP")
# Tables that reading a page may write: the session's own row.
NOT_STATE = ('"django_session"',)


def test_every_address_declares_a_rule() -> None:
    assert unnamed_views() == []
    call_command("check", fail_level="ERROR")


def test_no_address_hides_another() -> None:
    for address in all_addresses():
        assert resolve(address.path).view_name == address.name, f"{address.path} opens another page"


def test_a_stranger_sees_nothing_but_public_pages(stranger_page: Client) -> None:
    for address in all_addresses():
        if address.rule.safe in (Access.PUBLIC, Access.TOKEN) or "get" not in address.methods:
            continue
        response = stranger_page.get(address.path)
        assert response.status_code == 302, f"{address.name}: {response.status_code}"
        assert response["Location"].startswith("/account/login/"), address.name


def test_a_stranger_changes_nothing(stranger_page: Client) -> None:
    for address in all_addresses():
        if address.rule.unsafe in (Access.PUBLIC, Access.TOKEN):
            continue
        response = stranger_page.post(address.path)
        assert response.status_code == 302, f"{address.name}: {response.status_code}"
        assert response["Location"].startswith("/account/login/"), address.name


@pytest.mark.parametrize("role", ["administrator", "operator", "support"])
def test_each_role_may_do_what_its_rule_says(request: pytest.FixtureRequest, role: str) -> None:
    user: User = request.getfixturevalue(role)
    page = Client()
    page.force_login(user)
    for address in all_addresses():
        for method, rule in (("get", address.rule.safe), ("post", address.rule.unsafe)):
            if rule in (Access.PUBLIC, Access.TOKEN) or method not in address.methods or "logout" in address.name:
                continue
            response = getattr(page, method)(address.path)
            assert not response.headers.get("Location", "").startswith("/account/login/"), address.name
            refused = response.status_code == 403
            assert refused is not allows(user, rule), f"{method} {address.name} as {role}: {response.status_code}"


def test_reading_writes_nothing(admin_page: Client) -> None:
    """A GET that writes would be a change without a form, a token or a question."""
    written: list[str] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        statement = sql.lstrip().upper()
        if statement.startswith(WRITES) and not any(table in sql for table in NOT_STATE):
            written.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        for address in all_addresses():
            if "get" not in address.methods or address.rule.safe is Access.TOKEN:
                continue
            admin_page.get(address.path)
            assert not written, f"{address.name}: {written}"


def test_nothing_breaks_on_a_row_that_is_not_there(admin_page: Client) -> None:
    admin_page.raise_request_exception = False
    for address in all_addresses():
        if "987654321" not in address.path or "get" not in address.methods or address.rule.safe is Access.TOKEN:
            continue
        assert admin_page.get(address.path).status_code in (302, 404), address.name


def test_a_refusal_names_the_role_that_is_needed(support_page: Client) -> None:
    response = support_page.get("/settings/users/")
    assert response.status_code == 403
    assert "This needs the role administrator." in response.content.decode()


def test_htmx_leaves_the_page_when_the_session_has_ended(stranger_page: Client) -> None:
    response = stranger_page.get("/settings/", headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Refresh"] == "true"


def test_a_disabled_user_is_out_with_the_next_click(operator_page: Client, operator: User) -> None:
    assert operator_page.get("/settings/").status_code == 200
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert operator_page.get("/settings/").status_code == 302


def test_nobody_may_post_where_they_may_not_read() -> None:
    """The base of all lists asks operators for a POST; the list of users is for administrators."""
    for address in all_addresses():
        readers, writers = (ROLES_OF_RULE.get(rule) for rule in (address.rule.safe, address.rule.unsafe))
        if readers is not None:
            assert writers is not None and writers <= readers, address.name
