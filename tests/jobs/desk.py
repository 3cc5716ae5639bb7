"""An operator who imports files, and what stands in the inventory afterwards."""

from typing import Any

from core.jobs.models import Job
from core.jobs.services import ask_apply, ask_undo, start_choice, start_import
from core.jobs.tasks import run_job
from core.models import User
from dids.models import DID
from dids.services import suspend_dids, update_did
from tests.cast import make_user
from tests.inventory import a_carrier, an_account, an_alias, some_dids


class Desk:
    """An operator with two carriers and two accounts, who imports files."""

    def __init__(self) -> None:
        self.actor: User = make_user("olga", "operator")
        self.acme, self.other = a_carrier(self.actor, "Acme"), a_carrier(self.actor, "Other")
        self.account = an_account(self.actor)
        self.alias = an_alias(self.actor, self.account, "desk-101")
        self.second = an_alias(self.actor, self.account, "desk-102")
        self.stranger = an_alias(self.actor, an_account(self.actor, "Workshop", "Cogs Ltd"), "bench-1")

    def preview(self, text: str | bytes, *, carrier: Any = None, region: str = "", name: str = "dids.csv") -> Job:
        """Upload a file and return its job when a worker has read it."""
        content = text.encode() if isinstance(text, str) else text
        options = {"carrier": carrier.pk if carrier else None, "region": region}
        job = start_import(actor=self.actor, kind="dids", file_name=name, content=content, options=options)
        return self.work(job)

    def choose(self, verb: str, **options: Any) -> Job:
        """Choose all DIDs for one step."""
        ids = DID.objects.values_list("pk", flat=True)
        job = start_choice(actor=self.actor, kind=f"dids-{verb}", ids=ids, options=options, noun="DIDs")
        return self.work(job)

    @staticmethod
    def work(job: Job) -> Job:
        """Let a worker take the job's next step."""
        run_job(job.pk)
        job.refresh_from_db()
        return job

    def apply(self, job: Job) -> Job:
        """Apply a job."""
        return self.work(ask_apply(job, actor=self.actor))

    def undo(self, job: Job) -> Job:
        """Undo a job."""
        return self.work(ask_undo(job, actor=self.actor))


def counted(job: Job) -> dict[str, int]:
    """Return how many lines have each outcome that any has."""
    return {outcome: count for outcome, count in job.counts.items() if count}


def outcomes(job: Job) -> list[tuple[int, str, str]]:
    """Return line, outcome and message of each line."""
    return list(job.lines.values_list("line", "outcome", "message"))


def inventory() -> dict[str, tuple[str, str]]:
    """Return (state, alias) of each DID by number."""
    dids = DID.objects.select_related("alias")
    return {did.number: (did.state, did.alias.username if did.alias else "") for did in dids}


def everything() -> list[tuple[Any, ...]]:
    """Return all that stands in the table of DIDs, but for the time of a state."""
    return list(DID.objects.order_by("number").values_list(
        "number", "provider_number", "carrier", "alias", "state", "country", "area", "call_limit", "notes"
    ))  # fmt: skip


FILE = """DID number;Carrier;Alias;State;Area;Call limit;Notes;Colour
+44 20 7946 0018;Acme;desk-101;;;2;front desk;red
0044 20 7946 0019;acme;;suspended;City;;;
442079460020;Other;desk-102;suspended;;;;
+371 6722 0100;Acme;;;;;;
"""


def changed_meanwhile(desk: Desk, how: str) -> None:
    """Let somebody change what a preview spoke of."""
    did = DID.objects.get(number="442079460018")
    if how == "changed":
        suspend_dids(actor=desk.actor, did_ids=[did.pk])
    elif how == "deleted":
        did.delete()
    elif how == "unchanged one changed":
        update_did(actor=desk.actor, did=DID.objects.get(number="442079460019"), notes="x")
    elif how == "added":
        some_dids(desk.actor, desk.other, "+442079460030")
    else:
        desk.alias.delete()
