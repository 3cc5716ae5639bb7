"""An import in a real browser: chosen, previewed, applied and undone without a reload of the reader's own."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from core.jobs.tasks import run_job
from dids.models import DID
from tests.cast import make_user
from tests.inventory import a_carrier

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A worker that takes a job up as soon as the event is set."""
    may_begin, threads = threading.Event(), []

    def work(pk: int) -> None:
        may_begin.wait(30)
        try:
            run_job(pk)
        finally:
            connection.close()

    def hand_over(arguments: tuple[int], **options: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        threads.append(thread)
        thread.start()

    monkeypatch.setattr("core.jobs.tasks.run_job.apply_async", hand_over)
    may_begin.set()
    yield may_begin
    may_begin.set()
    for thread in threads:
        thread.join(30)


@pytest.fixture
def desk(live_server: LiveServer, context: BrowserContext) -> Iterator[Page]:
    """A page where an operator is logged in; it fails the test on whatever the console complains of."""
    client = Client()
    operator = make_user("olga", "operator")
    a_carrier(operator, "Acme")
    client.force_login(operator)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


def accessible(page: Page) -> None:
    found = [v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in {"serious", "critical"}]
    assert found == []


def test_a_file_is_imported_and_undone(
    desk: Page, live_server: LiveServer, worker: threading.Event, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("Phone;Colour\n+44 20 7946 0018;red\n+44 20 7946 0019;\n<b>abc</b>;\n")
    worker.clear()
    desk.goto(f"{live_server.url}/dids/")
    desk.get_by_role("link", name="Import").click()
    accessible(desk)
    desk.get_by_label("File").set_input_files(file)
    desk.get_by_label("Carrier").select_option("Acme")
    desk.get_by_role("button", name="Upload and preview").click()
    expect(desk.get_by_text("Waiting for a worker")).to_be_visible()
    accessible(desk)
    worker.set()
    expect(desk.get_by_text("Nothing has changed yet")).to_be_visible()
    accessible(desk)
    expect(desk.get_by_text("“<b>abc</b>” is not a number")).to_be_visible()
    assert not DID.objects.exists()
    desk.get_by_role("button", name="Apply 2 changes").click()
    expect(desk.get_by_text("2 lines were applied")).to_be_visible()
    assert DID.objects.count() == 2
    desk.get_by_role("link", name="Undo").click()
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_text("All of it was put back")).to_be_visible()
    assert not DID.objects.exists()


def test_a_file_without_a_head_asks_which_column_is_which(
    desk: Page, live_server: LiveServer, worker: threading.Event, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text("front,+44 20 7946 0018\nback,+44 20 7946 0019\n")
    desk.goto(f"{live_server.url}/bulk/import/dids/")
    desk.get_by_label("File").set_input_files(file)
    desk.get_by_label("Carrier").select_option("Acme")
    desk.get_by_role("button", name="Upload and preview").click()
    expect(desk.get_by_text("Which column holds: DID number?")).to_be_visible()
    desk.get_by_role("link", name="Choose columns").last.click()
    accessible(desk)
    desk.get_by_label("DID number").select_option("1")
    desk.get_by_label("Notes").select_option("0")
    desk.get_by_role("button", name="Preview").click()
    expect(desk.get_by_role("button", name="Apply 2 changes")).to_be_visible()
