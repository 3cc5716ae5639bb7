"""Change each balance once for a whole batch of calls.

An UPDATE for each leg made a chain of dead rows that the next one had to walk: with one carrier on all legs, a tenth of
a second at a thousand calls a second.
"""

from importlib import import_module

from django.db import migrations

before = import_module("billing.metering.migrations.0003_free_seconds")

# As before, but for the balances: funds are what is left of each, in the order of ids.
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
    currencies text[];
    funds numeric[];
    taken numeric[];
    target integer;
    free integer;
    bucket bigint;
    place integer;
    need numeric;
    places integer[];
    needs numeric[];
    targets integer[];
    frees integer[];
    buckets bigint[];
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
    SELECT array_agg(k.id), array_agg(k.currency), array_agg(k.funds), array_agg(0::numeric)
    INTO balances, currencies, funds, taken
    FROM (
        SELECT b.id, b.currency, b.amount + b.credit_limit - b.reserved AS funds
        FROM billing_balance b WHERE b.id = ANY(balances) ORDER BY b.id FOR NO KEY UPDATE
    ) k;

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
        places := '{}';
        needs := '{}';
        targets := '{}';
        frees := '{}';
        buckets := '{}';
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
            place := array_position(balances, l.balance);
            IF place IS NULL OR currencies[place] <> l.currency OR (need > 0 AND funds[place] < need) THEN
                refused := true;
                lacking := l.leg;
                EXIT;
            END IF;
            funds[place] := funds[place] - need;
            places := places || place;
            needs := needs || need;
            targets := targets || target;
            frees := frees || free;
            buckets := buckets || bucket;
            legs := legs || l.leg;
            IF l.minute > 0 OR free > 0 THEN
                seconds := least(seconds, target);
            END IF;
        END LOOP;
        FOR at IN 1 .. cardinality(places) LOOP
            IF refused THEN
                funds[places[at]] := funds[places[at]] + needs[at];
            ELSE
                taken[places[at]] := taken[places[at]] + needs[at];
                IF frees[at] > 0 THEN
                    UPDATE billing_freeseconds f SET held = f.held + frees[at] WHERE f.id = buckets[at];
                END IF;
            END IF;
        END LOOP;
        IF refused THEN
            legs := '{}';
            seconds := 0;
        ELSE
            INSERT INTO billing_reservation (
                attempt_id, balance_id, leg, amount, seconds, rate_minute, rate_call, increment, minimal_duration,
                bucket_id, free_seconds, free_granted, state, created_at
            )
            SELECT attempt, (e->>'balance')::bigint, e->>'leg', needs[n], targets[n], (e->>'minute')::numeric,
                (e->>'call')::numeric, (e->>'increment')::integer, (e->>'minimal')::integer,
                buckets[n], frees[n], coalesce((e->'free'->>'granted')::integer, 0), 'held', now()
            FROM jsonb_array_elements(asked->'legs') WITH ORDINALITY AS x (e, n);
        END IF;
        INSERT INTO metering_meteredcall (
            attempt_id, switch, started_at, refused, lacking, seconds, max_seconds, closed_at
        ) VALUES (
            attempt, asked->>'switch', to_timestamp((asked->>'at')::double precision), refused, lacking, seconds,
            (asked->>'max')::integer, CASE WHEN refused THEN now() END
        );
        RETURN NEXT;
    END LOOP;

    UPDATE billing_balance b SET reserved = b.reserved + t.amount
    FROM unnest(balances, taken) AS t (id, amount) WHERE b.id = t.id AND t.amount > 0;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0003_free_seconds")]

    operations = [migrations.RunSQL(RESERVE, before.RESERVE)]
