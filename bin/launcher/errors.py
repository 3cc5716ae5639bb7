"""The one kind of failure that the launcher shows to a person."""


class StartError(Exception):
    """Say in one line what is in the way and what to do about it."""
