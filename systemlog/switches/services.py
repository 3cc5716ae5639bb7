"""Create switches, give them tokens, turn them off. Each is written to System Log with who did it."""

from django.db import transaction
from django.utils import timezone

from core.models import User
from systemlog.authentication import new_token
from systemlog.choices import Category, Severity
from systemlog.entries import ref, write_entries
from systemlog.models import LogEntry, Switch


@transaction.atomic
def create_switch(*, actor: User, name: str, description: str = "") -> tuple[Switch, str]:
    """Create a switch with a token and return both; the token is known to nobody after this."""
    token, digest = new_token()
    switch = Switch.objects.create(name=name, description=description, token_digest=digest)
    _note(actor, switch, "added, with a token")
    return switch, token


@transaction.atomic
def renew_token(*, actor: User, switch: Switch) -> str:
    """Give a switch another token; the old one ends at once."""
    token, switch.token_digest = new_token()
    switch.save(update_fields=["token_digest"])
    _note(actor, switch, "given a new token")
    return token


@transaction.atomic
def change_switch(*, actor: User, switch: Switch, enabled: bool, description: str) -> Switch:
    """Change what an administrator decides; a disabled switch's token is refused."""
    words = "changed" if enabled == switch.enabled else ("enabled" if enabled else "disabled")
    switch.enabled, switch.description = enabled, description
    switch.save(update_fields=["enabled", "description"])
    _note(actor, switch, words)
    return switch


def _note(actor: User, switch: Switch, words: str) -> None:
    write_entries(
        [
            LogEntry(
                at=timezone.now(),
                category=Category.CONFIGURATION,
                severity=Severity.NOTICE,
                message=f"Switch {switch.name} was {words} by {actor}.",
                refs=ref("switch", switch.pk, switch.name),
            )
        ]
    )
