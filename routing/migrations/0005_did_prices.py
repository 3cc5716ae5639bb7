"""DIDs' own prices are part of the configuration from their first row on."""

from django.db import migrations

TRIGGER = (
    "CREATE CONSTRAINT TRIGGER routing_config_changed AFTER INSERT OR UPDATE OR DELETE ON dids_didprice "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION routing_config_changed('did_price');"
)


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0004_pruned_versions"),
        ("dids", "0004_did_price"),
    ]

    operations = [
        migrations.RunSQL(TRIGGER, "DROP TRIGGER IF EXISTS routing_config_changed ON dids_didprice"),
    ]
