"""Fill a migrated database as an operator of some size has it: rows in proportion to DIDs and CDRs, 60 days of calls.

One busy carrier, account and DID get a share of all calls (the worst case of their tabs); most others get few. Indexes
are dropped while the large tables fill and made again, as a restore does.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import Json

from bench.decision import accepted_record, call_of, refused_record

DAYS = 60
FIRST_NUMBER = 442_000_000_000
FILLED = {"accounts", "billing", "carriers", "cdr", "dids", "routing", "syslog"}


@dataclass(frozen=True)
class Sizes:
    """How much to fill; what is not named follows in proportion."""

    dids: int = 100_000
    cdrs: int = 1_000_000
    carriers: int = 50

    @property
    def aliases(self) -> int:
        return max(10, self.dids // 5)

    @property
    def accounts(self) -> int:
        return max(5, self.aliases // 4)


CONFIGURATION = f"""
INSERT INTO billing_balance (currency, amount, credit_limit, reserved)
    SELECT 'USD', 50, 0, 0 FROM generate_series(1, %(carriers)s + %(accounts)s);
INSERT INTO carriers_carrier (name, enabled, is_did_provider, balance_id, notes)
    SELECT 'Carrier ' || n, true, true, b.id, '' FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS n FROM billing_balance) b WHERE n <= %(carriers)s;
INSERT INTO carriers_carrieraccount (carrier_id, network, product_id, tech_prefix, number_source, default_region,
    translation, enabled, description)
    SELECT c.id, ('10.' || c.id %% 250 || '.' || n || '.0/24')::cidr, p.id, '', 'request_uri', '', '[]', true, ''
    FROM carriers_carrier c, billing_product p, generate_series(1, 10) n WHERE p.name = 'free inbound';
INSERT INTO accounts_client (name, email, notes) SELECT 'Client ' || n, '', ''
    FROM generate_series(1, greatest(2, %(accounts)s / 2)) n;
INSERT INTO accounts_account (client_id, name, state, balance_id)
    SELECT c.id, 'Account ' || n, 'active', b.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) - %(carriers)s AS n FROM billing_balance) b
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS m, count(*) OVER () AS many FROM accounts_client) c
        ON m = 1 + n %% many WHERE n > 0;
INSERT INTO accounts_alias (account_id, username, ha1_md5, ha1_sha256, enabled, description)
    SELECT a.id, 'alias-' || n, repeat('0', 32), repeat('0', 64), true, ''
    FROM generate_series(1, %(aliases)s) n
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS m, count(*) OVER () AS many FROM accounts_account) a
        ON m = 1 + n %% many;
INSERT INTO dids_did (number, provider_number, carrier_id, alias_id, state, state_since, country, area, notes)
    SELECT {FIRST_NUMBER} + n, '', c.id, CASE WHEN n %% 5 < 4 THEN a.id END,
        CASE WHEN n %% 5 < 4 THEN 'mapped' ELSE 'available' END, now(), 'GB', '', ''
    FROM generate_series(1, %(dids)s) n
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS m, count(*) OVER () AS many FROM carriers_carrier) c
        ON c.m = 1 + n %% c.many
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS m, count(*) OVER () AS many FROM accounts_alias) a
        ON a.m = 1 + n %% a.many;
INSERT INTO accounts_registration (alias_id, switch, contact, received, transport, user_agent, call_id, registered_at,
    refreshed_at, expires_at, ended_at)
    SELECT id, 'sw1', 'sip:' || username || '@10.0.0.7:5060', '198.51.100.7:5060', 'udp', 'Desk phone 1', 'r' || id,
        now() - interval '1 day', now() - interval '10 s', now() + CASE WHEN id %% 4 > 0 THEN 1 ELSE -1 END
        * interval '1 hour', NULL FROM accounts_alias;
