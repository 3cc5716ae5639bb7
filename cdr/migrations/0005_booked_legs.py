"""A charged leg keeps who paid and every row that priced it, by id and version."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cdr", "0004_call_kept_over_a_restart"),
    ]

    operations = [
        migrations.AddField(
            model_name="chargedleg",
            name="balance_id",
            field=models.BigIntegerField(help_text="Who pays; none before the ledger took calls.", null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="free_seconds",
            field=models.PositiveIntegerField(default=0, help_text="Of the charged ones, those that cost nothing."),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="mapping_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="mapping_version",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="product_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="product_version",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="rate_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="rate_table_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="rate_table_version",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chargedleg",
            name="rate_version",
            field=models.BigIntegerField(null=True),
        ),
    ]
