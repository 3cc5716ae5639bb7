"""Read and change the billing settings."""

import re
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from billing.seller.models import THE_ONE, BillingSettings
from core.history import acting
from core.models import User
from systemlog.mail.services import sender_address


def billing_settings() -> BillingSettings:
    """Return the settings; their defaults, not saved, until somebody has set them."""
    return BillingSettings.objects.filter(pk=THE_ONE).first() or BillingSettings(pk=THE_ONE)


def change_billing_settings(*, actor: User, **changes: Any) -> BillingSettings:
    """Change the settings; administrators only. Raise ValidationError beside the field that cannot be so."""
    if not actor.is_administrator:
        raise PermissionDenied("Only an administrator changes the billing settings.")
    with transaction.atomic(), acting(actor):
        BillingSettings.objects.get_or_create(pk=THE_ONE)
        settings = BillingSettings.objects.select_for_update().get(pk=THE_ONE)
        for field, value in changes.items():
            setattr(settings, field, value)
        settings.full_clean()
        if one_series(settings.invoice_prefix, settings.credit_note_prefix):
            raise ValidationError({"credit_note_prefix": "Credit notes are numbered apart: give them another prefix."})
        settings.save()
        return settings


def one_series(one: str, other: str) -> bool:
    """Tell whether two prefixes are the same in some year: "CN-{year}-" and "CN-2027-" are."""
    return any(one.replace("{year}", year) == other.replace("{year}", year) for year in years_in(one, other))


def years_in(*prefixes: str) -> set[str]:
    """Return the years that could make prefixes the same: any where both name it, those that one spells out."""
    return {"2000", *re.findall(r"(?=(\d{4}))", " ".join(prefixes))}


def mail_sender() -> tuple[str, str]:
    """Return From ("" for the installation's own) and Reply-To of mail to clients."""
    settings = billing_settings()
    return (sender_address(settings.name, settings.mail_from) if settings.mail_from else "", settings.reply_to)