"""

# Every call by its number n: when, to which DID, and how it came out. The square of a random number prefers the first.
CALLS = f"""
CREATE TEMPORARY TABLE bench_calls AS
SELECT n, gen_random_uuid() AS attempt_id, now() - (%(cdrs)s - n) * interval '{DAYS} days' / %(cdrs)s AS started_at,
    1 + floor(%(dids)s * power(random(), 3))::bigint AS did,
    (ARRAY['completed', 'completed', 'completed', 'completed', 'no_answer', 'busy', 'cancelled', 'not_registered',
        'did_unknown', 'source_not_listed'])[1 + n %% 10] AS reason,
    5 + 300 * random() * random() AS seconds, 44160000000 + (random() * 999999)::bigint AS caller
FROM generate_series(1, %(cdrs)s) n;
UPDATE bench_calls SET reason = 'declined' WHERE n %% 50000 = 7;
CREATE TEMPORARY TABLE bench_dids AS
SELECT d.number::bigint - {FIRST_NUMBER} AS did, d.id AS did_id, d.number, d.carrier_id, c.name AS carrier, d.alias_id,
    l.username AS alias, a.id AS account_id, a.name AS account, a.client_id, k.name AS client,
    (SELECT min(id) FROM carriers_carrieraccount x WHERE x.carrier_id = d.carrier_id) AS carrier_account_id
FROM dids_did d JOIN carriers_carrier c ON c.id = d.carrier_id LEFT JOIN accounts_alias l ON l.id = d.alias_id
LEFT JOIN accounts_account a ON a.id = l.account_id LEFT JOIN accounts_client k ON k.id = a.client_id;
CREATE TEMPORARY TABLE bench_rows AS
SELECT b.n, b.attempt_id, b.started_at, b.seconds, b.caller, r.reason, d.*, r.reason = 'completed' AS answered,
    r.reason IN ('did_not_mapped', 'did_unknown', 'source_not_listed') AS refused
FROM bench_calls b JOIN bench_dids d USING (did), LATERAL (
    SELECT CASE WHEN d.alias_id IS NULL AND b.reason NOT IN ('did_unknown', 'source_not_listed') THEN 'did_not_mapped'
        ELSE b.reason END AS reason) r;
UPDATE bench_rows SET did_id = NULL, alias_id = NULL, alias = NULL, account_id = NULL, account = NULL, client_id = NULL,
    client = NULL WHERE reason IN ('did_unknown', 'source_not_listed');
UPDATE bench_rows SET carrier_id = NULL, carrier = NULL, carrier_account_id = NULL, number = ''
    WHERE reason = 'source_not_listed';
"""

CDRS = """
INSERT INTO cdr_cdr (attempt_id, started_at, rang_at, answered_at, ended_at, switch, source, source_port, transport,
    caller, called, number, carrier_id, carrier_label, carrier_account_id, carrier_account_label, did_id, did_label,
    client_id, client_label, account_id, account_label, alias_id, alias_label, reason, sip_code, q850_cause, hung_up_by,
    phone_code, phone_reason, max_seconds, contact, call_id, caller_user_agent, phone_user_agent, traced)
SELECT attempt_id, started_at, CASE WHEN NOT refused THEN started_at + interval '0.2 s' END,
    CASE WHEN answered THEN started_at + interval '3 s' END,
    started_at + CASE WHEN answered THEN seconds ELSE 0.1 END * interval '1 s', 'sw1',
    (CASE WHEN carrier_id IS NULL THEN '198.51.100.' || n % 250
        ELSE '10.1.' || carrier_id % 250 || '.' || n % 20 END)::inet,
    5060, 'udp', 'sip:' || caller || '@203.0.113.5', 'sip:' || number || '@192.0.2.1', number,
    carrier_id, coalesce(carrier, ''), carrier_account_id, '', did_id,
    CASE WHEN did_id IS NULL THEN '' ELSE '+' || number END, client_id, coalesce(client, ''), account_id,
    coalesce(account, ''), alias_id, coalesce(alias, ''), reason, CASE WHEN answered THEN 200 ELSE 404 END, 16,
    'caller', NULL, '', 14400, 'sip:phone@10.0.0.7:5060', attempt_id || '@203.0.113.5', 'Provider SBC', 'Desk phone 1',
    n % 20000 = 0
