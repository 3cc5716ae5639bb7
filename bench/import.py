"""Print what an import takes: `python -m bench.import --rows 100000`, of rates `--of rates --rows 200000`.

Starts the whole product on data of its own. Prints, for the same rows as CSV and, changed, as XLSX: from the upload
to the preview, from "Apply" to the commit, from the commit until both deciders have it in force, and the undo.
"""

import argparse
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import describe
from bench.portal import Portal
from core.xlsx import xlsx_pieces
from tests.stack import Stack

FIRST = 442_070_000_000
DECIDERS = ("decider-1", "decider-2")
_LOADED = re.compile(r"(\S+Z) \[info +\] configuration loaded .*version=(\d+)")


class Desk:
    """A person who imports files and looks at the clock."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.portal = Portal(stack.web_url, stack.user, stack.password)
        carrier = {"name": "Acme", "currency": "USD", "is_did_provider": True}
        self.options = {"carrier": str(self.portal.json("/api/v1/carriers/", carrier)["id"])}
        self.table = str(self.portal.json("/api/v1/rate-tables/", {"name": "Bench", "currency": "USD"})["id"])

    def import_into(self, what: str) -> str:
        """Choose what is imported; return the page of its list."""
        self.address = f"/bulk/import/{what}/"
        if what == "dids":
            return "/dids/?state=available"
        self.options = {"table": self.table, "mode": "update"}
        return f"/rates/{self.table}/?enabled=true"

    def upload(self, name: str, content: bytes) -> tuple[str, float]:
        """Upload a file; return the page of its job and the seconds until the preview stands."""
        start = time.monotonic()
        path = self.portal.form(self.address, self.options, ("file", name, content))
        self.until(path, "preview")
        return path, time.monotonic() - start

    def press(self, path: str, button: str, state: str) -> float:
        """Press a button and return the seconds until the job stands at ``state``."""
        start = time.monotonic()
        self.portal.form(f"{path}{button}/", {})
        self.until(path, state)
        return time.monotonic() - start

    def until(self, path: str, state: str) -> None:
        """Wait for a state; what fails is raised."""
        address = f"/api/v1/bulk-changes/{path.strip('/').rpartition('/')[2]}/"
        while (found := self.portal.json(address))["state"] != state:
            if found["state"] in ("failed", "stopped"):
                raise SystemExit(f"{found['state']}: {found['error']}")
            # As often as the page asks; more would take from the worker what it measures.
            time.sleep(0.5)

    def in_force(self, committed: float, loads: int) -> float:
        """Return how long after ``committed`` (Unix time) the slower decider had loaded for the ``loads``-th time."""
        slowest = 0.0
        for name in DECIDERS:
            log = Path(self.stack.folder.log, f"{name}.log")
            while len(found := _LOADED.findall(log.read_text())) < loads:
                time.sleep(0.05)
            at = datetime.fromisoformat(found[-1][0]).astimezone(UTC).timestamp()
            slowest = max(slowest, at - committed)
        return slowest


def dids(rows: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return new DIDs, and the same ones changed."""
    head = ["DID number", "State", "Notes"]
    first = [head, *([f"+{FIRST + n}", "", f"note {n}"] for n in range(rows))]
    second = [head, *([f"+{FIRST + n}", "suspended", f"changed {n}"] for n in range(rows))]
    return first, second


def rates(rows: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return new rates in the format, and the same ones at other prices."""
    head = ["Code", "Description", "Enabled", "Rate Minute", "Rate Call", "Currency", "Increment", "Grace"]
    head.append("Minimal Duration")
    lines = []
    for price in ("0.01", "0.02"):
        made = (
            [str(10_000_000 + n), f"Place {n % 5000}", "Enabled", f"{price}{n % 10_000:04}", "0", "USD", "6", "0", "30"]
            for n in range(rows)
        )
        lines.append([head, *made])
    return lines[0], lines[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--of", choices=("dids", "rates"), default="dids")
    arguments = parser.parse_args()
    rows, what = arguments.rows, arguments.of
    first, second = rates(rows) if what == "rates" else dids(rows)
    files = (
        ("new.csv", "\n".join(";".join(row) for row in first).encode()),
        ("changed.xlsx", b"".join(xlsx_pieces(second))),
    )
    stack = Stack()
    try:
        stack.start()
        desk = Desk(stack)
        listed = desk.import_into(what)
        print(f"{rows:,} {what}; seconds. {describe()}")
        print(f"{'':<14}{'size MB':>9}{'preview':>9}{'apply':>9}{'sum':>9}{'in force':>10}")
        # Each decider loads once at its start; more than 20,000 changes make it load again.
        loads = 1
        for name, content in files:
            path, preview = desk.upload(name, content)
            applied = desk.press(path, "apply", "applied")
            committed = time.time()
            loads += rows > 20_000
            force = f"{desk.in_force(committed, loads):10.2f}" if rows > 20_000 else f"{'':>10}"
            print(f"{name:<14}{len(content) / 2**20:9.1f}{preview:9.2f}{applied:9.2f}{preview + applied:9.2f}{force}")
        print(f"{'undo of it':<14}{'':>18}{desk.press(path, 'undo', 'undone'):9.2f}")
        start = time.monotonic()
        size = len(desk.portal.opener.open(f"{desk.portal.address}{listed}&export=xlsx").read())
        print(f"{'export, XLSX':<14}{size / 2**20:9.1f}{'':>9}{time.monotonic() - start:9.2f}")
    finally:
        stack.close(keep_logs_in=None)


if __name__ == "__main__":
    sys.exit(main())
