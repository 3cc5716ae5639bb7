"""The configuration API does what the pages do, by the same services, for the same roles."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import get_resolver

from accounts.models import Alias
from accounts.services import archive_account, digests
from billing.models import Product, Rate
from billing.selectors import free_inbound_product
from carriers.models import Carrier, CarrierAccount
from core.access import iterate_views
from core.api import UserSession
from core.models import User
from dids.models import DID
from systemlog.authentication import new_token
from systemlog.models import Switch
from tests.inventory import a_carrier, a_product, an_account, an_address, an_alias, some_dids

ROOT = "/api/v1/"


class Api:
    """Requests in JSON."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """Return status and body."""
        call = getattr(self.browser, method)
        if method in ("get", "head"):
            response = call(ROOT + path, query)
        else:
            response = call(ROOT + path, json.dumps(body or {}), content_type="application/json")
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json"
            assert response.json()["status"] == response.status_code
        return response.status_code, response.json() if response.content else None


@pytest.fixture
def api(operator_page: Browser) -> Api:
    return Api(operator_page)


def endpoints() -> list[str]:
    """Return the path of every list of the configuration API."""
    from voipbilling.urls_api import router

    return [f"{prefix}/" for prefix, _, _ in router.registry]


def test_a_stranger_gets_401_and_a_problem(stranger_page: Browser) -> None:
    for path in endpoints():
        response = stranger_page.get(ROOT + path)
        assert response.status_code == 401, path
        assert response["WWW-Authenticate"].startswith("Session")
        assert response.json()["title"] == "Authentication needed"


def test_support_reads_every_list_and_writes_none(support_page: Browser) -> None:
    api = Api(support_page)
    for path in endpoints():
        assert api("get", path)[0] == 200, path
        assert api("post", path, {"name": "x"})[0] in (403, 405), path
        if path.startswith("reports/"):
            continue  # Sums have no single rows, and so no addresses of any.
        assert api("patch", f"{path}1/", {"name": "x"})[0] in (403, 405), path
        assert api("delete", f"{path}1/")[0] in (403, 405), path
    assert api("post", "dids/map/", {})[0] == 403


def test_a_change_needs_the_csrf_token(operator: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(operator)
    status, problem = Api(browser)("post", "clients/", {"name": "x"})
    assert status == 403
    assert "CSRF" in problem["detail"]


def test_every_endpoint_has_an_address_and_a_description(operator_page: Browser) -> None:
    schema = operator_page.get("/api/v1/schema/").json()
    paths = schema["paths"]
    for path in endpoints():
        assert f"/api/v1/{path}" in paths
        assert paths[f"/api/v1/{path}"]["get"].get("description"), path
    assert "/api/v1/dids/map/" in paths
    assert get_resolver()


def test_the_guide_over_http(api: Api) -> None:
    status, carrier = api("post", "carriers/", {"name": "Acme", "currency": "USD", "is_did_provider": True})
    assert (status, carrier["in_credit"], carrier["balance"]) == (201, False, "0.000000")
    payment = {"amount": "5", "idempotency_key": "one"}
    assert api("post", f"carriers/{carrier['id']}/payments/", payment)[0] == 201
    assert api("post", f"carriers/{carrier['id']}/payments/", payment)[1]["balance_after"] == "5.000000"
    assert api("get", f"carriers/{carrier['id']}/")[1]["in_credit"] is True
    status, address = api("post", "carrier-accounts/", {"carrier": carrier["id"], "network": "203.0.113.0/26"})
    assert (status, address["product"]) == (201, free_inbound_product().pk)
    numbers = {"carrier": carrier["id"], "numbers": ["0044 20 7946 0018", "+44 20 7946 0100 - 0102"]}
    assert [row["outcome"] for row in api("post", "dids/", numbers)[1]] == ["add"] * 4
    client = api("post", "clients/", {"name": "Bloom"})[1]
    account = api("post", "accounts/", {"client": client["id"], "name": "Office", "currency": "USD"})[1]
    status, alias = api("post", "aliases/", {"account": account["id"], "username": "desk-101"})
    assert status == 201
    assert digests("desk-101", alias["secret"])[0] == Alias.objects.get().ha1_md5
    assert "secret" not in api("get", f"aliases/{alias['id']}/")[1]
    ids = list(DID.objects.order_by("number").values_list("pk", flat=True))
    status, mapped = api("post", "dids/map/", {"dids": ids[:2], "alias": alias["id"]})
    assert (status, {row["alias_username"] for row in mapped}) == (200, {"desk-101"})
    assert mapped[0]["sip_target"].startswith("sip:442079460018@")
    found = api("get", "dids/", state="mapped")[1]["results"]
    assert [row["id"] for row in found] == ids[:2]


def test_what_cannot_be_is_a_problem_beside_its_field(api: Api, operator: User) -> None:
    acme, other = a_carrier(operator, "Acme"), a_carrier(operator, "Other")
    an_address(operator, other, "203.0.113.0/24")
    cases = (
        ("carrier-accounts/", {"carrier": acme.pk, "network": "203.0.113.7"}, "network", "of Other"),
        ("carrier-accounts/", {"carrier": acme.pk, "network": "203.0.113.7/26"}, "network", "host bits"),
        ("carrier-accounts/", {"carrier": acme.pk, "network": "192.0.2.1", "product": a_product("EUR", "1").pk},
         "product", "priced in EUR"),
        ("carrier-accounts/", {"carrier": acme.pk, "network": "192.0.2.1", "translation": [["x", ""]]},
         "translation", "Line 1"),
        ("carriers/", {"name": "Acme", "currency": "USD"}, "name", "already exists"),
        ("dids/", {"carrier": acme.pk, "numbers": ["abc"]}, "numbers", "is not a number"),
    )  # fmt: skip
    for path, body, field, words in cases:
        status, problem = api("post", path, body)
        assert status == 400, (path, body)
        assert words in str(problem["errors"][field]), problem
    assert not acme.accounts.exists() and not DID.objects.exists()


def test_what_the_lists_leave_out_has_its_address_still(api: Api, operator: User) -> None:
    account = an_account(operator)
    archive_account(actor=operator, account=account)
    assert api("get", "accounts/")[1]["results"] == []
    assert api("get", f"accounts/{account.pk}/")[1]["id"] == account.pk
    payment = {"amount": "5", "idempotency_key": "late"}
    assert api("post", f"accounts/{account.pk}/payments/", payment)[0] == 201


def test_a_mapping_is_all_or_nothing_and_names_the_holder(api: Api, operator: User) -> None:
    dids = some_dids(operator, a_carrier(operator), "+44 20 7946 0018 - 20")
    account = an_account(operator)
    alias = an_alias(operator, account)
    ids = [did.pk for did in dids]
    assert api("post", "dids/map/", {"dids": ids[:1], "alias": alias.pk})[0] == 200
    status, problem = api("post", "dids/map/", {"dids": ids, "alias": alias.pk})
    assert status == 400
    assert "is mapped to desk-101" in str(problem["errors"])
    assert DID.objects.filter(alias=alias).count() == 1
    assert api("post", "dids/suspend/", {"dids": ids})[0] == 200
    assert api("post", "dids/resume/", {"dids": ids})[0] == 200
    assert api("post", "dids/unmap/", {"dids": ids[:1], "quarantine": True})[1][0]["state"] == "quarantine"
    status, problem = api("post", "dids/release/", {"dids": ids[:1]})
    assert status == 400 and "An administrator may end it early" in str(problem["errors"])
    DID.objects.filter(pk=ids[0]).update(state_since="2000-01-01T00:00Z")
    assert api("post", "dids/release/", {"dids": ids[:1]})[1][0]["state"] == "available"
    assert api("delete", f"dids/{ids[0]}/")[0] == 204


def test_rows_are_changed_field_by_field_and_keep_what_must_stay(api: Api, operator: User) -> None:
    carrier = a_carrier(operator, "Acme")
    entry = an_address(operator, carrier, "203.0.113.5")
    assert (
        api("patch", f"carriers/{carrier.pk}/", {"credit_limit": "7", "name": "Acme"})[1]["credit_limit"] == "7.000000"
    )
    assert api("patch", f"carriers/{carrier.pk}/", {"currency": "EUR"})[0] == 400
    changed = api("patch", f"carrier-accounts/{entry.pk}/", {"network": "203.0.113.0/26", "call_limit": 3})[1]
    assert (changed["network"], changed["call_limit"]) == ("203.0.113.0/26", 3)
    other = a_carrier(operator, "Other")
    assert api("patch", f"carrier-accounts/{entry.pk}/", {"carrier": other.pk})[0] == 400
    assert CarrierAccount.objects.get().carrier == carrier
    alias = an_alias(operator, an_account(operator))
    assert api("patch", f"aliases/{alias.pk}/", {"username": "other"})[0] == 400
    assert api("patch", f"aliases/{alias.pk}/", {"enabled": False})[1]["enabled"] is False
    assert api("post", f"aliases/{alias.pk}/secret/")[1]["secret"]


def test_free_inbound_stays_over_http_too(api: Api) -> None:
    product = free_inbound_product()
    assert api("delete", f"products/{product.pk}/")[0] == 400
    assert api("patch", f"products/{product.pk}/", {"name": "x"})[0] == 400
    assert api("patch", f"rates/{product.mappings.get().rate_table.rates.get().pk}/", {"rate_minute": "1"})[0] == 400
    assert Product.objects.get(builtin=True).name == "free inbound"


def test_pages_of_rows_are_followed_by_cursor_and_filtered_as_the_list_is(api: Api, operator: User) -> None:
    for number in range(5):
        a_carrier(operator, f"Carrier {number}")
    first = api("get", "carriers/", per_page="2")[1]
    assert len(first["results"]) == 2 and first["next"]
    second = api.browser.get(first["next"]).json()
    assert second["results"][0]["id"] > first["results"][-1]["id"]
    assert [row["name"] for row in api("get", "carriers/", q="carrier 3")[1]["results"]] == ["Carrier 3"]
    an_address(operator, Carrier.objects.get(name="Carrier 4"), "203.0.113.0/26")
    assert [row["name"] for row in api("get", "carriers/", q="203.0.113.9")[1]["results"]] == ["Carrier 4"]
    assert api("get", "dids/", carrier="999999")[0] == 400
    assert api("get", "carriers/999999/")[0] == 404


def offered() -> Iterator[tuple[str, str]]:
    """Yield method and path of everything that any endpoint of people offers, of a row that is not there."""
    for address, pattern in iterate_views():
        view: Any = pattern.callback
        if UserSession not in getattr(getattr(view, "cls", None), "authentication_classes", ()):
            continue
        for method in view.actions:
            yield method, "/" + re.sub(r"<int:\w+>", "987654321", address)


def test_every_endpoint_asks_for_a_role_and_a_token_of_the_session(support: User, operator: User) -> None:
    """Also those that a later change adds: who may only read changes nothing, nor does a page of somebody else's."""
    reader, forged = Browser(), Browser(enforce_csrf_checks=True)
    reader.force_login(support)
    forged.force_login(operator)
    stranger, machine = Browser(), Browser(headers={"Authorization": f"Token {new_switch_token()}"})
    found = list(offered())
    assert len(found) > 60
    for method, path in found:
        seen = {
            name: getattr(browser, method)(path, content_type="application/json").status_code
            for name, browser in (("reader", reader), ("forged", forged), ("stranger", stranger), ("machine", machine))
        }
        assert (seen["stranger"], seen["machine"]) == (401, 401), (method, path)
        if method in ("get", "head"):
            assert seen["reader"] in (200, 404), path
        else:
            assert (seen["reader"], seen["forged"]) == (403, 403), (method, path)


def new_switch_token() -> str:
    """Return the token of a switch, which may ask for decisions and tell events, and nothing else."""
    token, digest = new_token()
    Switch.objects.create(name="pbx", token_digest=digest)
    return token


def test_what_a_switch_may_a_person_may_not(operator_page: Browser) -> None:
    for path in ("inbound/decisions", "inbound/covers", "switch/events"):
        assert operator_page.post(ROOT + path, "{}", content_type="application/json").status_code == 401, path


@pytest.mark.parametrize(
    "amount", ["1_000", "1e3", "NaN", "Infinity", "1,5", "٣", "1000000000000", "0.0000001", True, []]
)
def test_amounts_are_read_as_forms_read_them(api: Api, operator: User, amount: Any) -> None:
    account = an_account(operator)
    rate = Rate.objects.filter(table__mappings__product=a_product("USD", "0.01")).get()
    for method, path, body in (
        ("post", f"accounts/{account.pk}/payments/", {"amount": amount, "idempotency_key": "k"}),
        ("patch", f"accounts/{account.pk}/", {"credit_limit": amount}),
        ("patch", f"rates/{rate.pk}/", {"rate_minute": amount}),
    ):
        status, problem = api(method, path, body)
        assert status == 400 and problem["errors"], (path, amount)
