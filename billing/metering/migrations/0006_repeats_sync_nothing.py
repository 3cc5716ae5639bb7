"""Let whoever only repeats an answer not wait for the disk.

Both deciders ask about each call. The second one finds the first one's answer, which is on disk since it is seen; all it
wrote itself are the locks it waited with.
"""

from importlib import import_module

from django.db import migrations

before = import_module("billing.metering.migrations.0005_others_go_on")

UPDATE = "    UPDATE billing_balance b SET reserved = b.reserved + t.amount\n"
CHANGES = (
    ("    answered uuid[];\n", "    answered uuid[];\n    repeats boolean := true;\n"),
    ("        refused := false;\n", "        repeats := false;\n        refused := false;\n"),
    (
        UPDATE,
        f"""    IF repeats THEN
        PERFORM set_config('synchronous_commit', 'off', true);
        RETURN;
    END IF;
{UPDATE}""",
    ),
)
RESERVE = before.changed(before.RESERVE, *CHANGES)
RESERVE_FREE = before.changed(before.RESERVE_FREE, *CHANGES)


class Migration(migrations.Migration):
    dependencies = [("metering", "0005_others_go_on")]

    operations = [migrations.RunSQL(RESERVE + RESERVE_FREE, before.RESERVE + before.RESERVE_FREE)]
