"""Forms of rental plans."""

from typing import Any

from django import forms
from django.conf import settings

from core.countries import country_choices
from core.render import money_text
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan
from dids.plans.selectors import plans_offered


class PlanForm(forms.ModelForm):
    """What a number costs by the month."""

    country = forms.ChoiceField(
        choices=lambda: [("", "Any country"), *country_choices()],
        required=False,
        label="Default for numbers of country",
    )

    class Meta:
        model = RentalPlan
        fields = (
            "name",
            "side",
            "currency",
            "setup_fee",
            "monthly_fee",
            "first_period",
            "free_days",
            "is_default",
            "carrier",
            "country",
        )
        labels = {
            "first_period": "First month",
            "free_days": "Free period, days",
            "is_default": "Default plan",
            "carrier": "Default for numbers of carrier",
        }
        help_texts = {
            "side": "Bought: what we owe the carrier for the number. Sold: what the account pays for it.",
            "setup_fee": "Charged once, when the rental begins.",
            "monthly_fee": "A change holds for months that begin after it.",
            "currency": "That of the balances it is charged to; amounts are not converted.",
            "free_days": "Days after the start before the first month is charged; the set-up fee is charged at once.",
            "is_default": "New numbers (bought) or numbers mapped to an account (sold) without a plan get it.",
        }
        widgets = {
            "currency": forms.TextInput(attrs={"class": "mono", "maxlength": 3, "autocomplete": "off"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["carrier"].empty_label = "Any carrier"  # type: ignore[attr-defined]
        self.fields["carrier"].required = False
        if self.instance.pk:
            for name in ("side", "currency"):
                self.fields[name].disabled = True
        else:
            self.initial.setdefault("currency", settings.DEFAULT_CURRENCY)

    def clean_currency(self) -> str:
        """Take small letters too."""
        return self.cleaned_data["currency"].upper()


class PlanField(forms.ModelChoiceField):
    """A choice of rental plans, each with its fees; one that is archived is offered where it is had already."""

    def __init__(self, side: RentalSide, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("empty_label", "None: not charged")
        super().__init__(queryset=plans_offered(side), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        """Return "Standard – 3.00 USD a month, set-up 5.00"."""
        return f"{obj} – {plan_words(obj)}"


def plan_words(plan: RentalPlan) -> str:
    """Return what a plan costs, in few words."""
    words = f"{money_text(plan.monthly_fee)} {plan.currency} a month"
    return f"{words}, set-up {money_text(plan.setup_fee)}" if plan.setup_fee else words


class BulkPlansForm(forms.Form):
    """The plans that many numbers are to have."""

    KEEP, NONE = "", "none"
    sold_plan = forms.ChoiceField(required=False, label="Sold by plan", help_text="What the accounts pay.")
    bought_plan = forms.ChoiceField(required=False, label="Bought by plan", help_text="What we owe the carriers.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for side in RentalSide:
            offered = [(str(plan.pk), f"{plan} – {plan_words(plan)}") for plan in plans_offered(side)]
            field: Any = self.fields[f"{side.value}_plan"]
            field.choices = [(self.KEEP, "As it is"), (self.NONE, "None: not charged"), *offered]

    def clean(self) -> dict[str, Any]:
        """Ask for at least one."""
        cleaned = super().clean() or {}
        if not self.errors and not any(cleaned.values()):
            raise forms.ValidationError("Choose a plan of one side at least.")
        return cleaned

    def options(self) -> dict[str, int | None]:
        """Return what the bulk change needs."""
        return {
            name: None if value == self.NONE else int(value)
            for name, value in self.cleaned_data.items()
            if value != self.KEEP
        }
