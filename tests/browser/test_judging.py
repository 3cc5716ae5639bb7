"""The simulator, a DID's readiness, the versions in force and switches, in a real browser that complains of nothing."""

import datetime as dt
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from core.models import Heartbeat
from dids.models import DID
from routing.models import ConfigVersion
from routing.store import snapshots
from tests.cast import make_user
from tests.routing.operator import a_mapped_did

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
SERIOUS = {"serious", "critical"}


@pytest.fixture
def did() -> DID:
    snapshots.forget()
    return a_mapped_did()


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext, did: DID) -> Iterator[Page]:
    """A page where an administrator is logged in; it fails the test on whatever the console complains of."""
    client = Client()
    client.force_login(make_user("ada", "administrator"))
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def accessible(page: Page) -> None:
    found = [
        (violation["id"], violation["impact"], [node["html"] for node in violation["nodes"]][:3])
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in SERIOUS
    ]
    assert found == []


def test_a_refused_call_is_judged_changed_and_let_as_far_as_the_phone(desk: Page, live_server: LiveServer) -> None:
    desk.goto(f"{live_server.url}/tools/simulator/")
    accessible(desk)
    desk.get_by_role("textbox", name="Source address").fill("203.0.113.70")
    desk.get_by_role("textbox", name="Number").fill("+44 20 7946 0018")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="The source address belongs to no carrier")).to_be_visible()
    expect(desk.get_by_text("7 addresses past 203.0.113.0/26 of Acme").first).to_be_visible()
    accessible(desk)
    desk.get_by_role("textbox", name="Source address").fill("203.0.113.5")
    desk.get_by_role("button", name="Judge this call").click()
    expect(desk.get_by_role("heading", name="The phone is not registered to the switch")).to_be_visible()
    expect(desk.locator("table.decision tbody tr")).to_have_count(14)
    accessible(desk)


def test_readiness_leads_to_the_simulation(desk: Page, live_server: LiveServer, did: DID) -> None:
    desk.goto(f"{live_server.url}/dids/{did.pk}/")
    desk.get_by_role("link", name="Readiness").click()
    expect(desk.get_by_text("Would a call ring now?")).to_be_visible()
    accessible(desk)
    desk.get_by_role("link", name="Simulate").click()
    expect(desk.get_by_role("textbox", name="Number")).to_have_value("+442079460018")


def test_versions_and_switches(desk: Page, live_server: LiveServer) -> None:
    now = timezone.now()
    Heartbeat.objects.create(
        name="decider-1", kind="decider", beat_at=now + dt.timedelta(hours=1), started_at=now,
        config_version=ConfigVersion.objects.latest("id").id,
        details={"connected": True, "database": True, "credentials_in_step": True, "decisions": 7, "median_ms": 0.1},
    )  # fmt: skip
    desk.goto(f"{live_server.url}/settings/versions/")
    expect(desk.get_by_role("row", name="decider-1")).to_contain_text("Applied")
    accessible(desk)
    desk.goto(f"{live_server.url}/log/switches/")
    desk.get_by_role("link", name="Add switch").first.click()
    desk.get_by_label("Name").fill("sw2")
    accessible(desk)
    desk.get_by_role("button", name="Add").click()
    expect(desk.locator(".one-time")).to_be_visible()
    accessible(desk)
    desk.get_by_role("link", name="Done").click()
    expect(desk.get_by_role("heading", name="sw2")).to_be_visible()
