"""DIDs' own prices: what an account pays to receive calls to one number, instead of by its product."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Account
from core.history import acting
from core.models import User
from core.phone_numbers import format_number
from dids.models import DID, DIDPrice


def price_of(did: DID) -> DIDPrice | None:
    """Return a DID's own price, if it has one."""
    return DIDPrice.objects.filter(did=did).first()


def save_did_price(*, actor: User, did: DID, **values: Any) -> DIDPrice:
    """Give a DID its own price, or change it; calls that began before keep theirs.

    Raise ValidationError for a malformed value, for a price below zero, or for another currency than that of the
    account which the DID rings: amounts are not converted.
    """
    with transaction.atomic(), acting(actor):
        locked = DID.objects.select_for_update(no_key=True, of=("self",)).select_related("alias__account__balance")
        did = locked.get(pk=did.pk)
        price = price_of(did) or DIDPrice(did=did)
        for name, value in values.items():
            setattr(price, name, value)
        price.currency = price.currency.strip().upper()
        price.full_clean(validate_unique=False)
        below = [name for name in ("rate_minute", "rate_call") if getattr(price, name) < 0]
        if below:
            raise ValidationError(dict.fromkeys(below, "What a client pays for its number is not below zero."))
        if price.charges and did.alias and price.currency != did.alias.account.balance.currency:
            currency = did.alias.account.balance.currency
            raise ValidationError(
                {"currency": f"It rings {did.alias.account}, which pays in {currency}; amounts are not converted."}
            )
        price.save()
        return price


def remove_did_price(*, actor: User, did: DID) -> None:
    """Take a DID's own price away: the account's product prices its calls from then on, or they are free."""
    with transaction.atomic(), acting(actor):
        DIDPrice.objects.filter(did=did).delete()


class PriceCurrencies:
    """The currencies of DIDs' own prices, against those of the accounts that numbers are to ring."""

    def __init__(self) -> None:
        priced = DIDPrice.objects.exclude(rate_minute=0, rate_call=0)
        self._prices = dict(priced.values_list("did_id", "currency"))
        self._accounts: dict[int, str] = {}

    def conflict(self, did_id: int, number: str, account_id: int) -> str:
        """Return why a DID's own price cannot be charged to an account, or nothing; amounts are not converted."""
        currency = self._prices.get(did_id)
        if currency is None:
            return ""
        if account_id not in self._accounts:
            found = Account.objects.filter(pk=account_id).values_list("balance__currency", flat=True).first()
            self._accounts[account_id] = found or currency
        pays = self._accounts[account_id]
        if pays == currency:
            return ""
        return f"{format_number(number)} has its own price in {currency}, and the account pays in {pays}"
