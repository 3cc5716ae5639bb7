"""Hold free seconds too; and look rows up by their keys, whatever a cached plan knows of a table that was empty."""

from importlib import import_module

from django.db import migrations

before = import_module("billing.metering.migrations.0002_functions")

# Steps of a rate: so many charged seconds at most fit into so many.
STEPS = """
CREATE FUNCTION metering_whole(seconds numeric, minimal integer, step integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN seconds < minimal THEN 0
        ELSE least(2000000000, minimal + floor((seconds - minimal) / step) * step)::integer END
$$;

-- What must be there for so many charged seconds of which so many are free: nothing where they are wholly.
CREATE FUNCTION metering_due(
    per_call numeric, per_minute numeric, minimal integer, step integer, seconds integer, free integer
)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN free = 0 THEN metering_hold(per_call, per_minute, minimal, step, seconds)
        WHEN free >= seconds THEN 0.000000
        ELSE greatest(0, round((per_call * 60 + per_minute * (seconds - free)) / 60, 6))
    END
$$;
"""

# calls: [{"attempt", "switch", "at" (epoch), "max", "legs": [{"leg", "balance", "currency", "minute", "call",
# "increment", "minimal", "free": null or {"account", "did", "month", "granted"}}]}]. Legs are tried in the order given;
# a call gets all of them or none. What was answered once is answered again, a refusal too. beyond: seconds past the
# longest duration that are worth paying for.
RESERVE = """
CREATE OR REPLACE FUNCTION metering_reserve(calls jsonb, quantum integer, beyond integer)
RETURNS TABLE (attempt uuid, refused boolean, lacking text, seconds integer, legs text[])
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
    l record;
    b record;
    known metering_meteredcall;
    answered uuid[];
    balances bigint[];
    target integer;
    free integer;
    bucket bigint;
    need numeric;
BEGIN
    SELECT array_agg(m.attempt_id) INTO answered FROM metering_meteredcall m
    WHERE m.attempt_id = ANY(ARRAY(SELECT (c->>'attempt')::uuid FROM jsonb_array_elements(calls) c));

    FOR b IN
        SELECT DISTINCT (f->>'account')::bigint AS account_id, (f->>'did')::bigint AS did_id, (f->>'month')::date AS month
        FROM jsonb_array_elements(calls) c, jsonb_array_elements(c->'legs') e, LATERAL (SELECT e->'free' AS f) x
        WHERE jsonb_typeof(f) = 'object' AND (answered IS NULL OR (c->>'attempt')::uuid <> ALL(answered))
        ORDER BY account_id, did_id, month
    LOOP
        INSERT INTO billing_freeseconds (account_id, did_id, month, used, held)
        VALUES (b.account_id, b.did_id, b.month, 0, 0) ON CONFLICT DO NOTHING;
        PERFORM 1 FROM billing_freeseconds f
        WHERE f.account_id = b.account_id AND f.month = b.month
            AND (f.did_id = b.did_id OR (f.did_id IS NULL AND b.did_id IS NULL))
        FOR NO KEY UPDATE;
    END LOOP;

    SELECT array_agg(DISTINCT (e->>'balance')::bigint) INTO balances
    FROM jsonb_array_elements(calls) c, jsonb_array_elements(c->'legs') e
    WHERE answered IS NULL OR (c->>'attempt')::uuid <> ALL(answered);
    PERFORM 1 FROM billing_balance b WHERE b.id = ANY(balances) ORDER BY b.id FOR NO KEY UPDATE;

    FOR asked IN SELECT c FROM jsonb_array_elements(calls) c LOOP
        attempt := (asked->>'attempt')::uuid;
        SELECT * INTO known FROM metering_meteredcall m WHERE m.attempt_id = attempt;
        IF FOUND THEN
            refused := known.refused;
            lacking := known.lacking;
            seconds := known.seconds;
            SELECT coalesce(array_agg(r.leg), '{}') INTO legs FROM billing_reservation r WHERE r.attempt_id = attempt;
            RETURN NEXT;
            CONTINUE;
        END IF;
        refused := false;
        lacking := '';
        legs := '{}';
        seconds := (asked->>'max')::integer + beyond;
        FOR l IN
            SELECT * FROM jsonb_to_recordset(asked->'legs') AS e (
                leg text, balance bigint, currency text, minute numeric, call numeric, increment integer,
                minimal integer, free jsonb
            )
        LOOP
            target := metering_rounded(quantum, l.minimal, l.increment) + l.increment;
            free := 0;
            bucket := NULL;
            IF jsonb_typeof(l.free) = 'object' THEN
                SELECT f.id, least(target, greatest(0, (l.free->>'granted')::integer - f.used - f.held))
                INTO bucket, free FROM billing_freeseconds f
                WHERE f.account_id = (l.free->>'account')::bigint AND f.month = (l.free->>'month')::date
                    AND (f.did_id = (l.free->>'did')::bigint OR (f.did_id IS NULL AND l.free->>'did' IS NULL));
                -- Without a price by the minute a call that free seconds do not cover wholly pays once for all.
                IF l.minute <= 0 AND free < target THEN
                    free := 0;
                END IF;
            END IF;
            need := metering_due(l.call, l.minute, l.minimal, l.increment, target, free);
            UPDATE billing_balance b SET reserved = b.reserved + need
            WHERE b.id = l.balance AND b.currency = l.currency
                AND (b.amount + b.credit_limit - b.reserved >= need OR need = 0);
            IF NOT FOUND THEN
                refused := true;
                lacking := l.leg;
                EXIT;
            END IF;
            IF free > 0 THEN
                UPDATE billing_freeseconds f SET held = f.held + free WHERE f.id = bucket;
            END IF;
            legs := legs || l.leg;
            IF l.minute > 0 OR free > 0 THEN
                seconds := least(seconds, target);
            END IF;
            INSERT INTO billing_reservation (
                attempt_id, balance_id, leg, amount, seconds, rate_minute, rate_call, increment, minimal_duration,
                bucket_id, free_seconds, free_granted, state, created_at
            ) VALUES (
                attempt, l.balance, l.leg, need, target, l.minute, l.call, l.increment, l.minimal,
                bucket, free, coalesce((l.free->>'granted')::integer, 0), 'held', now()
            );
        END LOOP;
        IF refused THEN
            UPDATE billing_balance b SET reserved = b.reserved - r.amount FROM billing_reservation r
            WHERE r.attempt_id = attempt AND r.balance_id = b.id;
            UPDATE billing_freeseconds f SET held = f.held - r.free_seconds FROM billing_reservation r
            WHERE r.attempt_id = attempt AND r.bucket_id = f.id;
            DELETE FROM billing_reservation r WHERE r.attempt_id = attempt;
            legs := '{}';
            seconds := 0;
        END IF;
        INSERT INTO metering_meteredcall (
            attempt_id, switch, started_at, refused, lacking, seconds, max_seconds, closed_at
        ) VALUES (
            attempt, asked->>'switch', to_timestamp((asked->>'at')::double precision), refused, lacking, seconds,
            (asked->>'max')::integer, CASE WHEN refused THEN now() END
        );
        RETURN NEXT;
    END LOOP;
END $$;
"""

