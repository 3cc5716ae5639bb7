"""Forms of rentals."""

from typing import Any

from django import forms

from dids.models import DID
from dids.plans.choices import RentalSide
from dids.plans.forms import PlanField
from dids.plans.models import RentalPlan


class RentalPlansForm(forms.Form):
    """Which plans a number has."""

    sold_plan = PlanField(RentalSide.SOLD, label="Sold by plan", help_text="What the account pays that has the number.")
    bought_plan = PlanField(RentalSide.BOUGHT, label="Bought by plan", help_text="What we owe its carrier.")

    def __init__(self, *args: Any, did: DID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("sold_plan", "bought_plan"):
            field: Any = self.fields[name]
            own = getattr(did, f"{name}_id")
            field.queryset = field.queryset | RentalPlan.objects.filter(pk=own) if own else field.queryset
            field.initial = own
