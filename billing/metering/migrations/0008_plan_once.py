"""Plan the statements of a reservation once for each connection.

PostgreSQL thought its plans better made anew at each call, since an array of one is dearer in a plan for any array: a
seventh of the server's time. They read by index either way (0003); one that was planned when there was no balance also
has to look for those it knows, and not to read the whole index.
"""

from importlib import import_module

from django.db import migrations

others = import_module("billing.metering.migrations.0005_others_go_on")
before = import_module("billing.metering.migrations.0007_new_buckets_are_no_repeats")

CHANGES = (
    ("SET enable_seqscan = off ", "SET enable_seqscan = off SET plan_cache_mode = force_generic_plan "),
    ("WHERE b.id = t.id AND t.amount > 0", "WHERE b.id = ANY(balances) AND b.id = t.id AND t.amount > 0"),
)
RESERVE = others.changed(before.RESERVE, *CHANGES)
RESERVE_FREE = others.changed(before.RESERVE_FREE, *CHANGES)


class Migration(migrations.Migration):
    dependencies = [("metering", "0007_new_buckets_are_no_repeats")]

    operations = [migrations.RunSQL(RESERVE + RESERVE_FREE, before.RESERVE + before.RESERVE_FREE)]
