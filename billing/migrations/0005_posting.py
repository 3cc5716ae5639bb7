"""Entries name the call they charge; a balance knows when its last entry was booked."""

from django.conf import settings
from django.db import migrations, models

LAST_ENTRY = """
UPDATE billing_balance b SET moved_at = e.at
FROM (SELECT balance_id, max(at) AS at FROM billing_ledgerentry GROUP BY balance_id) e WHERE e.balance_id = b.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_product_builtin_stays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="balance",
            name="moved_at",
            field=models.DateTimeField(editable=False, help_text="When its last entry was booked.", null=True),
        ),
        migrations.RunSQL(LAST_ENTRY, ""),
        migrations.AddField(
            model_name="ledgerentry",
            name="attempt_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="leg",
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="started_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("attempt_id__isnull", False)), fields=["attempt_id"], name="ledger_of_call"
            ),
        ),
    ]
