"""The benchmarks of intake and lists run and print, at a size that says nothing about speed."""

import argparse

import pytest

from bench import charge, ingest, pages
from bench.fill import Sizes, fill
from billing.models import LedgerEntry
from cdr.models import CDR
from dids.models import DID
from routing.models import Attempt
from systemlog.models import LogEntry

pytestmark = pytest.mark.django_db(transaction=True)


def test_ingest_works_a_stream_off_and_prints_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """Every event of every call becomes what it should, by workers in processes of their own."""
    ingest.run(argparse.Namespace(calls=40, workers=[1], rates=[100], seconds=1))
    printed = capsys.readouterr().out
    assert "1 worker(s): " in printed
    assert "(160 events in " in printed
    assert "stream to commit at 100 events/s: p50 " in printed
    assert "attempts judged differently by decider and worker: 0" in printed
    assert CDR.objects.filter(reason="completed", ended_at__isnull=False).count() == 20 + 12
    assert LogEntry.objects.filter(reason="answered").count() == 20 + 12


def test_pages_are_found_filled_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Filling makes the rows it promises; every form of the list is asked for and answered."""
    fill(Sizes(dids=60, cdrs=300, carriers=3), lambda _: None)
    assert (DID.objects.count(), CDR.objects.count(), Attempt.objects.count()) == (60, 300, 300)
    kinds = {page.kind for page in pages.pages()}
    assert kinds == {"plain", "size", "export", "search", "filter", "deep", "page", "order"}
    timings = pages.run(argparse.Namespace(only="deep     cdr:", repeat=1, all=True))
    printed = capsys.readouterr().out
    assert {timing.status for timing in timings} == {200}, printed
    assert f"{len(timings)} addresses, " in printed


def test_charging_is_measured_alone_and_from_the_stream_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Each call makes two entries, and the ledger adds up."""
    charge.run(argparse.Namespace(accounts=[3], workers=[2], calls=40, stream_calls=20))
    printed = capsys.readouterr().out
    assert "3 accounts, 2 worker(s): " in printed
    assert "calls/s from the stream to the ledger" in printed
    assert "differences found by the ledger's check: 0" in printed
    assert LedgerEntry.objects.count() == 2 * 60