FROM bench_rows ORDER BY n
"""
LOGS = """
INSERT INTO syslog_logentry (at, category, severity, reason, message, refs, attempt_id, number, source, call_id)
SELECT started_at + step * interval '1 s', CASE WHEN refused THEN 'call reject' ELSE 'call' END, 'info',
    CASE step WHEN 0 THEN CASE WHEN refused THEN reason ELSE 'accepted' END WHEN 1 THEN 'ringing' WHEN 2 THEN 'answered'
        ELSE reason END,
    CASE step WHEN 0 THEN 'Call from ' || caller || ' by ' || coalesce(carrier, 'nobody') || ' to +' || number || '.'
        WHEN 1 THEN alias || ' rings (180).' WHEN 2 THEN alias || ' answered the call to +' || number || '.'
        ELSE 'Call ended after ' || floor(seconds) || ' s: the caller hung up.' END,
    CASE WHEN did_id IS NULL THEN '[]' ELSE jsonb_build_array(
        jsonb_build_object('kind', 'carrier', 'id', carrier_id, 'label', carrier),
        jsonb_build_object('kind', 'did', 'id', did_id, 'label', '+' || number),
        jsonb_build_object('kind', 'client', 'id', client_id, 'label', client),
        jsonb_build_object('kind', 'account', 'id', account_id, 'label', account),
        jsonb_build_object('kind', 'alias', 'id', alias_id, 'label', alias)) END,
    attempt_id, number, '10.1.1.1', attempt_id || '@203.0.113.5'
FROM bench_rows, generate_series(0, 3) step WHERE step = 0 OR (answered AND step > 0) OR (NOT refused AND step = 3)
ORDER BY n
"""
ATTEMPTS = """
INSERT INTO routing_attempt (attempt_id, started_at, switch, source, call_id, call, decider, config_version, facts,
    decided_reason, reason, record, differs)
SELECT attempt_id, started_at, 'sw1', '10.1.1.1', attempt_id || '@203.0.113.5',
    %(call)s::jsonb || jsonb_build_object('attempt', attempt_id, 'call_id', attempt_id || '@203.0.113.5'), 'decider-1',
    (SELECT max(id) FROM routing_configversion), '{"facts": {"credit": {"1": true}}, "registered": 1}',
    CASE WHEN refused THEN reason ELSE 'accepted' END, CASE WHEN refused THEN reason ELSE 'accepted' END,
    CASE WHEN refused THEN %(refused)s::jsonb ELSE %(accepted)s::jsonb END, false
FROM bench_rows ORDER BY n
"""
LEGS = """
INSERT INTO cdr_chargedleg (attempt_id, started_at, leg, product_label, rate_table_label, code, rate, charged_seconds,
    amount, currency)
SELECT attempt_id, started_at, leg, product, 'bench', '', jsonb_build_object('rate_minute', rate, 'rate_call', '0'),
    ceil(seconds), round(ceil(seconds)::numeric * rate / 60, 6), 'USD'
FROM bench_rows, (VALUES ('carrier', 'Carrier per minute', -0.002), ('account', 'Account per minute', 0.006))
    AS price (leg, product, rate) WHERE answered ORDER BY n
"""
SEEN = """
INSERT INTO syslog_seenevent (event_id, seen_at)
SELECT 'sw1:' || attempt_id || ':' || type || ':0', started_at
FROM bench_rows, unnest(ARRAY['attempt', 'decision', 'ringing', 'end']) type
WHERE started_at > now() - interval '30 days'
"""
ACCESSES = f"""
INSERT INTO syslog_accessentry (at, address, user_id, user_label, method, path, status, result, duration_ms, user_agent)
SELECT now() - n * interval '{DAYS} days' / (1 + %(cdrs)s / 5), ('192.0.2.' || n %% 250)::inet, 1 + n %% 20,
    'user' || 1 + n %% 20, 'GET', '/cdr/', 200, '', 12, 'Mozilla/5.0' FROM generate_series(1, %(cdrs)s / 5) n
