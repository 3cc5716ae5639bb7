"""Runs of the ledger's check and what they found."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0010_reservation_price"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("seconds", models.FloatField()),
                ("balances", models.PositiveIntegerField()),
                ("entries", models.PositiveBigIntegerField()),
                ("found", models.PositiveIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["-at"], name="ledger_check_newest")],
            },
        ),
        migrations.CreateModel(
            name="LedgerDifference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("words", models.TextField()),
                ("balance_id", models.BigIntegerField(null=True)),
                ("attempt_id", models.UUIDField(null=True)),
                (
                    "check_run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="differences",
                        to="billing.ledgercheck",
                    ),
                ),
            ],
        ),
    ]