# Calls of one switch whose cover ends within the horizon get another quantum on all legs, or as many whole increments
# as every leg can still pay for. Returns those whose cover changed, or of which it is new that funds end or are back.
EXTEND = """
CREATE OR REPLACE FUNCTION metering_extend(
    node text, at timestamptz, horizon interval, quantum integer, beyond integer
)
RETURNS TABLE (
    attempt uuid, dialog_entry bigint, dialog_id bigint, answered_at timestamptz, seconds integer, max_seconds integer,
    lacking text
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    due uuid[];
    c metering_meteredcall;
    l record;
    target integer;
    reach integer;
    leg_reach integer;
    free integer;
    payable numeric;
BEGIN
    SELECT array_agg(m.attempt_id) INTO due FROM metering_meteredcall m
    WHERE m.switch = node AND m.closed_at IS NULL AND m.over_at IS NULL AND m.answered_at IS NOT NULL
        AND m.seconds < m.max_seconds + beyond
        AND m.answered_at + m.seconds * interval '1 second' BETWEEN at AND at + horizon;
    IF due IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM billing_freeseconds f WHERE f.id = ANY(ARRAY(
        SELECT r.bucket_id FROM billing_reservation r
        WHERE r.attempt_id = ANY(due) AND r.state = 'held' AND r.bucket_id IS NOT NULL
    )) ORDER BY f.account_id, f.did_id, f.month FOR NO KEY UPDATE;
    PERFORM 1 FROM billing_balance b WHERE b.id = ANY(ARRAY(
        SELECT r.balance_id FROM billing_reservation r WHERE r.attempt_id = ANY(due) AND r.state = 'held'
    )) ORDER BY b.id FOR NO KEY UPDATE;

    FOR c IN
        SELECT * FROM metering_meteredcall m
        WHERE m.attempt_id = ANY(due) AND m.closed_at IS NULL AND m.over_at IS NULL
        ORDER BY m.attempt_id FOR UPDATE
    LOOP
        target := least(c.seconds + quantum, c.max_seconds + beyond);
        reach := NULL;
        lacking := '';
        FOR l IN
            SELECT r.*, b.amount + b.credit_limit - b.reserved AS funds,
                CASE WHEN f.id IS NULL THEN 0
                ELSE r.free_seconds + greatest(0, r.free_granted - f.used - f.held) END AS available
            FROM billing_reservation r JOIN billing_balance b ON b.id = r.balance_id
            LEFT JOIN billing_freeseconds f ON f.id = r.bucket_id
            WHERE r.attempt_id = c.attempt_id AND r.state = 'held' AND (r.rate_minute > 0 OR r.free_seconds > 0)
        LOOP
            leg_reach := metering_rounded(target, l.minimal_duration, l.increment);
            IF metering_due(
                l.rate_call, l.rate_minute, l.minimal_duration, l.increment, leg_reach, least(leg_reach, l.available)
            ) - l.amount > greatest(l.funds, 0) THEN
                payable := l.amount + greatest(l.funds, 0) - l.rate_call;
                IF payable >= 0 AND l.rate_minute > 0 THEN
                    payable := floor(payable * 60 / l.rate_minute);
                ELSE
                    payable := 0;
                END IF;
                leg_reach := greatest(
                    l.seconds, metering_whole(l.available + payable, l.minimal_duration, l.increment)
                );
                IF reach IS NULL OR leg_reach < reach THEN
                    lacking := l.leg;
                END IF;
            END IF;
            reach := least(reach, leg_reach);
        END LOOP;
        CONTINUE WHEN reach IS NULL;
        reach := greatest(reach, c.seconds);
        CONTINUE WHEN reach = c.seconds AND lacking = c.lacking;
        WITH wanted AS (
            SELECT r.id, r.balance_id, r.bucket_id, r.amount AS before, r.free_seconds AS free_before, s.seconds, s.free,
                metering_due(r.rate_call, r.rate_minute, r.minimal_duration, r.increment, s.seconds, s.free) AS amount
            FROM billing_reservation r LEFT JOIN billing_freeseconds f ON f.id = r.bucket_id,
                LATERAL (SELECT metering_rounded(reach, r.minimal_duration, r.increment) AS whole) w,
                LATERAL (
                    SELECT w.whole AS seconds, CASE WHEN f.id IS NULL THEN 0 ELSE
                        least(w.whole, r.free_seconds + greatest(0, r.free_granted - f.used - f.held)) END AS free
                ) s
            WHERE r.attempt_id = c.attempt_id AND r.state = 'held' AND (r.rate_minute > 0 OR r.free_seconds > 0)
                AND s.seconds > r.seconds
        ), kept AS (
            UPDATE billing_reservation r SET amount = w.amount, seconds = w.seconds, free_seconds = w.free
            FROM wanted w WHERE r.id = w.id
        ), held AS (
            UPDATE billing_freeseconds f SET held = f.held + w.free - w.free_before FROM wanted w
            WHERE f.id = w.bucket_id AND w.free <> w.free_before
        )
        UPDATE billing_balance b SET reserved = b.reserved + w.amount - w.before FROM wanted w
        WHERE b.id = w.balance_id;
        UPDATE metering_meteredcall m SET seconds = reach, lacking = metering_extend.lacking
        WHERE m.attempt_id = c.attempt_id;
        attempt := c.attempt_id;
        dialog_entry := c.dialog_entry;
        dialog_id := c.dialog_id;
        answered_at := c.answered_at;
        seconds := reach;
        max_seconds := c.max_seconds;
        RETURN NEXT;
    END LOOP;
END $$;
"""
BACK = """
DROP FUNCTION metering_extend;
DROP FUNCTION metering_reserve;
DROP FUNCTION metering_due;
DROP FUNCTION metering_whole;
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0002_functions"), ("billing", "0013_reservation_free_seconds")]

    operations = [migrations.RunSQL(STEPS + RESERVE + EXTEND, BACK + before.RESERVE + before.EXTEND)]
