"""Companies we exchange calls with, and the addresses they call from."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.indexes import OpClass
from django.core.validators import RegexValidator
from django.db import models
from netfields import CidrAddressField

from billing.models import Balance, Product
from carriers.choices import NumberSource
from carriers.networks import show_network
from core.addresses import page_address
from core.choices import AudioPath
from core.history import tracked

tech_prefix_format = RegexValidator(r"^[0-9*#]{0,15}$", "Digits, * and # only, at most 15, such as 1001#.")
region_format = RegexValidator(r"^([A-Z]{2})?$", "Two capital letters (ISO 3166), such as GB.")


@tracked()
class Carrier(models.Model):
    """A company we exchange calls with; its balance is what the guide calls credit."""

    name = models.CharField(max_length=100, unique=True)
    enabled = models.BooleanField(default=True)
    is_did_provider = models.BooleanField(
        "Carrier is DID provider",
        default=False,
        help_text="Allows incoming calls from this DID provider and accounts for them.",
    )
    balance = models.OneToOneField(Balance, on_delete=models.PROTECT, related_name="carrier", editable=False)
    notes = models.TextField(blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the carrier's page."""
        return page_address("carriers:carrier_detail", self.pk)


@tracked()
class CarrierAccount(models.Model):
    """One address, or a network in CIDR notation, from which a carrier sends calls.

    Networks of one carrier may nest; those of two carriers may not overlap unless their tech prefixes differ. The
    exclusion constraint holds this even when two operators race.
    """

    carrier = models.ForeignKey(Carrier, on_delete=models.CASCADE, related_name="accounts")
    network = CidrAddressField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="carrier_accounts")
    tech_prefix = models.CharField(max_length=15, blank=True, validators=[tech_prefix_format])
    number_source = models.CharField(max_length=20, choices=NumberSource, default=NumberSource.REQUEST_URI)
    default_region = models.CharField(
        max_length=2,
        blank=True,
        validators=[region_format],
        help_text="Country whose national numbers this carrier sends; empty: international numbers only.",
    )
    translation = models.JSONField(
        default=list,
        blank=True,
        help_text="Ordered rules [prefix, replacement]; the first whose prefix fits is applied before E.164 is read.",
    )
    call_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit; 0: no calls.")
    enabled = models.BooleanField(default=True)
    description = models.CharField(max_length=200, blank=True)
    audio = models.CharField(max_length=12, choices=AudioPath, default=AudioPath.AUTOMATIC)

    class Meta:
        ordering = ["network", "tech_prefix"]
        constraints = [
            models.UniqueConstraint(fields=["carrier", "network", "tech_prefix"], name="carrier_account_once"),
            ExclusionConstraint(
                name="carrier_account_no_overlap",
                expressions=[(OpClass("network", name="inet_ops"), "&&"), ("tech_prefix", "="), ("carrier", "<>")],
            ),
        ]

    def __str__(self) -> str:
        return show_network(self.network)

    def get_absolute_url(self) -> str:
        """Return the address of the entry's page."""
        return page_address("carriers:carrieraccount_detail", self.pk)
