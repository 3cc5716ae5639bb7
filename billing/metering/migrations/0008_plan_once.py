"""Plan the statements of a reservation once for each connection.

PostgreSQL thought its plans better made anew at each call, since an array of one is dearer in a plan for any array: a
seventh of the server's time. They read by index either way (0003).
"""

from django.db import migrations

ONCE = """
ALTER FUNCTION metering_reserve(jsonb, integer, integer) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION metering_reserve_free(jsonb, integer, integer) SET plan_cache_mode = force_generic_plan;
"""
ANEW = """
ALTER FUNCTION metering_reserve_free(jsonb, integer, integer) RESET plan_cache_mode;
ALTER FUNCTION metering_reserve(jsonb, integer, integer) RESET plan_cache_mode;
"""


class Migration(migrations.Migration):
    dependencies = [("metering", "0007_new_buckets_are_no_repeats")]

    operations = [migrations.RunSQL(ONCE, ANEW)]