"""


@contextmanager
def without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Drop a table's indexes that are no constraint, and make them again in the end."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [table],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    for _, statement in found:
        cursor.execute(statement.replace(" ON ONLY ", " ON "))


@contextmanager
def model_defaults(cursor: Any) -> Iterator[None]:
    """Give columns the defaults of their models meanwhile, so that a new column does not stop the filling."""
    from django.apps import apps
    from django.db import connection

    columns = []
    for model in apps.get_models():
        if model._meta.app_label not in FILLED or model._meta.db_table.endswith("event"):
            continue
        for column in model._meta.concrete_fields:
            fixed = column.null or column.primary_key or column.is_relation or column.has_db_default()
            default = None if fixed else column.get_default()
            if default is not None:
                columns.append((model._meta.db_table, column.column))
                value = column.get_db_prep_save(default, connection)
                cursor.execute(f'ALTER TABLE "{columns[-1][0]}" ALTER "{columns[-1][1]}" SET DEFAULT %s', [value])
    yield
    for table, name in columns:
        cursor.execute(f'ALTER TABLE "{table}" ALTER "{name}" DROP DEFAULT')


def fill(sizes: Sizes, say: Callable[[str], None] = print, *, seen: bool = False) -> None:
    """Fill the database of Django's default connection and analyse it."""
    from django.db import connection, transaction

    from core.partitions import _month_statement, months, partitioned_tables

    begun = time.perf_counter()
    numbers = {"dids": sizes.dids, "cdrs": sizes.cdrs, "carriers": sizes.carriers} | {
        "aliases": sizes.aliases, "accounts": sizes.accounts
    }  # fmt: skip
    documents = {"call": Json(call_of()), "refused": Json(refused_record()), "accepted": Json(accepted_record())}
    with connection.cursor() as cursor:
        for table, _ in partitioned_tables():
            for month in months(dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS + 31)):
                cursor.execute(_month_statement(table, month))
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '128MB'")
        with model_defaults(cursor):
            with transaction.atomic():
                cursor.execute(CONFIGURATION, numbers)
            say(f"configuration filled after {time.perf_counter() - begun:.0f} s")
            cursor.execute(CALLS, numbers)
            steps = [("cdr_cdr", CDRS, None), ("syslog_logentry", LOGS, None), ("routing_attempt", ATTEMPTS, documents)]
            steps += [("cdr_chargedleg", LEGS, None), ("syslog_accessentry", ACCESSES, numbers)]
            steps += [("syslog_seenevent", SEEN, None)] if seen else []
            for table, statement, values in steps:
                with without_indexes(cursor, table):
                    cursor.execute(statement, values)
                    rows = cursor.rowcount
                say(f"{table}: {rows:,} rows after {time.perf_counter() - begun:.0f} s")
        cursor.execute("DROP TABLE bench_calls, bench_dids, bench_rows")
        cursor.execute("RESET ALL")
        cursor.execute("VACUUM ANALYZE")
    roll_up(say)


def roll_up(say: Callable[[str], None]) -> None:
    """Make the reports' days, and say what a day takes."""
    from django.db import connection

    from cdr.reports.rollup import recorded_days, renew_day

    begun, days = time.perf_counter(), recorded_days()
    for day in days:
        renew_day(day)
    spent = time.perf_counter() - begun
    say(f"{len(days)} days of reports made in {spent:.1f} s, {spent / max(1, len(days)) * 1000:.0f} ms each")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE reports_trafficday, reports_moneyday, reports_mark")
