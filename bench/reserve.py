"""Print how fast paid calls are decided: `python -m bench.reserve` (about 2 minutes).

Two real deciders on a database of their own (on the server of DATABASE_URL, else an embedded one) are both asked about
every call, as a switch asks them; the first answer counts. Each call is new and has its first quantum set aside, on the
account's leg or on both. Prints the time from question to first answer at a steady rate, the most decisions a second,
and what the processes used; first all calls of one account, whose balance every reservation locks, then of a thousand.
"""

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg2

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from bench import inventory, machine  # noqa: E402
from bench.decide import database, wait_for  # noqa: E402
from bench.evapi import SwitchEnd  # noqa: E402
from routing.decider.netstring import Reader, encode  # noqa: E402

ACCOUNTS = 1000
SIZE = inventory.Size(dids=ACCOUNTS, networks=1, carriers=1, accounts=ACCOUNTS, aliases=ACCOUNTS)
OPEN_AT_ONCE = 200

PRICES = """
INSERT INTO billing_ratetable (name, currency, description) VALUES ('bench', 'USD', '');
INSERT INTO billing_rate (table_id, code, description, enabled, rate_minute, rate_call, increment, grace,
    minimal_duration) SELECT max(id), '', '', true, 0.06, 0.01, 1, 0, 0 FROM billing_ratetable;
INSERT INTO billing_product (name, kind, description, builtin, free_seconds)
    VALUES ('bench account', 'account', '', false, 0), ('bench carrier', 'originating_carrier', '', false, 0);
INSERT INTO billing_productmapping (product_id, prefix, rate_table_id, starts_at)
    SELECT p.id, '', (SELECT max(id) FROM billing_ratetable), '2000-01-01' FROM billing_product p
    WHERE p.name LIKE 'bench %';
UPDATE billing_balance SET amount = 1000000;
UPDATE accounts_account SET product_id = (SELECT id FROM billing_product WHERE name = 'bench account');
"""
BOTH_LEGS = """
UPDATE carriers_carrieraccount SET product_id = (SELECT id FROM billing_product WHERE name = 'bench carrier')
"""
RESERVED = "SELECT count(*), count(DISTINCT attempt_id) FROM billing_reservation WHERE state = 'held'"


class Switch:
    """The switch's end of several deciders' sockets: asks all of them, takes the first answer."""

    def __init__(self, count: int) -> None:
        self.ends = [SwitchEnd() for _ in range(count)]
        self.verdicts: Counter[str] = Counter()
        self.numbers: list[str] = []
        self.source = ""
        self._selector = selectors.DefaultSelector()
        self._asked: dict[str, float] = {}
        self._next = 0
        self.took: list[float] = []

    def connected(self) -> None:
        """Wait for every decider."""
        for end in self.ends:
            end.accept()
            end.connection.settimeout(5)
            self._selector.register(end.connection, selectors.EVENT_READ, Reader())

    def ask(self) -> None:
        """Ask all about the next call, which is a new one."""
        self._next += 1
        index = str(self._next)
        call = inventory.call(self._next, self.source, f"+{self.numbers[self._next % len(self.numbers)]}")
        call |= {"attempt": str(uuid.uuid4()), "at": f"{time.time():.6f}"}
        body = encode(
            json.dumps({"op": "decide", "index": index, "label": "7", "switch": "sw1", "call": call}).encode()
        )
        self._asked[index] = time.perf_counter()
        for end in self.ends:
            end.connection.sendall(body)

    def hear(self, seconds: float) -> None:
        """Take what comes within so many seconds."""
        for key, _ in self._selector.select(seconds):
            assert isinstance(key.fileobj, socket.socket)
            for message in map(json.loads, key.data.feed(key.fileobj.recv(1 << 18))):
                if message.get("op") == "decision" and (asked := self._asked.pop(message["index"], None)):
                    self.took.append(time.perf_counter() - asked)
                    self.verdicts[message["reason"]] += 1

    def at_a_rate(self, rate: int, count: int) -> list[float]:
        """Ask at a steady rate and return the seconds to each first answer, ordered."""
        self.took = []
        started = time.perf_counter()
        for sent in range(count):
            while (left := started + sent / rate - time.perf_counter()) > 0:
                self.hear(left)
            self.ask()
        self._finish()
        return sorted(self.took)

    def at_most(self, count: int) -> float:
        """Keep many questions open and return how many are answered a second."""
        started = time.perf_counter()
        for _ in range(count):
            while len(self._asked) >= OPEN_AT_ONCE:
                self.hear(1)
            self.ask()
        self._finish()
        return count / (time.perf_counter() - started)

    def _finish(self) -> None:
        deadline = time.perf_counter() + 10
        while self._asked:
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{len(self._asked)} questions were never answered")
            self.hear(1)

    def close(self) -> None:
        """Hang up."""
        self._selector.close()
        for end in self.ends:
            end.close()


