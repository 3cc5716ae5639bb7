"""The machine in words, percentiles, and how much processor time processes have used."""

import os
import platform
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def describe() -> str:
    """Return the machine in one line; a figure without it says nothing."""
    processors = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in processors if line.startswith("model name")]
    model = names[0] if names else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, Linux {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}; load before: {os.getloadavg()[0]:.1f}"
    )


def noise(seconds: float = 0.5) -> str:
    """Return how evenly a fixed piece of work is done now: by how much this machine, or its host, is busy otherwise."""
    took = []
    until = time.perf_counter() + seconds
    while (started := time.perf_counter()) < until:
        sum(range(20_000))
        took.append(time.perf_counter() - started)
    took.sort()
    return (
        f"a loop takes {took[0] * 1e6:.0f} µs at best, {percentile(took, 0.5) * 1e6:.0f} at p50, "
        f"{percentile(took, 0.99) * 1e6:.0f} at p99"
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which that share of an ordered list lies; nan of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the processor time that processes and all their living descendants have used so far."""
    children: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / TICK
    total, waiting = 0.0, list(roots)
    while waiting:
        pid = waiting.pop()
        total += used.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


def resident_megabytes(pid: int) -> float:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
