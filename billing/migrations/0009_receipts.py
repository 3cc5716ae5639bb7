"""Payments have receipt numbers without gaps, in the order they were made; refunds name their payment."""

import django.db.models.deletion
from django.db import migrations, models

NUMBER = """
UPDATE billing_ledgerentry e SET receipt_number = n.number
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM billing_ledgerentry WHERE kind = 'payment') n
WHERE n.id = e.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_tax_entries"),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="receipt_number",
            field=models.PositiveBigIntegerField(editable=False, null=True, unique=True),
        ),
        migrations.RunSQL(NUMBER, ""),
        migrations.AddField(
            model_name="ledgerentry",
            name="refund_of",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billing.ledgerentry"
            ),
        ),
    ]
