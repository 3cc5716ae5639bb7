"""The calls that the switch carries, kept in files beside it, so that a restart goes on with them.

Kamailio itself would write each dialog to a database while it holds the lock that SIP workers wait for, and delete it
from whatever process sees its end: a database that hangs, or is merely slow, then hangs calls. So it writes none while
it runs. It dumps its dialogs to a file time and again (keeper.py); before a start they go from there into an SQLite
database, which Kamailio reads once (dialog, db_mode 3) and empties.
"""

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from switch.record import call_rpc, live_files, parse_line

SNAPSHOT = "dialogs.json"
DIALOGS, LOCATION = "dialogs.sqlite", "location.sqlite"
# Kamailio's numbers: answered, before and after the ACK. Calls that ring do not outlive the switch.
ANSWERED_STATES = (3, 4)
# More than the busiest process writes to its record in the ten seconds that a snapshot may be old.
RECORD_TAIL = 16 * 1024 * 1024
KEEPER_RECORD = "events_keeper.log"

SCHEMA = """
CREATE TABLE IF NOT EXISTS version (table_name VARCHAR(32) PRIMARY KEY, table_version INTEGER NOT NULL);
"""
DIALOG_SCHEMA = """
CREATE TABLE IF NOT EXISTS dialog (
    id INTEGER PRIMARY KEY, hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL, callid VARCHAR NOT NULL,
    from_uri VARCHAR NOT NULL, from_tag VARCHAR NOT NULL, to_uri VARCHAR NOT NULL, to_tag VARCHAR NOT NULL,
    caller_cseq VARCHAR NOT NULL, callee_cseq VARCHAR NOT NULL, caller_route_set VARCHAR, callee_route_set VARCHAR,
    caller_contact VARCHAR NOT NULL, callee_contact VARCHAR NOT NULL, caller_sock VARCHAR NOT NULL,
    callee_sock VARCHAR NOT NULL, state INTEGER NOT NULL, start_time INTEGER NOT NULL, timeout INTEGER NOT NULL,
    sflags INTEGER NOT NULL, iflags INTEGER NOT NULL, toroute_name VARCHAR, req_uri VARCHAR NOT NULL, xdata VARCHAR,
    UNIQUE (hash_entry, hash_id)
);
CREATE TABLE IF NOT EXISTS dialog_vars (
    id INTEGER PRIMARY KEY, hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL, dialog_key VARCHAR NOT NULL,
    dialog_value VARCHAR NOT NULL
);
CREATE INDEX IF NOT EXISTS dialog_vars_of ON dialog_vars (hash_entry, hash_id);
INSERT OR REPLACE INTO version VALUES ('version', 1), ('dialog', 7), ('dialog_vars', 1);
"""
LOCATION_SCHEMA = """
CREATE TABLE IF NOT EXISTS location (
    id INTEGER PRIMARY KEY, ruid VARCHAR NOT NULL UNIQUE, username VARCHAR NOT NULL, domain VARCHAR,
    contact VARCHAR NOT NULL, received VARCHAR, path VARCHAR, expires TIMESTAMP NOT NULL, q REAL NOT NULL,
    callid VARCHAR NOT NULL, cseq INTEGER NOT NULL, last_modified TIMESTAMP NOT NULL, flags INTEGER NOT NULL,
    cflags INTEGER NOT NULL, user_agent VARCHAR NOT NULL, socket VARCHAR, methods INTEGER, instance VARCHAR,
    reg_id INTEGER NOT NULL DEFAULT 0, server_id INTEGER NOT NULL DEFAULT 0,
    connection_id INTEGER NOT NULL DEFAULT 0, keepalive INTEGER NOT NULL DEFAULT 0,
    partition INTEGER NOT NULL DEFAULT 0
);
INSERT OR REPLACE INTO version VALUES ('version', 1), ('location', 9);
"""

Dialog = dict[str, Any]


def take_snapshot(folder: Path, rpc_socket: Path) -> None:
    """Have the switch write its dialogs to the snapshot; raise RpcError or OSError, and leave the old one, if not."""
    fresh = folder / f".{SNAPSHOT}.new"
    # Kamailio appends to what it finds.
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    call_rpc(rpc_socket, "dlg.dump_file", str(fresh))
    fresh.replace(folder / SNAPSHOT)


