"""Mark the day of each rental that is charged, changed or taken back, in the transaction that does it.

Rentals stand below the reports and know nothing of them; they are charged thousands at a time, by SQL.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION reports_mark_rentals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO reports_mark (at) SELECT DISTINCT date_bin('15 minutes', due_at, '2000-01-01 00:00+00') FROM old_rows
            WHERE charged_at IS NOT NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO reports_mark (at) SELECT DISTINCT date_bin('15 minutes', due_at, '2000-01-01 00:00+00') FROM new_rows
            WHERE charged_at IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reports_mark_inserted AFTER INSERT ON rentals_rentalcharge
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reports_mark_rentals();
CREATE TRIGGER reports_mark_updated AFTER UPDATE ON rentals_rentalcharge
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION reports_mark_rentals();
CREATE TRIGGER reports_mark_deleted AFTER DELETE ON rentals_rentalcharge
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION reports_mark_rentals();
"""
BACKWARD = """
DROP TRIGGER reports_mark_inserted ON rentals_rentalcharge;
DROP TRIGGER reports_mark_updated ON rentals_rentalcharge;
DROP TRIGGER reports_mark_deleted ON rentals_rentalcharge;
DROP FUNCTION reports_mark_rentals();
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_rolled_up_days"), ("rentals", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
