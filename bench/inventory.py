"""An operator's configuration of any size, written into a migrated database within seconds.

The rows are what the portal would have written, the versions and changes what its triggers would have: made set by set
with the triggers off, because a million rows through them take an hour that says nothing about the decider.
"""

import random
from contextlib import closing
from typing import Any, NamedTuple

import psycopg2

FIRST_NUMBER = 442_000_000_000


class Size(NamedTuple):
    """How much of everything."""

    dids: int
    networks: int
    carriers: int = 500
    accounts: int = 5_000
    aliases: int = 20_000


TABLES = {
    "carrier": "carriers_carrier",
    "carrier_account": "carriers_carrieraccount",
    "client": "accounts_client",
    "account": "accounts_account",
    "alias": "accounts_alias",
    "did": "dids_did",
}

FILL = """
INSERT INTO billing_balance (currency, amount, credit_limit, reserved)
    SELECT 'USD', 5, 0, 0 FROM generate_series(1, {balances});
CREATE TEMP TABLE balance_no AS SELECT id, row_number() OVER (ORDER BY id DESC) AS n FROM billing_balance;
INSERT INTO carriers_carrier (id, name, enabled, is_did_provider, balance_id, notes)
    SELECT n, 'Carrier ' || n, true, true, id, '' FROM balance_no WHERE n <= {carriers};
INSERT INTO carriers_carrieraccount (carrier_id, network, product_id, tech_prefix, number_source, default_region,
    translation, enabled, description, audio)
    SELECT n % {carriers} + 1,
        CASE WHEN n % 20 = 0 THEN ('2001:db8:' || to_hex(n >> 16) || ':' || to_hex(n & 65535) || '::/64')::cidr
        ELSE ((20 + (n >> 16)) || '.' || (n >> 8 & 255) || '.' || (n & 255) || '.0/'
            || (ARRAY[32, 30, 28, 26, 24])[n % 5 + 1])::cidr END,
        p.id, '', 'request_uri', '', '[]', true, '', 'automatic'
    FROM generate_series(1, {networks}) n, billing_product p WHERE p.name = 'free inbound';
INSERT INTO accounts_client (id, name, email, notes, billing_name, billing_address, tax_id, tax_included, tax_note)
    VALUES (1, 'Client', '', '', '', '', '', false, '');
INSERT INTO accounts_account (id, client_id, name, state, balance_id)
    SELECT n - {carriers}, 1, 'Account ' || n, 'active', id FROM balance_no WHERE n > {carriers};
INSERT INTO accounts_alias (id, account_id, username, ha1_md5, ha1_sha256, enabled, description, audio)
    SELECT n, n % {accounts} + 1, 'alias-' || n, md5(n::text), repeat('0', 64), true, '', 'automatic'
    FROM generate_series(1, {aliases}) n;
INSERT INTO dids_did (number, provider_number, carrier_id, alias_id, state, state_since, country, area, notes)
    SELECT {first} + n, '', n % {carriers} + 1, n % {aliases} + 1, 'mapped', now(), 'GB', '', ''
    FROM generate_series(1, {dids}) n;
INSERT INTO routing_configversion DEFAULT VALUES;
"""


# What is left out of FILL is empty, so that a new column does not stop the filling.
EMPTY = """
SELECT format('ALTER TABLE %%I ALTER %%I SET DEFAULT %%L', c.table_name, c.column_name,
        CASE data_type WHEN 'boolean' THEN 'false' ELSE '' END),
    format('ALTER TABLE %%I ALTER %%I DROP DEFAULT', c.table_name, c.column_name)
FROM information_schema.columns c
WHERE c.table_name = ANY(%s) AND c.is_nullable = 'NO' AND c.column_default IS NULL
    AND data_type IN ('text', 'character varying', 'boolean')
"""


def fill(connection: Any, size: Size) -> None:
    """Write so much into an empty but migrated database."""
    sizes = {**size._asdict(), "balances": size.carriers + size.accounts, "first": FIRST_NUMBER}
    with connection.cursor() as cursor:
        for table in TABLES.values():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(EMPTY, [[*TABLES.values(), "billing_balance"]])
        empty = cursor.fetchall()
        for give, _ in empty:
            cursor.execute(give)
        cursor.execute(FILL.format(**sizes))
        for kind, table in TABLES.items():
            cursor.execute(
                "INSERT INTO routing_configchange (version_id, kind, row_id, body) "
                f"SELECT (SELECT max(id) FROM routing_configversion), %s, id, to_jsonb(t) - 'ha1_md5' - 'ha1_sha256' "
                f"FROM {table} t",
                [kind],
            )
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    # Constraints that are checked late must be settled before a table may be altered again.
    connection.commit()
    with connection.cursor() as cursor:
        for table in TABLES.values():
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for _, take in empty:
            cursor.execute(take)
        cursor.execute("ANALYZE")
    connection.commit()


def holds(connection: Any, size: Size) -> bool:
    """Tell whether an earlier run has filled the database; raise where it did so with other sizes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM dids_did), (SELECT count(*) FROM carriers_carrieraccount)")
        found = cursor.fetchone()
    connection.rollback()
    if found not in {(0, 0), (size.dids, size.networks)}:
        raise RuntimeError(f"the kept database holds {found[0]} DIDs and {found[1]} networks: drop it first")
    return found != (0, 0)


def calls(url: str, count: int) -> list[dict[str, Any]]:
    """Return calls of which nine in ten are let in, one in twenty comes from elsewhere and one dials a wrong number."""
    chance = random.Random(1)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT host(network), carrier_id FROM carriers_carrieraccount ORDER BY id")
        networks = cursor.fetchall()
        cursor.execute("SELECT (SELECT count(*) FROM dids_did), (SELECT count(*) FROM carriers_carrier)")
        dids, carriers = cursor.fetchone()
    # Number n belongs to carrier n % carriers + 1.
    rows = max(1, dids // carriers)
    made = []
    for at in range(count):
        source, carrier = networks[chance.randrange(len(networks))]
        number = f"+{FIRST_NUMBER + chance.randrange(rows) * carriers + (carrier - 1 or carriers)}"
        if at % 20 == 0:
            source = "198.51.100.7"
        elif at % 20 == 1:
            number = "+441999999999"
        made.append(call(at, source, number))
    return made


def call(at: int, source: str, number: str) -> dict[str, Any]:
    """Return one call as the switch describes it."""
    return {
        "attempt": f"57c9e038-5ad6-4b2e-8a8e-{at:012d}", "at": "1795418480.747285", "source": source,
        "port": 5060, "transport": "udp", "received_on": "udp:192.0.2.1:5060", "ruri": f"sip:{number}@192.0.2.1",
        "to_uri": f"sip:{number}@192.0.2.1", "p_called_party_id": "", "from_uri": "sip:441632960960@h",
        "call_id": f"{at}@h", "user_agent": "SBC",
    }  # fmt: skip
