"""Print what a real decider does: `DATABASE_URL=… python -m bench.decider --dids 100000 --rate 2000`.

Makes a database of its own on that server and drops it again. Prints the start, the time from question to answer on
the switch's socket, the most answers a second, and the time from a commit to the first answer that obeys it.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

ROOT = Path(__file__).resolve().parents[1]
DATABASE = "voipbilling_bench"
FIRST_NUMBER = 442_000_000_000

FILL = f"""
INSERT INTO billing_balance (currency, amount, credit_limit, reserved) VALUES ('USD', 5, 0, 0), ('USD', 5, 0, 0);
INSERT INTO carriers_carrier (name, enabled, is_did_provider, balance_id, notes)
    SELECT 'Acme', true, true, min(id), '' FROM billing_balance;
INSERT INTO carriers_carrieraccount (carrier_id, network, product_id, tech_prefix, number_source, default_region,
    translation, enabled, description)
    SELECT c.id, '203.0.113.0/26', p.id, '', 'request_uri', '', '[]', true, ''
    FROM carriers_carrier c, billing_product p WHERE p.name = 'free inbound';
INSERT INTO accounts_client (name, email, notes) VALUES ('Client', '', '');
INSERT INTO accounts_account (client_id, name, state, balance_id)
    SELECT c.id, 'Account', 'active', b.id FROM accounts_client c, (SELECT max(id) AS id FROM billing_balance) b;
INSERT INTO accounts_alias (account_id, username, ha1_md5, ha1_sha256, enabled, description)
    SELECT id, 'alias-1', repeat('0', 32), repeat('0', 64), true, '' FROM accounts_account;
INSERT INTO dids_did (number, provider_number, carrier_id, alias_id, state, state_since, country, area, notes)
    SELECT {FIRST_NUMBER} + n, '', c.id, a.id, 'mapped', now(), 'GB', '', ''
    FROM generate_series(1, %s) n, carriers_carrier c, accounts_alias a;
"""


@contextmanager
def database(url: str) -> Iterator[str]:
    """Make a migrated database on the server of ``url`` and drop it in the end; yield its address."""
    own = urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
    server = psycopg2.connect(url)
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        try:
            environment = {**os.environ, "DATABASE_URL": own}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
            yield own
        finally:
            cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


class Switch:
    """The switch's end of the socket."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connection = self.listener
        self.rest = b""

    def accept(self) -> None:
        """Wait for the decider."""
        self.connection, _ = self.listener.accept()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, index: int, number: int) -> None:
        """Send one question."""
        uri = f"sip:+{number}@192.0.2.1"
        call = {
            "attempt": f"57c9e038-5ad6-4b2e-8a8e-{index:012d}", "at": f"{time.time():.6f}", "source": "203.0.113.5",
            "port": 5060, "transport": "udp", "received_on": "udp:192.0.2.1:5060", "ruri": uri, "to_uri": uri,
            "p_called_party_id": "", "from_uri": "sip:441632960960@h", "call_id": f"{index}@h", "user_agent": "SBC",
        }  # fmt: skip
        body = json.dumps({"op": "decide", "index": str(index), "label": "7", "switch": "sw1", "call": call}).encode()
        self.connection.sendall(b"%d:%b," % (len(body), body))

    def answers(self) -> list[dict[str, object]]:
        """Return the answers that have come; waits for at least some bytes."""
        self.rest += self.connection.recv(1 << 20)
        found = []
        while (colon := self.rest.find(b":")) > 0:
            end = colon + 1 + int(self.rest[:colon])
            if len(self.rest) <= end:
                break
            message = json.loads(self.rest[colon + 1 : end])
            if message["op"] == "decision":
                found.append(message)
            self.rest = self.rest[end + 1 :]
        return found

    def answer(self) -> dict[str, object]:
        """Return the next single answer."""
        while not (found := self.answers()):
            pass
        return found[0]


def at_a_rate(switch: Switch, rate: int, seconds: float, dids: int) -> None:
    """Ask at a steady rate and print the times from question to answer."""
    asked: dict[str, float] = {}
    took: list[float] = []
    count = int(rate * seconds)
    started = time.perf_counter()
    sent = 0
    switch.connection.setblocking(True)
    while len(took) < count:
        now = time.perf_counter()
        while sent < count and started + sent / rate <= now:
            asked[str(sent)] = time.perf_counter()
            switch.ask(sent, FIRST_NUMBER + 1 + sent * 7919 % dids)
            sent += 1
        due = started + sent / rate - time.perf_counter() if sent < count else 1.0
        switch.connection.settimeout(max(due, 0.0001))
        try:
            for answer in switch.answers():
                took.append(time.perf_counter() - asked.pop(str(answer["index"])))
        except TimeoutError:
            continue
    switch.connection.settimeout(None)
    took.sort()
    median, late = took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000
    print(f"at {rate:,}/s: median {median:.2f} ms, 99 % {late:.2f} ms, longest {took[-1] * 1000:.1f} ms, on the socket")


def at_most(switch: Switch, count: int, dids: int) -> None:
    """Keep 200 questions open and print how many are answered a second."""
    started = time.perf_counter()
    sent = done = 0
    while done < count:
        while sent < count and sent - done < 200:
            switch.ask(sent, FIRST_NUMBER + 1 + sent * 7919 % dids)
            sent += 1
        done += len(switch.answers())
    print(f"at most {count / (time.perf_counter() - started):,.0f}/s")


def commit_to_force(switch: Switch, url: str, times: int) -> None:
    """Flip a carrier's flag and ask until the answer obeys."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    took = []
    with connection.cursor() as cursor:
        for round_ in range(times):
            flag = round_ % 2 == 1
            cursor.execute("UPDATE carriers_carrier SET is_did_provider = %s", [flag])
            committed = time.perf_counter()
            while True:
                switch.ask(round_, FIRST_NUMBER + 1)
                if bool(switch.answer()["accept"]) == flag:
                    break
            took.append(time.perf_counter() - committed)
            time.sleep(0.02)
    took.sort()
    print(f"from commit to force: median {took[len(took) // 2] * 1000:.1f} ms, longest {took[-1] * 1000:.1f} ms")


def memory(pid: int) -> float:
    """Return a process's resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    """Make, start, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dids", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5)
    asked = parser.parse_args()
    with database(os.environ["DATABASE_URL"]) as url, tempfile.TemporaryDirectory() as folder:
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(FILL, [asked.dids])
        switch = Switch()
        host, port = switch.listener.getsockname()
        environment = {
            **os.environ, "DATABASE_URL": url, "VOIPBILLING_DATA": folder, "VOIPBILLING_RUN": folder,
            "EVAPI_LISTEN": f"{host}:{port}",
        }  # fmt: skip
        for start in ("from PostgreSQL", "again, from disk"):
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "manage.py", "decider"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
            )
            try:
                switch.accept()
                took = time.perf_counter() - started
                print(f"{asked.dids:,} DIDs {start}: answers after {took:.1f} s, {memory(process.pid):,.0f} MB")
                if start.startswith("from"):
                    # The configuration is written to disk just after the load.
                    time.sleep(2 + asked.dids / 100_000)
                    at_a_rate(switch, asked.rate, asked.seconds, asked.dids)
                    at_most(switch, 20_000, asked.dids)
                    commit_to_force(switch, url, 50)
            finally:
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