@contextmanager
def deciders(url: str, folder: Path, switch: Switch) -> Iterator[list[int]]:
    """Run one decider per end of the switch, as bin/run does; yield their process ids."""
    with ExitStack() as stack:
        processes = []
        for number, end in enumerate(switch.ends, 1):
            environment = {
                **os.environ, "DATABASE_URL": url, "VOIPBILLING_DATA": str(folder), "VOIPBILLING_RUN": str(folder),
                "EVAPI_LISTEN": end.address,
            }  # fmt: skip
            log = stack.enter_context((folder / f"decider-{number}.log").open("ab"))
            command = [sys.executable, "manage.py", "decider", "--name", f"decider-{number}"]
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            processes.append(process.pid)
        switch.connected()
        yield processes


def run(asked: argparse.Namespace, url: str, folder: Path) -> None:
    """Measure each case on a filled database."""
    switch = Switch(2)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SELECT host(network) FROM carriers_carrieraccount LIMIT 1")
        (switch.source,) = cursor.fetchone()
        cursor.execute("SELECT number FROM dids_did ORDER BY id")
        numbers = [str(number) for (number,) in cursor.fetchall()]
        with deciders(url, folder, switch) as pids:
            for accounts, legs in ((1, 1), (ACCOUNTS, 1), (1, 2), (ACCOUNTS, 2)):
                if legs == 2:
                    cursor.execute(BOTH_LEGS)
                    wait_for_version(cursor)
                switch.numbers = numbers[:accounts]
                case = f"{accounts:,} account{'s' if accounts > 1 else ''}, {legs} leg{'s' if legs > 1 else ''}"
                measure(case, switch, asked, pids)
            cursor.execute(RESERVED)
            rows, attempts = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM billing_balance WHERE amount + credit_limit < reserved")
            (overdrawn,) = cursor.fetchone()
    switch.close()
    print("verdicts:", ", ".join(f"{reason} {count:,}" for reason, count in sorted(switch.verdicts.items())))
    print(f"{attempts:,} attempts hold {rows:,} reservations; balances overdrawn: {overdrawn}", flush=True)


def measure(case: str, switch: Switch, asked: argparse.Namespace, pids: list[int]) -> None:
    """Print one case: times at the rate, and the most; before it, how quiet the machine is."""
    noise = machine.noise()
    switch.at_a_rate(200, 200)
    before, began = machine.cpu_seconds(pids), time.perf_counter()
    took = switch.at_a_rate(asked.rate, int(asked.rate * asked.seconds))
    busy = (machine.cpu_seconds(pids) - before) / (time.perf_counter() - began)
    p50, p99, p999 = (machine.percentile(took, share) * 1000 for share in (0.5, 0.99, 0.999))
    print(
        f"{case:24} at {asked.rate:,}/s: p50 {p50:.1f} ms   p99 {p99:.1f} ms   p99.9 {p999:.1f} ms   "
        f"longest {took[-1] * 1000:.0f} ms   both deciders {busy:.0%} of a core   "
        f"at most {switch.at_most(asked.calls):,.0f}/s   ({noise})",
        flush=True,
    )


def wait_for_version(cursor: "psycopg2.extensions.cursor") -> None:
    """Return when both deciders have the newest configuration, by their signs of life."""

    def followed() -> bool:
        cursor.execute(
            "SELECT count(*) FROM core_heartbeat WHERE kind = 'decider' "
            "AND config_version >= (SELECT max(id) FROM routing_configversion)"
        )
        return cursor.fetchone()[0] == 2

    wait_for(followed, "both deciders have the prices", 30)


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000, help="paid decisions a second (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="how long at that rate (%(default)s)")
    parser.add_argument("--calls", type=int, default=5000, help="calls as fast as they go (%(default)s)")
    return parser.parse_args(arguments)


def main() -> None:
    """Make, fill, measure, print."""
    asked = parsed()
    print(machine.describe(), flush=True)
    with database(keep=False) as url, tempfile.TemporaryDirectory() as folder:
        with closing(psycopg2.connect(url)) as connection:
            inventory.fill(connection, SIZE)
            with connection.cursor() as cursor:
                cursor.execute(PRICES)
            connection.commit()
        run(asked, url, Path(folder))


if __name__ == "__main__":
    main()
