"""What administrators do to users; each keeps at least one administrator who can log in."""

import secrets

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from core.choices import Role
from core.models import User

# No letters or digits that are taken for one another when read aloud.
PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105 - an alphabet
PASSWORD_GROUPS = 4


def generate_password() -> str:
    """Return a one-time password of four groups of four, 92 bits."""
    groups = ("".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(4)) for _ in range(PASSWORD_GROUPS))
    return "-".join(groups)


def _require_administrator(actor: User) -> list[int]:
    """Lock and return every administrator who can log in; raise PermissionDenied unless the actor is one.

    The actor is judged by the locked rows, not by what the request loaded: two administrators who remove each other
    at once take turns, and the second finds that they no longer are one.
    """
    administrators = list(
        User.objects.select_for_update()
        .filter(role=Role.ADMINISTRATOR, is_active=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if actor.pk not in administrators:
        raise PermissionDenied("Users are administered by administrators.")
    return administrators


def _keep_one(administrators: list[int], user: User) -> None:
    if administrators == [user.pk]:
        raise ValidationError(f"{user} is the last administrator; give another user that role first.")


@transaction.atomic
def create_user(*, username: str, role: str, time_zone: str = "UTC", email: str = "", actor: User) -> tuple[User, str]:
    """Create a user and return it with the one-time password, which is stored as a hash only."""
    _require_administrator(actor)
    password = generate_password()
    user = User(
        username=username,
        role=role,
        time_zone=time_zone,
        email=email,
        must_change_password=True,
        password=make_password(password),
    )
    user.full_clean()
    user.save()
    return user, password


@transaction.atomic
def reset_password(user: User, *, actor: User) -> str:
    """Give a user a new one-time password, which ends all their sessions, and return it."""
    _require_administrator(actor)
    password = generate_password()
    # Sessions carry a hash of the password; changing it logs the user out everywhere.
    user.password = make_password(password)
    user.must_change_password = True
    user.save(update_fields=["password", "must_change_password"])
    return password


@transaction.atomic
def change_user(user: User, *, role: str, time_zone: str, email: str, actor: User) -> User:
    """Change a user's role, time zone and e-mail address."""
    administrators = _require_administrator(actor)
    if role != Role.ADMINISTRATOR:
        _keep_one(administrators, user)
    user.role, user.time_zone, user.email = role, time_zone, email
    user.full_clean(exclude=["password"])
    user.save(update_fields=["role", "time_zone", "email"])
    return user


@transaction.atomic
def set_user_active(user: User, active: bool, *, actor: User) -> User:
    """Let a user log in, or no longer; a disabled user's sessions end with the next request."""
    administrators = _require_administrator(actor)
    if not active:
        _keep_one(administrators, user)
    user.is_active = active
    user.save(update_fields=["is_active"])
    return user


@transaction.atomic
def remove_second_factor(user: User, *, actor: User) -> None:
    """Remove a user's authenticator and recovery codes, for one who has lost them."""
    _require_administrator(actor)
    Authenticator.objects.filter(user=user).delete()
