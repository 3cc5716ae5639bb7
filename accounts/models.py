"""Clients, what is billed (accounts), and what phones register as (aliases)."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from accounts.choices import AccountState
from billing.models import Balance, Product
from billing.seller.models import one_line, tax_percent
from core.addresses import page_address
from core.choices import AudioPath
from core.history import tracked

sip_user_format = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}[A-Za-z0-9]$",
    "3 to 64 letters, digits, dots, hyphens and underscores, such as desk-101.",
)


@tracked()
class Client(models.Model):
    """A customer."""

    name = models.CharField(max_length=100, unique=True)
    email = models.EmailField(blank=True)
    notes = models.TextField(blank=True)
    billing_name = models.CharField(max_length=200, blank=True, validators=[one_line])
    billing_address = models.TextField(max_length=500, blank=True)
    tax_id = models.CharField("tax id", max_length=50, blank=True, validators=[one_line])
    tax_rate = models.DecimalField(
        "tax rate, %", max_digits=6, decimal_places=3, null=True, blank=True, validators=tax_percent
    )
    tax_included = models.BooleanField("prices include tax", default=False)
    tax_note = models.CharField(max_length=200, blank=True, validators=[one_line])
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the client's page."""
        return page_address("accounts:client_detail", self.pk)


@tracked()
class Account(models.Model):
    """What is billed: balance, product, limits and state."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=AccountState, default=AccountState.ACTIVE)
    balance = models.OneToOneField(Balance, on_delete=models.PROTECT, related_name="account", editable=False)
    product = models.ForeignKey(
        Product,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="accounts",
        help_text="Prices the calls this account receives; without one it receives free.",
    )
    call_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no limit; 0: no calls.")
    max_call_seconds = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["client", "name"], name="account_once_per_client")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the account's page."""
        return page_address("accounts:account_detail", self.pk)


@tracked(exclude=["ha1_md5", "ha1_sha256"])
class Alias(models.Model):
    """What a phone registers as; of its secret only digest hashes are stored (RFC 7616, 3.4.2)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="aliases")
    username = models.CharField("SIP user name", max_length=64, unique=True, validators=[sip_user_format])
    ha1_md5 = models.CharField(max_length=32, editable=False)
    ha1_sha256 = models.CharField(max_length=64, editable=False)
    enabled = models.BooleanField(default=True)
    description = models.CharField(max_length=200, blank=True)
    audio = models.CharField(max_length=12, choices=AudioPath, default=AudioPath.AUTOMATIC)

    class Meta:
        ordering = ["username"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.username

    def get_absolute_url(self) -> str:
        """Return the address of the alias's page."""
        return page_address("accounts:alias_detail", self.pk)


class Registration(models.Model):
    """A contact that a phone has registered, as the switch's events tell it."""

    alias = models.ForeignKey(Alias, on_delete=models.CASCADE, related_name="registrations")
    switch = models.CharField(max_length=64)
    contact = models.CharField(max_length=256)
    received = models.CharField(max_length=64, blank=True)
    transport = models.CharField(max_length=8, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    call_id = models.CharField(max_length=256, blank=True)
    registered_at = models.DateTimeField()
    refreshed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When it was removed; its expiry ends it too.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alias", "switch", "contact"], name="registration_once_per_contact"),
        ]

    def __str__(self) -> str:
        return self.contact
