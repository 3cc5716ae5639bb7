"""A balance knows below which amount somebody is told, and since when it is."""

from django.db import migrations, models

import core.fields

# Whoever moves a balance notes the crossing with it. What is above again is armed anew; a notice is told once.
TRIGGER = """
CREATE FUNCTION billing_balance_low() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.low_at IS NULL OR NEW.amount >= NEW.low_at THEN
        NEW.low_since := NULL;
        NEW.low_noticed_at := NULL;
    ELSIF NEW.low_since IS NULL THEN
        NEW.low_since := clock_timestamp();
        NEW.low_noticed_at := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_balance_low BEFORE UPDATE OF amount, low_at ON billing_balance
    FOR EACH ROW WHEN (NEW.low_at IS NOT NULL OR OLD.low_since IS NOT NULL) EXECUTE FUNCTION billing_balance_low();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0011_ledger_checks"),
    ]

    operations = [
        migrations.AddField(
            model_name="balance",
            name="low_at",
            field=core.fields.MoneyField(
                blank=True, decimal_places=6, max_digits=18, null=True, verbose_name="low-balance notice below"
            ),
        ),
        migrations.AddField(
            model_name="balance",
            name="low_email",
            field=models.EmailField(blank=True, max_length=254, verbose_name="notice to"),
        ),
        migrations.AddField(
            model_name="balance",
            name="low_noticed_at",
            field=models.DateTimeField(editable=False, help_text="When that was told; once per crossing.", null=True),
        ),
        migrations.AddField(
            model_name="balance",
            name="low_since",
            field=models.DateTimeField(editable=False, help_text="Since when it is below low_at (trigger).", null=True),
        ),
        migrations.AddIndex(
            model_name="balance",
            index=models.Index(
                condition=models.Q(("low_noticed_at__isnull", True), ("low_since__isnull", False)),
                fields=["low_since"],
                name="balance_low_untold",
            ),
        ),
        migrations.RunSQL(TRIGGER, "DROP FUNCTION billing_balance_low CASCADE"),
    ]
