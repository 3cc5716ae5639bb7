"""What DID numbers cost by the month."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from billing.models import currency_code
from carriers.models import Carrier
from core.fields import ZERO, MoneyField
from core.history import tracked
from dids.plans.choices import FirstPeriod, RentalSide

MOST_FREE_DAYS = 3660
not_negative = MinValueValidator(Decimal(0), "A fee is not negative.")


@tracked()
class RentalPlan(models.Model):
    """The price of a number: set-up and monthly fee of one side in one currency.

    Its history prices periods that are charged late: the fee in force at a period's start holds for it.
    """

    name = models.CharField(max_length=100, unique=True)
    side = models.CharField(max_length=8, choices=RentalSide)
    currency = models.CharField(max_length=3, validators=[currency_code])
    setup_fee = MoneyField("set-up fee", default=ZERO, validators=[not_negative])
    monthly_fee = MoneyField(default=ZERO, validators=[not_negative])
    first_period = models.CharField(max_length=8, choices=FirstPeriod, default=FirstPeriod.PRORATED)
    free_days = models.PositiveIntegerField(
        "free period, days",
        default=0,
        validators=[MaxValueValidator(MOST_FREE_DAYS)],
        help_text="Days from the start of a rental before the first month is charged; the set-up fee is not waived.",
    )
    is_default = models.BooleanField(
        "default",
        default=False,
        help_text="Given to numbers that are added or mapped without a plan: of this carrier and country, where named.",
    )
    carrier = models.ForeignKey(
        Carrier, on_delete=models.PROTECT, null=True, blank=True, related_name="rental_plans", verbose_name="of carrier"
    )
    country = models.CharField("of country", max_length=2, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(setup_fee__gte=0, monthly_fee__gte=0), name="rental_fees_not_negative"
            ),
            models.UniqueConstraint(
                fields=["side", "currency", "carrier", "country"],
                condition=models.Q(is_default=True, archived_at=None),
                nulls_distinct=False,
                name="rental_one_default",
                violation_error_message="There is a default for these numbers in this currency already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the plan's page."""
        return reverse("rental_plans:rentalplan_detail", args=[self.pk])

    @property
    def is_free(self) -> bool:
        """Whether it charges nothing, and so fits a balance in any currency."""
        return not self.setup_fee and not self.monthly_fee
