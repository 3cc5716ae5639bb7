"""The local record's disk: told once as it fills, in words with what is free, and once when it has room again."""

import pytest
from django.test import Client
from django.utils import timezone

from cdr import today
from core.models import Heartbeat
from systemlog.models import LogEntry
from systemlog.record_space import Space, tell

pytestmark = pytest.mark.django_db
MB = 1024 * 1024


def space(free: int, total: int = 1024 * 1024 * MB, files: int = 1000) -> Space:
    return Space("/data/switch/record", free, total, files)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (space(501 * MB), "ok"),
        (space(499 * MB), "low"),
        (space(4 * MB), "full"),
        (space(0), "full"),
        (space(501 * MB, files=0), "full"),
        (space(200 * 1024, total=MB), "ok"),
        (space(100 * 1024, total=MB), "low"),
        (space(8 * 1024, total=MB), "full"),
    ],
)
def test_how_much_is_too_little(found: Space, level: str) -> None:
    assert found.level == level


def test_each_change_is_told_once() -> None:
    for found in (space(900 * MB), space(400 * MB), space(300 * MB), space(0), space(0), space(900 * MB)):
        tell(found, "sw1")
    told = list(LogEntry.objects.order_by("id").values_list("reason", "severity", "message"))
    assert [reason for reason, _, _ in told] == ["record_disk_low", "record_disk_full", "record_disk_ok"]
    assert told[0][2] == (
        "The local record of switch sw1 will soon have no room: 400.0 MB of 1024.0 GB free at /data/switch/record."
    )
    assert told[1][1] == "error"
    tell(space(0), "sw2")
    assert LogEntry.objects.filter(reason="record_disk_full").count() == 2


def test_the_dashboard_says_so(operator_page: Client) -> None:
    now = timezone.now()
    details = {"record_disk": {"level": "full", "words": space(0).words}}
    beat = Heartbeat.objects.create(
        name="ingest@voipbilling", kind="ingest", beat_at=now, started_at=now, details=details
    )
    assert "its disk is full (0 B of" in today.alarm(beat)
    page = operator_page.get("/").content.decode()
    assert "the local record of the switch has no room: its disk is full" in page
    beat.details = {"record_disk": "nonsense"}
    assert today.alarm(beat) == ""
