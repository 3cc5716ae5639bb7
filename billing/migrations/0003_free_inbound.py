"""Create the product "free inbound", which the operator's guide promises, and announce crossings of credit."""

import datetime

from django.conf import settings
from django.db import migrations

FREE_TABLE = "free"


def create_free_inbound(apps, schema_editor):
    """Make product, mapping, rate table and rate: every number, always, at no charge."""
    table = apps.get_model("billing", "RateTable").objects.create(
        name=FREE_TABLE, currency=settings.DEFAULT_CURRENCY, description="Every number at no charge"
    )
    apps.get_model("billing", "Rate").objects.create(table=table, code="", description="Any number")
    product = apps.get_model("billing", "Product").objects.create(
        name="free inbound",
        kind="originating_carrier",
        description="Allows inbound calls to reach the system for free",
        builtin=True,
    )
    apps.get_model("billing", "ProductMapping").objects.create(
        product=product, prefix="", rate_table=table, starts_at=datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    )


# Each charge moves a balance; only the moment it crosses zero credit concerns the deciders.
CREDIT_TRIGGER = """
CREATE FUNCTION billing_balance_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.amount + NEW.credit_limit > 0) <> (OLD.amount + OLD.credit_limit > 0) THEN
        PERFORM pg_notify('credit', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_balance_credit AFTER INSERT OR UPDATE ON billing_balance
    FOR EACH ROW EXECUTE FUNCTION billing_balance_credit();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_initial")]

    operations = [
        migrations.RunPython(create_free_inbound, migrations.RunPython.noop),
        migrations.RunSQL(CREDIT_TRIGGER, "DROP FUNCTION billing_balance_credit CASCADE"),
    ]
