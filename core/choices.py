"""Choices that carry a colour beside value and label, so that a status pill needs no template logic."""

from django.db import models


class ColouredChoices(models.TextChoices):
    """Text choices whose members are written ``value, colour, label``; colours are Tabler's names.

    The label stands last because Django's enumeration takes the last item as the label.
    """

    colour: str

    def __new__(cls, value: str, colour: str = "secondary") -> "ColouredChoices":
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        return member


class Role(ColouredChoices):
    """What a user may do: administrators all, operators the inventory and payments, support reads and simulates."""

    ADMINISTRATOR = "administrator", "purple", "Administrator"
    OPERATOR = "operator", "blue", "Operator"
    SUPPORT = "support", "secondary", "Support"


class AudioPath(ColouredChoices):
    """Whether audio of calls goes through the switch's relay; of a call's two settings ALWAYS wins, then NEVER."""

    AUTOMATIC = "automatic", "secondary", "Automatic"
    ALWAYS = "always", "azure", "Always through the relay"
    NEVER = "never", "azure", "Never through the relay"
