"""Positions are kept of tables too, not only of the local record's files."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("syslog", "0001_initial")]

    operations = [
        migrations.RenameModel("RecordPosition", "ReadPosition"),
        migrations.RenameField("ReadPosition", "path", "source"),
    ]
