"""What only CDRs can prove of the ledger: charged legs are booked, and what is reserved is reserved for live calls."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from billing.ledger import Difference, register_proof

# Between an end at the switch and its event in the database, and between an answer and its first reservation, a call
# is on its way.
IN_FLIGHT_SECONDS = 60

# In one statement, so in one snapshot: a call's legs and entries are committed together.
LEGS = """
WITH legs AS (
    SELECT attempt_id, leg, balance_id, amount FROM cdr_chargedleg WHERE balance_id IS NOT NULL AND amount <> 0
), booked AS (
    SELECT attempt_id, leg, balance_id, -sum(amount) AS amount FROM billing_ledgerentry
    WHERE attempt_id IS NOT NULL GROUP BY 1, 2, 3
)
SELECT attempt_id, leg, balance_id, coalesce(legs.amount, 0), coalesce(booked.amount, 0)
FROM legs FULL JOIN booked USING (attempt_id, leg, balance_id)
WHERE coalesce(legs.amount, 0) <> coalesce(booked.amount, 0) ORDER BY 1, 2, 3
"""
HELD = """
SELECT r.attempt_id, r.leg, r.balance_id, r.amount, c.ended_at IS NOT NULL
FROM billing_reservation r LEFT JOIN cdr_cdr c ON c.attempt_id = r.attempt_id
WHERE r.state = 'held' AND r.created_at < now() - make_interval(secs => %(flight)s)
    AND (c.attempt_id IS NULL OR c.ended_at < now() - make_interval(secs => %(flight)s))
ORDER BY r.id
"""
# Only a call that a decider let in has reservations; a switch that merely reports its calls reserves nothing.
UNHELD = """
SELECT c.attempt_id, leg.value ->> 0, (leg.value ->> 1)::bigint
FROM cdr_cdr c
JOIN routing_attempt a ON a.attempt_id = c.attempt_id AND a.started_at = c.started_at
CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(a.record -> 'reserve') WHEN 'array' THEN a.record -> 'reserve' ELSE '[]' END) AS leg
WHERE c.ended_at IS NULL AND c.answered_at < now() - make_interval(secs => %(flight)s) AND a.decider <> ''
    AND NOT EXISTS (
        SELECT FROM billing_reservation r
        WHERE r.attempt_id = c.attempt_id AND r.leg = leg.value ->> 0 AND r.state = 'held')
ORDER BY c.started_at, 2
"""
# A switch that only reports tells its attempts, which the worker then judges: a call of which nobody ever judged
# anything has lost events, and nobody is known to pay for it. Who discards its dead letter has acknowledged that.
UNJUDGED = """
SELECT c.attempt_id, c.ended_at FROM cdr_cdr c
WHERE c.answered_at IS NOT NULL AND c.ended_at < now() - make_interval(secs => %(flight)s)
    AND NOT EXISTS (SELECT FROM cdr_chargedleg l WHERE l.attempt_id = c.attempt_id)
    AND NOT EXISTS (
        SELECT FROM routing_attempt a WHERE a.attempt_id = c.attempt_id AND a.started_at = c.started_at
            AND (a.decided_reason <> '' OR a.record IS NOT NULL))
    AND (SELECT count(*) FILTER (WHERE d.resolution = 'discarded') = 0 OR count(*) FILTER (WHERE d.resolution = '') > 0
        FROM syslog_deadletter d WHERE split_part(d.event_id, ':', 2) = c.attempt_id::text
            AND split_part(d.event_id, ':', 3) IN ('attempt', 'decision'))
ORDER BY c.started_at, 1
"""
# By bucket: an account's month, of its product (no DID) or of a DID's own price.
FREE = """
SELECT f.account_id, f.did_id, f.month, f.used, coalesce(l.used, 0), f.held, coalesce(r.held, 0)
FROM billing_freeseconds f
LEFT JOIN (
    SELECT (rate -> 'free' ->> 0)::bigint AS account_id, coalesce((rate -> 'free' ->> 1)::bigint, 0) AS did_id,
           (rate -> 'free' ->> 2)::date AS month, sum(free_seconds) AS used
    FROM cdr_chargedleg WHERE free_seconds > 0 GROUP BY 1, 2, 3
) l ON l.account_id = f.account_id AND l.did_id = coalesce(f.did_id, 0) AND l.month = f.month
LEFT JOIN (
    SELECT bucket_id, sum(free_seconds) AS held FROM billing_reservation WHERE state = 'held' GROUP BY 1
) r ON r.bucket_id = f.id
WHERE f.used <> coalesce(l.used, 0) OR f.held <> coalesce(r.held, 0) ORDER BY 1, 2, 3
"""


def _rows(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"flight": IN_FLIGHT_SECONDS})
        return cursor.fetchall()


@register_proof
def prove_charged_legs() -> Iterable[Difference]:
    """Yield each leg of a CDR whose entries do not sum up to it, and each call's entries that no leg explains."""
    for attempt_id, leg, balance_id, charged, booked in _rows(LEGS):
        yield Difference(
            f"Call {attempt_id}, {leg}: its CDR says {charged}, the ledger of balance {balance_id} has {booked}",
            balance_id,
            attempt_id,
        )


@register_proof
def prove_judged_calls() -> Iterable[Difference]:
    """Yield each answered call that nobody pays for because its decision never came: a dead letter, or lost."""
    for attempt_id, ended_at in _rows(UNJUDGED):
        words = (
            f"Call {attempt_id}, which ended {ended_at:%Y-%m-%d %H:%M} UTC: it was answered and is charged to nobody"
        )
        yield Difference(
            f"{words}, for its decision was never taken in; look for it among the dead letters", None, attempt_id
        )


@register_proof
def prove_reservations() -> Iterable[Difference]:
    """Yield each reservation whose call is over or unknown, and each live call that should have one and has none."""
    for attempt_id, leg, balance_id, amount, ended in _rows(HELD):
        why = "which is over" if ended else "of which nothing was heard"
        words = f"Balance {balance_id}: {amount} is still reserved for the {leg} of call {attempt_id}, {why}"
        yield Difference(words, balance_id, attempt_id)
    for attempt_id, leg, balance_id, *_ in _rows(UNHELD):
        words = f"Call {attempt_id}: it goes on with nothing reserved for the {leg} on balance {balance_id}"
        yield Difference(words, balance_id, attempt_id)


@register_proof
def prove_free_seconds() -> Iterable[Difference]:
    """Yield each account's month whose free seconds are not those that its calls have used, or hold."""
    with connection.cursor() as cursor:
        cursor.execute(FREE)
        for account_id, did_id, month, used, charged, held, reserved in cursor.fetchall():
            whose = f"of DID {did_id}" if did_id else "of the product"
            yield Difference(
                f"Free seconds of account {account_id} {whose} in {month:%Y-%m}: {used} are used and {held} held, "
                f"its calls have used {charged} and hold {reserved}"
            )