def prepare(folder: Path, record_dir: Path) -> list[tuple[str, str]]:
    """Make the switch's databases ready for its start; return (attempt, started) of each call it will go on with."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _open(folder / LOCATION, LOCATION_SCHEMA).close()
    ended = ended_attempts(record_dir)
    with contextlib.closing(_open(folder / DIALOGS, DIALOG_SCHEMA)) as database, database:
        database.execute(f"DELETE FROM dialog WHERE state NOT IN {ANSWERED_STATES}")  # noqa: S608
        for dialog in read_snapshot(folder / SNAPSHOT):
            if dialog.get("state") in ANSWERED_STATES and _variables(dialog).get("attempt") not in ended:
                _keep(database, dialog)
        return database.execute(
            "SELECT a.dialog_value, s.dialog_value FROM dialog d "
            "JOIN dialog_vars a ON (a.hash_entry, a.hash_id, a.dialog_key) = (d.hash_entry, d.hash_id, 'attempt') "
            "JOIN dialog_vars s ON (s.hash_entry, s.hash_id, s.dialog_key) = (d.hash_entry, d.hash_id, 'started')"
        ).fetchall()


def _open(path: Path, schema: str) -> sqlite3.Connection:
    try:
        return _make(path, schema)
    except sqlite3.DatabaseError:
        # Torn by a power cut. What it held is lost: phones register again, calls are closed as switch_lost.
        for part in path.parent.glob(f"{path.name}*"):
            part.unlink()
        return _make(path, schema)


def _make(path: Path, schema: str) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    database = sqlite3.connect(path, timeout=5)
    # Kept in the file: a writer then waits for no reader.
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript(SCHEMA + schema)
    return database


def read_snapshot(path: Path) -> Iterator[Dialog]:
    """Yield the dialogs of a snapshot; a line that cannot be read is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        # Strangers' bytes are in it; Latin-1 gives each back as it was.
        with contextlib.suppress(ValueError):
            dialog = json.loads(line.decode("latin-1"))
            if isinstance(dialog, dict):
                yield dialog


def ended_attempts(record_dir: Path) -> set[str]:
    """Return the attempts whose end the record tells lately: the snapshot may be older than their end."""
    ended = set()
    for path in live_files(record_dir) if record_dir.is_dir() else []:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - RECORD_TAIL))
            for line in file:
                if b'"end"' in line and (event := parse_line(line)) and event.get("type") == "end":
                    ended.add(str(event.get("attempt")))
    return ended


def record_alive(record_dir: Path, switch: str, calls: Iterable[tuple[str, str]]) -> None:
    """Append an ``alive`` event for each (attempt, started) to a file of the record that only the keeper writes.

    The portal gives up all other calls once it hears that the switch has started anew.
    """
    now = time.time()
    lines = []
    for attempt, started in calls:
        event = {
            "v": 1, "switch": switch, "attempt": attempt, "seq": int(now) % 2**31, "at": f"{now:.6f}",
            "started": started, "type": "alive",
        }  # fmt: skip
        lines.append(f"keeper|{json.dumps(event, separators=(',', ':'))}\n")
    if lines:
        record_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(record_dir / KEEPER_RECORD, "a", opener=_private) as file:
            file.writelines(lines)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _variables(dialog: Dialog) -> dict[str, str]:
    variables = dialog.get("variables")
    return variables if isinstance(variables, dict) else {}


def _keep(database: sqlite3.Connection, dialog: Dialog) -> None:
    """Put one dialog of the snapshot in the database, unless an orderly stop has put it there."""
    try:
        row = _row(dialog)
    except (KeyError, TypeError, ValueError):
        return
    added = database.execute(
        f"INSERT OR IGNORE INTO dialog ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
        list(row.values()),
    )
    if added.rowcount:
        database.executemany(
            "INSERT INTO dialog_vars (hash_entry, hash_id, dialog_key, dialog_value) VALUES (?, ?, ?, ?)",
            [(row["hash_entry"], row["hash_id"], _bytes(k), _bytes(v)) for k, v in _variables(dialog).items()],
        )


def _row(dialog: Dialog) -> dict[str, Any]:
    caller, callee = dialog["caller"], dialog["callee"]
    entry, number = int(dialog["h_entry"]), int(dialog["h_id"])
    profiles = [
        {"name": name, "value": value, "puid": f"kept-{entry}-{number}-{name}"}
        for name, value in (dialog.get("profiles") or {}).items()
    ]
    texts = {
        "callid": dialog["call_id"], "from_uri": dialog["from_uri"], "from_tag": caller["tag"],
        "to_uri": dialog["to_uri"], "to_tag": callee["tag"], "caller_cseq": caller["cseq"],
        "callee_cseq": callee["cseq"], "caller_route_set": caller["route_set"],
        "callee_route_set": callee["route_set"], "caller_contact": caller["contact"],
        "callee_contact": callee["contact"], "caller_sock": caller["socket"], "callee_sock": callee["socket"],
        # The dump lacks these two: our dialogs have one time-out route, and nothing reads the request URI again.
        "toroute_name": "CUT", "req_uri": dialog["to_uri"], "xdata": json.dumps({"profiles": profiles}),
    }  # fmt: skip
    numbers = {
        "hash_entry": entry, "hash_id": number, "state": int(dialog["state"]), "start_time": int(dialog["start_ts"]),
        "timeout": int(dialog["timeout"]), "sflags": int(dialog["sflags"]), "iflags": int(dialog["iflags"]),
    }  # fmt: skip
    return numbers | {name: _bytes(text) for name, text in texts.items()}


def _bytes(text: str) -> str | bytes:
    # As the switch had it, byte for byte; SQLite hands a blob out as text unchanged.
    return text if text.isascii() else text.encode("latin-1", "replace")
