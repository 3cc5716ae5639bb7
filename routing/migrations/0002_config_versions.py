"""Number every committed change of the configuration, in commit order.

A deferred trigger runs when all else of the transaction is done; it takes one lock, held to the commit, before it
draws a version. So version order is commit order, and a follower that reads "versions above mine" misses nothing.
"""

from django.db import migrations

CONFIG_TABLES = {
    "carrier": "carriers_carrier",
    "carrier_account": "carriers_carrieraccount",
    "client": "accounts_client",
    "account": "accounts_account",
    "alias": "accounts_alias",
    "did": "dids_did",
    "product": "billing_product",
    "product_mapping": "billing_productmapping",
    "rate_table": "billing_ratetable",
    "rate": "billing_rate",
    "trace_request": "routing_tracerequest",
}

# 'conf' in ASCII; any number will do that no other advisory lock of this database uses.
LOCK = 1668247142

FUNCTION = f"""
CREATE FUNCTION routing_config_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    current_version bigint := nullif(current_setting('voipbilling.config_version', true), '')::bigint;
    row_body jsonb;
BEGIN
    IF current_version IS NULL THEN
        PERFORM pg_advisory_xact_lock({LOCK});
        INSERT INTO routing_configversion DEFAULT VALUES RETURNING id INTO current_version;
        PERFORM set_config('voipbilling.config_version', current_version::text, true);
        PERFORM pg_notify('config', current_version::text);
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO routing_configchange (version_id, kind, row_id, body)
            VALUES (current_version, TG_ARGV[0], OLD.id, NULL);
    ELSE
        -- Digest hashes are secrets: they live in their own table only, never in a history.
        row_body := to_jsonb(NEW) - 'ha1_md5' - 'ha1_sha256';
        INSERT INTO routing_configchange (version_id, kind, row_id, body)
            VALUES (current_version, TG_ARGV[0], NEW.id, row_body);
    END IF;
    RETURN NULL;
END $$;
"""


def trigger(kind: str, table: str) -> str:
    """Return the statement that makes one table's changes part of the configuration."""
    return (
        f"CREATE CONSTRAINT TRIGGER routing_config_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION routing_config_changed('{kind}');"
    )


# The rows that stand already (free inbound) become the first version, so that no later history lacks its beginning.
BASELINE = "INSERT INTO routing_configversion DEFAULT VALUES;" + "".join(
    "INSERT INTO routing_configchange (version_id, kind, row_id, body) "
    f"SELECT (SELECT max(id) FROM routing_configversion), '{kind}', id, to_jsonb(t) - 'ha1_md5' - 'ha1_sha256' "
    f"FROM {table} t;"
    for kind, table in CONFIG_TABLES.items()
)


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0001_initial"),
        ("accounts", "0002_initial"),
        ("billing", "0003_free_inbound"),
        ("carriers", "0001_initial"),
        ("dids", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION routing_config_changed CASCADE"),
        migrations.RunSQL("".join(trigger(kind, table) for kind, table in CONFIG_TABLES.items()), ""),
        migrations.RunSQL(BASELINE, ""),
    ]
