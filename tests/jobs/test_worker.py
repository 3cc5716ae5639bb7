"""A worker that is killed in the middle leaves nothing half done, and what it had is taken up again."""

import time

from bench.portal import Portal
from core.jobs.models import Job
from core.models import User
from dids.models import DID
from tests.cast import PASSWORD, make_user
from tests.stack import Stack

ROWS = 12_000
STEM = 4420_6000_0000


def test_an_import_whose_worker_is_killed_is_applied_once_and_whole(stack: Stack) -> None:
    portal = Portal(stack.web_url, make_user("bulk", "operator").username, PASSWORD)
    carrier = portal.json("/api/v1/carriers/", {"name": "Bulk carrier", "currency": "USD"})["id"]
    content = "\n".join(["DID number", *(f"+{STEM + n}" for n in range(ROWS))]).encode()
    path = portal.form("/bulk/import/dids/", {"carrier": str(carrier)}, ("file", "many.csv", content))
    pk = int(path.strip("/").rpartition("/")[2])
    mine = DID.objects.filter(carrier_id=carrier)

    def until(state: str, seconds: float = 120) -> Job:
        deadline = time.monotonic() + seconds
        while (job := Job.objects.get(pk=pk)).state != state:
            assert time.monotonic() < deadline and job.state not in {"failed", "stopped"}, (job.state, job.error)
            time.sleep(0.05)
        return job

    try:
        until("preview")
        portal.form(f"{path}apply/", {})
        deadline = time.monotonic() + 60
        while Job.objects.get(pk=pk).tries == 0:
            assert time.monotonic() < deadline, "no worker has begun"
            time.sleep(0.01)
        stack.kill("general")
        assert Job.objects.get(pk=pk).state == "applying" and not mine.exists(), "killed before the commit"
        job = until("applied")
        assert job.tries == 2
        assert mine.count() == ROWS
        assert mine.get(number=str(STEM)).events.count() == 1  # type: ignore[attr-defined]
    finally:
        mine.delete()
        Job.objects.filter(pk=pk).delete()
        User.objects.filter(username="bulk").delete()
