"""The change log finds what is no call without reading the calls."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_free_seconds"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("attempt_id__isnull", True)), fields=["id"], name="ledger_without_calls"
            ),
        ),
    ]
