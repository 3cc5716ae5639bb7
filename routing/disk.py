"""The snapshot on disk, so that a decider started while the database is away still decides.

One file of JSON lines: a header, the rows in batches, an end mark, then what changed since, appended. It is written
beside and renamed, so a reader finds the old or the new one, never half of it; a torn last line is left out.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from routing.rows import KINDS
from routing.snapshot import Change, Policy, Snapshot

FORMAT = 1
# Small batches: encoding one holds the interpreter, and calls wait for it.
BATCH = 500


class NoSnapshot(Exception):
    """There is no readable snapshot on disk."""


def save(path: Path, version: int, rows: Mapping[str, Mapping[int, Any]], credit: Mapping[int, bool]) -> None:
    """Write a snapshot; ``rows`` must be copies that nobody changes meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    with _open_private(beside, "w") as file:
        _write(file, {"format": FORMAT, "version": version, "columns": _columns()})
        for name, stored in rows.items():
            plain = KINDS[name].plain
            for batch in _batches(list(stored.values())):
                _write(file, {"kind": name, "rows": [plain(row) for row in batch]})
        _write(file, {"credit": credit})
        _write(file, {"end": True})
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def append(path: Path, version: int, changes: list[Change], credit: Mapping[int, bool]) -> None:
    """Add what changed since the file was written."""
    with _open_private(path, "a") as file:
        plain = [[kind, id_, KINDS[kind].plain(row) if row is not None else None] for kind, id_, row in changes]
        _write(file, {"version": version, "changes": plain, "credit": credit})


def load(path: Path, policy: Policy) -> tuple[Snapshot, dict[int, bool]]:
    """Return the snapshot and the credit by balance that the file holds; raise NoSnapshot."""
    try:
        return _load(path, policy)
    except (OSError, ValueError, KeyError, TypeError, IndexError, ArithmeticError) as error:
        raise NoSnapshot(f"{path.name}: {error}") from error


def _load(path: Path, policy: Policy) -> tuple[Snapshot, dict[int, bool]]:
    config, credit = Snapshot(policy), {}
    with path.open(encoding="utf-8") as file:
        header = json.loads(next(file, ""))
        if header["format"] != FORMAT or header["columns"] != _columns():
            raise NoSnapshot(f"{path.name} was written by another release")
        config.version = header["version"]
        filled: dict[str, list[Any]] = {name: [] for name in KINDS}
        share = dict[Any, Any]().setdefault
        for line in file:
            body = json.loads(line)
            if "end" in body:
                break
            if "credit" in body:
                credit = _credit(body["credit"])
            else:
                kind = KINDS[body["kind"]]
                filled[kind.name].extend(kind.restore(values, share) for values in body["rows"])
        else:
            raise NoSnapshot(f"{path.name} has no end")
        for name, rows in filled.items():
            config.fill(name, rows)
        # A crash may tear the last line that was appended; all before it holds.
        with contextlib.suppress(ValueError):
            for line in file:
                body = json.loads(line)
                config.apply(_changes(body["changes"]), body["version"])
                credit.update(_credit(body["credit"]))
    return config, credit


def _changes(plain: list[Any]) -> Iterator[Change]:
    for name, id_, values in plain:
        yield Change(name, id_, KINDS[name].build(values[:-1], values[-1]) if values is not None else None)


def _credit(body: Mapping[str, bool]) -> dict[int, bool]:
    return {int(balance): enough for balance, enough in body.items()}


def _columns() -> dict[str, list[str]]:
    return {name: list(kind.columns) for name, kind in KINDS.items()}


def _batches(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _write(file: Any, body: Any) -> None:
    file.write(json.dumps(body, separators=(",", ":")) + "\n")


def _open_private(path: Path, mode: str) -> IO[str]:
    return open(path, mode, encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))
