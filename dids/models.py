"""The inventory of DID numbers and what they ring."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from accounts.models import Alias
from billing.models import at_most_a_day, currency_code
from carriers.models import Carrier
from core.addresses import page_address
from core.fields import ZERO, MoneyField
from core.history import tracked
from core.phone_numbers import format_number
from dids.choices import DIDState
from dids.plans.models import RentalPlan

e164_digits = RegexValidator(r"^[1-9][0-9]{6,14}$", "7 to 15 digits of an international number.")


@tracked()
class DID(models.Model):
    """A number a carrier provides; rings ``alias`` while mapped.

    ``number`` is E.164 in digits, ``provider_number`` as the provider writes it.
    """

    number = models.CharField(max_length=15, unique=True, validators=[e164_digits])
    provider_number = models.CharField(max_length=32, blank=True)
    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="dids")
    alias = models.ForeignKey(Alias, on_delete=models.PROTECT, null=True, blank=True, related_name="dids")
    state = models.CharField(max_length=12, choices=DIDState, default=DIDState.AVAILABLE)
    state_since = models.DateTimeField()
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 region of the number; 001 is left empty.")
    area = models.CharField(max_length=100, blank=True)
    call_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit; 0: no calls.")
    # What the number costs by the month; triggers of dids.rentals open and close its rentals by these.
    bought_plan = models.ForeignKey(
        RentalPlan, on_delete=models.PROTECT, null=True, blank=True, related_name="bought_dids"
    )
    sold_plan = models.ForeignKey(RentalPlan, on_delete=models.PROTECT, null=True, blank=True, related_name="sold_dids")
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        verbose_name = "DID"
        verbose_name_plural = "DIDs"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="mapped") | models.Q(alias__isnull=False), name="did_mapped_has_alias"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="available") | models.Q(alias__isnull=True), name="did_available_has_no_alias"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "number"], name="did_available_list"),
            models.Index(fields=["carrier", "number"], name="did_of_carrier"),
            # The list by country: a country with few numbers is found without reading all of them.
            models.Index(fields=["country", "number"], name="did_of_country"),
        ]

    def __str__(self) -> str:
        return format_number(self.number)

    def get_absolute_url(self) -> str:
        """Return the address of the DID's page."""
        return page_address("dids:did_detail", self.pk)


@tracked()
class DIDPrice(models.Model):
    """A DID's own price: what the account it rings pays to receive a call to it, instead of by its product.

    A table of its own, since few of very many DIDs have one. ``free_seconds`` cover charged seconds first, per
    business month and account.
    """

    did = models.OneToOneField(DID, on_delete=models.CASCADE, related_name="price")
    currency = models.CharField(max_length=3, validators=[currency_code])
    rate_minute = MoneyField(default=ZERO, help_text="Price of a minute.")
    rate_call = MoneyField(default=ZERO, help_text="Price of an answered call, whatever its length.")
    increment = models.PositiveIntegerField("increment, s", default=1, validators=[MinValueValidator(1), at_most_a_day])
    grace = models.PositiveIntegerField(
        "grace, s", default=0, validators=[at_most_a_day], help_text="Calls shorter than this cost nothing."
    )
    minimal_duration = models.PositiveIntegerField(
        "minimal duration, s",
        default=0,
        validators=[at_most_a_day],
        help_text="A call is charged for at least this long.",
    )
    free_seconds = models.PositiveIntegerField(
        "free seconds a month", default=0, help_text="Of calls to this DID, per business month; used up first."
    )

    class Meta:
        verbose_name = "DID price"
        constraints = [
            models.CheckConstraint(condition=models.Q(increment__gte=1), name="did_price_increment_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"price of {self.did}"

    def get_absolute_url(self) -> str:
        """Return the address of its DID."""
        return self.did.get_absolute_url()

    @property
    def charges(self) -> bool:
        """Whether anything is charged by it."""
        return bool(self.rate_minute or self.rate_call)
