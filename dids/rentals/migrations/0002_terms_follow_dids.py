"""Open and close rentals with the rows of DIDs, in the same transaction, whoever writes them.

Bulk changes write DIDs by SQL, as many as 10,000 in a statement; a trigger of the statement follows them all at once.
A number is bought while it has a plan and is not retired; it is sold while it has a plan and rings an alias.
"""

from django.db import migrations

# Instants are the transaction's, as in the history of DIDs and plans, which prices are read from.
FOLLOW = """
CREATE FUNCTION rentals_wanted(changed bigint[])
RETURNS TABLE (did_id bigint, side text, carrier_id bigint, account_id bigint, balance_id bigint, plan_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT d.id, 'bought', d.carrier_id, NULL::bigint, c.balance_id, d.bought_plan_id
        FROM dids_did d JOIN carriers_carrier c ON c.id = d.carrier_id
        WHERE d.id = ANY(changed) AND d.bought_plan_id IS NOT NULL AND d.state <> 'retired'
    UNION ALL
    SELECT d.id, 'sold', NULL, a.account_id, o.balance_id, d.sold_plan_id
        FROM dids_did d JOIN accounts_alias a ON a.id = d.alias_id JOIN accounts_account o ON o.id = a.account_id
        WHERE d.id = ANY(changed) AND d.sold_plan_id IS NOT NULL
$$;

CREATE FUNCTION rentals_follow(changed bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    misfit text;
BEGIN
    SELECT p.name || ' is in ' || p.currency || ', the balance in ' || b.currency INTO misfit
        FROM rentals_wanted(changed) w JOIN rental_plans_rentalplan p ON p.id = w.plan_id
        JOIN billing_balance b ON b.id = w.balance_id
        WHERE p.side <> w.side
            OR (p.currency <> b.currency AND (p.setup_fee <> 0 OR p.monthly_fee <> 0)) LIMIT 1;
    IF misfit IS NOT NULL THEN
        RAISE EXCEPTION 'rental plan does not fit: %', misfit
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rental_plan_fits_balance';
    END IF;
    UPDATE rentals_rentalterm t
        SET until = greatest(now(), t.since), next_due_at = least(t.next_due_at, greatest(now(), t.since))
        WHERE t.did_id = ANY(changed) AND t.until IS NULL AND NOT EXISTS (
            SELECT 1 FROM rentals_wanted(changed) w WHERE w.did_id = t.did_id AND w.side = t.side
                AND w.carrier_id IS NOT DISTINCT FROM t.carrier_id AND w.account_id IS NOT DISTINCT FROM t.account_id
        );
    INSERT INTO rentals_rentalterm (did_id, side, carrier_id, account_id, balance_id, since, begun, next_due_at)
        SELECT w.did_id, w.side, w.carrier_id, w.account_id, w.balance_id, now(), false, now()
        FROM rentals_wanted(changed) w WHERE NOT EXISTS (
            SELECT 1 FROM rentals_rentalterm t WHERE t.did_id = w.did_id AND t.side = w.side AND t.until IS NULL
        ) ORDER BY w.did_id, w.side;
    -- Whoever resumes by hand a number that was suspended as unpaid gives its account the days of grace again.
    UPDATE rentals_rentalterm t SET suspended_at = NULL, unpaid_since = now()
        FROM dids_did d WHERE d.id = t.did_id AND t.did_id = ANY(changed) AND t.suspended_at IS NOT NULL
            AND t.until IS NULL AND d.state <> 'suspended';
END $$;

CREATE FUNCTION rentals_did_added() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
BEGIN
    SELECT array_agg(id) INTO changed FROM new_rows WHERE bought_plan_id IS NOT NULL OR sold_plan_id IS NOT NULL;
    IF changed IS NOT NULL THEN
        PERFORM rentals_follow(changed);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION rentals_did_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed bigint[];
BEGIN
    SELECT array_agg(n.id) INTO changed FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE (n.bought_plan_id IS NOT NULL OR n.sold_plan_id IS NOT NULL
            OR o.bought_plan_id IS NOT NULL OR o.sold_plan_id IS NOT NULL)
        AND (n.state, n.alias_id, n.carrier_id, n.bought_plan_id, n.sold_plan_id)
            IS DISTINCT FROM (o.state, o.alias_id, o.carrier_id, o.bought_plan_id, o.sold_plan_id);
    IF changed IS NOT NULL THEN
        PERFORM rentals_follow(changed);
    END IF;
    RETURN NULL;
END $$;

-- A number that nothing was charged for takes its terms along; the foreign key keeps one that money refers to.
CREATE FUNCTION rentals_did_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rentals_rentalterm t USING old_rows o WHERE t.did_id = o.id
        AND NOT EXISTS (SELECT 1 FROM rentals_rentalcharge c WHERE c.term_id = t.id);
    RETURN NULL;
END $$;

CREATE TRIGGER rentals_did_added AFTER INSERT ON dids_did REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rentals_did_added();
CREATE TRIGGER rentals_did_changed AFTER UPDATE ON dids_did REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rentals_did_changed();
CREATE TRIGGER rentals_did_deleted AFTER DELETE ON dids_did REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION rentals_did_deleted();
"""
FORGET = """
DROP FUNCTION rentals_did_added, rentals_did_changed, rentals_did_deleted, rentals_follow, rentals_wanted CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("rentals", "0001_initial"), ("dids", "0003_rental_plans"), ("billing", "0005_posting")]

    operations = [migrations.RunSQL(FOLLOW, FORGET)]
