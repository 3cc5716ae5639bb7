"""Rental plans: created, changed from now on, archived; deleted only while nothing refers to them."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from core.history import acting
from core.models import User
from dids.plans.choices import RentalSide
from dids.plans.models import RentalPlan

MANY = 1000


def save_plan(*, actor: User, plan: RentalPlan) -> RentalPlan:
    """Create a plan, or change it: new fees hold for periods that begin from now on. Side and currency stay.

    Raise ValidationError beside the field that does not fit.
    """
    with transaction.atomic(), acting(actor):
        if plan.pk:
            before = RentalPlan.objects.select_for_update(no_key=True).get(pk=plan.pk)
            for field in ("side", "currency"):
                if getattr(before, field) != getattr(plan, field):
                    raise ValidationError({field: "It stays: make another plan instead."})
            if before.is_free and not plan.is_free and (users := users_words(before)):
                raise ValidationError(
                    {"monthly_fee": f"{users} have this free plan, whose currency was not asked for: make another."}
                )
        if not plan.is_default:
            plan.carrier, plan.country = None, ""
        plan.full_clean()
        if plan.carrier and plan.side == RentalSide.BOUGHT and plan.carrier.balance.currency != plan.currency:
            raise ValidationError({"carrier": f"The balance of {plan.carrier} is in {plan.carrier.balance.currency}."})
        plan.save()
        return plan


def archive_plan(*, actor: User, plan: RentalPlan, archived: bool = True) -> RentalPlan:
    """Offer a plan for no more numbers, or again; those which have it keep it and are charged as before."""
    with transaction.atomic(), acting(actor):
        RentalPlan.objects.filter(pk=plan.pk).update(archived_at=Now() if archived else None)
        plan.refresh_from_db()
        return plan


def what_keeps(plan: RentalPlan) -> list[str]:
    """Return what forbids deleting a plan, counted and in words: numbers that have it, charges made by it."""
    # DIDs and charges stand above plans: the reverse relations are asked, never the apps.
    kept = [users_words(plan)]
    count = plan.rental_charges.order_by()[: MANY + 1].count()
    kept.append(counted(count, "charge") if count else "")
    return [words for words in kept if words]


def users_words(plan: RentalPlan) -> str:
    """Return how many numbers have a plan, or nothing."""
    rows = plan.bought_dids if plan.side == RentalSide.BOUGHT else plan.sold_dids
    count = rows.order_by()[: MANY + 1].count()
    return counted(count, "DID") if count else ""


def counted(count: int, noun: str) -> str:
    """Return "3 DIDs", or "more than 1,000 DIDs"."""
    if count > MANY:
        return f"more than {MANY:,} {noun}s"
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def delete_plan(*, actor: User, plan: RentalPlan) -> None:
    """Delete a plan that nothing refers to. Raise ValidationError that says what does."""
    with transaction.atomic(), acting(actor):
        locked = RentalPlan.objects.select_for_update().get(pk=plan.pk)
        if kept := what_keeps(locked):
            raise ValidationError(f"{locked} has {' and '.join(kept)}: archive it instead.")
        locked.delete()
