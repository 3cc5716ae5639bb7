"""What the deciders run: reserve before a call, extend during it.

In the database, because each must be one statement: a decider that hangs between two would hold the locks of balances
that every other paid call needs. Locks are taken in the order of billing.posting: balances by id, then calls.
"""

from django.db import migrations

PRICES = """
CREATE FUNCTION metering_rounded(seconds integer, minimal integer, step integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT minimal + ((greatest(0, seconds - minimal) + step - 1) / step) * step
$$;

-- What must be there for a call of any length up to so many charged seconds. A price that falls by the minute is highest
-- at its first step. The division is the only inexact step, and exact in every case that rounding could turn on.
CREATE FUNCTION metering_hold(per_call numeric, per_minute numeric, minimal integer, step integer, seconds integer)
RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(
        0,
        round((per_call * 60 + per_minute * seconds) / 60, 6),
        round((per_call * 60 + per_minute * CASE WHEN minimal > 0 THEN minimal ELSE step END) / 60, 6)
    )
$$;
"""

# calls: [{"attempt", "switch", "at" (epoch), "max", "legs": [{"leg", "balance", "currency", "minute", "call",
# "increment", "minimal"}]}]. Legs are tried in the order given; a call gets all of them or none. What was answered once
# is answered again, a refusal too. beyond: seconds past the longest duration that are worth paying for.
RESERVE = """
CREATE FUNCTION metering_reserve(calls jsonb, quantum integer, beyond integer)
RETURNS TABLE (attempt uuid, refused boolean, lacking text, seconds integer, legs text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    asked jsonb;
    leg jsonb;
    known metering_meteredcall;
    held text[];
    target integer;
    need numeric;
BEGIN
    PERFORM 1 FROM billing_balance b WHERE b.id IN (
        SELECT (l->>'balance')::bigint FROM jsonb_array_elements(calls) c, jsonb_array_elements(c->'legs') l
        WHERE NOT EXISTS (SELECT FROM metering_meteredcall m WHERE m.attempt_id = (c->>'attempt')::uuid)
    ) ORDER BY b.id FOR NO KEY UPDATE;

    FOR asked IN SELECT c FROM jsonb_array_elements(calls) c ORDER BY (c->>'attempt')::uuid LOOP
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
        FOR leg IN SELECT l FROM jsonb_array_elements(asked->'legs') l LOOP
            target := metering_rounded(quantum, (leg->>'minimal')::integer, (leg->>'increment')::integer)
                + (leg->>'increment')::integer;
            need := metering_hold(
                (leg->>'call')::numeric, (leg->>'minute')::numeric,
                (leg->>'minimal')::integer, (leg->>'increment')::integer, target
            );
            UPDATE billing_balance b SET reserved = b.reserved + need
            WHERE b.id = (leg->>'balance')::bigint AND b.currency = leg->>'currency'
                AND b.amount + b.credit_limit - b.reserved >= need;
            IF NOT FOUND THEN
                refused := true;
                lacking := leg->>'leg';
                EXIT;
            END IF;
            legs := legs || (leg->>'leg');
            IF (leg->>'minute')::numeric > 0 THEN
                seconds := least(seconds, target);
            END IF;
            INSERT INTO billing_reservation (
                attempt_id, balance_id, leg, amount, seconds, rate_minute, rate_call, increment, minimal_duration,
                state, created_at
            ) VALUES (
                attempt, (leg->>'balance')::bigint, leg->>'leg', need, target, (leg->>'minute')::numeric,
                (leg->>'call')::numeric, (leg->>'increment')::integer, (leg->>'minimal')::integer, 'held', now()
            );
        END LOOP;
        IF refused THEN
            UPDATE billing_balance b SET reserved = b.reserved - r.amount FROM billing_reservation r
            WHERE r.attempt_id = attempt AND r.balance_id = b.id;
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
CREATE FUNCTION metering_extend(node text, at timestamptz, horizon interval, quantum integer, beyond integer)
RETURNS TABLE (
    attempt uuid, dialog_entry bigint, dialog_id bigint, answered_at timestamptz, seconds integer, max_seconds integer,
    lacking text
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    due uuid[];
    c metering_meteredcall;
    l record;
    target integer;
    reach integer;
    leg_reach integer;
    payable numeric;
BEGIN
    SELECT array_agg(m.attempt_id) INTO due FROM metering_meteredcall m
    WHERE m.switch = node AND m.closed_at IS NULL AND m.over_at IS NULL AND m.answered_at IS NOT NULL
        AND m.seconds < m.max_seconds + beyond
        AND m.answered_at + m.seconds * interval '1 second' BETWEEN at AND at + horizon;
    IF due IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM billing_balance b WHERE b.id IN (
        SELECT r.balance_id FROM billing_reservation r WHERE r.attempt_id = ANY(due) AND r.state = 'held'
    ) ORDER BY b.id FOR NO KEY UPDATE;

    FOR c IN
        SELECT * FROM metering_meteredcall m
        WHERE m.attempt_id = ANY(due) AND m.closed_at IS NULL AND m.over_at IS NULL
        ORDER BY m.attempt_id FOR UPDATE
    LOOP
        target := least(c.seconds + quantum, c.max_seconds + beyond);
        reach := NULL;
        lacking := '';
        FOR l IN
            SELECT r.*, b.amount + b.credit_limit - b.reserved AS free FROM billing_reservation r
            JOIN billing_balance b ON b.id = r.balance_id
            WHERE r.attempt_id = c.attempt_id AND r.state = 'held' AND r.rate_minute > 0
        LOOP
            leg_reach := metering_rounded(target, l.minimal_duration, l.increment);
            IF metering_hold(l.rate_call, l.rate_minute, l.minimal_duration, l.increment, leg_reach) - l.amount > l.free
            THEN
                payable := floor((l.amount + greatest(l.free, 0) - l.rate_call) * 60 / l.rate_minute);
                leg_reach := greatest(
                    l.seconds,
                    l.minimal_duration + floor(greatest(0, payable - l.minimal_duration) / l.increment) * l.increment
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
            SELECT r.id, r.balance_id, r.amount AS before, s.seconds,
                metering_hold(r.rate_call, r.rate_minute, r.minimal_duration, r.increment, s.seconds) AS amount
            FROM billing_reservation r,
                LATERAL (SELECT metering_rounded(reach, r.minimal_duration, r.increment) AS seconds) s
            WHERE r.attempt_id = c.attempt_id AND r.state = 'held' AND r.rate_minute > 0 AND s.seconds > r.seconds
        ), kept AS (
            UPDATE billing_reservation r SET amount = w.amount, seconds = w.seconds FROM wanted w WHERE r.id = w.id
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
DROP = """
DROP FUNCTION metering_extend;
DROP FUNCTION metering_reserve;
DROP FUNCTION metering_hold;
DROP FUNCTION metering_rounded;
"""

# Reserving is no charge and moves no credit: it need not run a trigger for each call.
QUIET = """
DROP TRIGGER billing_balance_credit ON billing_balance;
CREATE TRIGGER billing_balance_credit AFTER INSERT OR UPDATE OF amount, credit_limit ON billing_balance
    FOR EACH ROW EXECUTE FUNCTION billing_balance_credit();
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0001_initial"), ("billing", "0010_reservation_price")]

    operations = [
        migrations.RunSQL(PRICES + RESERVE + EXTEND, DROP),
        migrations.RunSQL(QUIET, ""),
    ]
