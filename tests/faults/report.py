"""The table of the kill matrix: printed after a run, and written into docs/reliability.md where asked for."""

import datetime as dt
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "fault"
BEGIN, END = "<!-- measured: bin/test --faults --faults-report -->", "<!-- end of what was measured -->"


@dataclass(frozen=True)
class Row:
    """What one fault did."""

    fault: str
    calls: int
    failed: int
    slow: int
    slowest: float
    lost: int
    doubled: int
    entries_lost: int
    recovered: float
    how_failed: str


HEADS = (
    "fault", "calls", "failed", "waited > 1 s", "longest wait, s", "CDRs lost", "doubled", "log entries lost",
    "recovered after, s", "how calls failed",
)  # fmt: skip


def cells(row: Row) -> list[str]:
    """Return a row's cells as text."""
    values = asdict(row).values()
    return [f"{value:.1f}" if isinstance(value, float) else str(value) for value in values]


def table(rows: list[Row]) -> list[str]:
    """Return the table in Markdown, columns aligned: figures to the right, words to the left."""
    lines = [list(HEADS), *map(cells, rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADS))]
    words = {0, len(HEADS) - 1}
    texts = [
        " | ".join(
            text.ljust(width) if at in words else text.rjust(width)
            for at, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = " | ".join("-" * width if at in words else "-" * (width - 1) + ":" for at, width in enumerate(widths))
    return [f"| {line} |" for line in (texts[0], rule, *texts[1:])]


def machine() -> str:
    """Describe the machine in a few words."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = " ".join(line.partition(":")[2].split())
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} × {model}, {memory:.0f} GB, {platform.system()} {platform.release().split('-')[0]}"


def write(path: Path, rows: list[Row]) -> None:
    """Replace what an earlier run has measured in a page."""
    head, _, rest = path.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    when = f"Measured {dt.date.today():%Y-%m-%d} on {machine()}; everything on this machine"
    measured = [f"{when}, whose load was {os.getloadavg()[2]:.0f} (the last 15 minutes' average).", "", *table(rows)]
    path.write_text(head + "\n".join([BEGIN, *measured, END]) + tail)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where to write the table."""
    group = parser.getgroup("voipbilling")
    group.addoption("--faults-report", metavar="PAGE", type=Path, help="write the kill matrix's table into this page")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table, and write it where asked for."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    found = [
        Row(**value)
        for report in sorted(reports, key=lambda report: report.start)
        for name, value in getattr(report, "user_properties", [])
        if name == PROPERTY and report.when == "call"
    ]
    if not found:
        return
    terminalreporter.section("the kill matrix")
    terminalreporter.write_line(f"on {machine()}")
    for line in table(found):
        terminalreporter.write_line(line)
    if config.getoption("--faults-report"):
        write(config.getoption("--faults-report"), found)
