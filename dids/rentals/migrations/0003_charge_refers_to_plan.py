"""A charge refers to its plan, so that no plan is deleted by which something was charged."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rentals", "0002_terms_follow_dids"), ("rental_plans", "0001_initial")]

    operations = [
        migrations.RenameField("rentalcharge", "plan_id", "plan"),
        migrations.AlterField(
            "rentalcharge",
            "plan",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rental_charges",
                to="rental_plans.rentalplan",
            ),
        ),
    ]
