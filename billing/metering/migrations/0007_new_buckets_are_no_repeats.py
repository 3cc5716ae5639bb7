"""Sync also what only found an answer, but made an account's month of free seconds."""

from importlib import import_module

from django.db import migrations

others = import_module("billing.metering.migrations.0005_others_go_on")
before = import_module("billing.metering.migrations.0006_repeats_sync_nothing")

CHANGE = (
    "ON CONFLICT DO NOTHING;\n        PERFORM",
    "ON CONFLICT DO NOTHING;\n        repeats := repeats AND NOT FOUND;\n        PERFORM",
)
RESERVE = others.changed(before.RESERVE, CHANGE)
RESERVE_FREE = others.changed(before.RESERVE_FREE, CHANGE)


class Migration(migrations.Migration):
    dependencies = [("metering", "0006_repeats_sync_nothing")]

    operations = [migrations.RunSQL(RESERVE + RESERVE_FREE, before.RESERVE + before.RESERVE_FREE)]
