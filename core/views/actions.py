"""What a page offers to do: buttons, bulk actions, and the next step where a list is empty."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from core.access import Access, allows


@dataclass(frozen=True)
class PageAction:
    """A button of a page's head.

    ``url_name`` is reversed with the page's object, if it has one. ``fragment`` opens it inside the tab by htmx.
    """

    label: str
    url_name: str
    icon: str = ""
    permission: Access | str = Access.WRITE
    primary: bool = False
    danger: bool = False
    fragment: bool = False
    # Told the page's object (None on a list); False hides the button.
    shown: Any = None
    # Query string to add, "?carrier={pk}" say.
    query: str = ""


@dataclass(frozen=True)
class ShownAction:
    """A button with its address."""

    action: PageAction
    url: str


def shown_actions(actions: Any, user: Any, instance: Any = None) -> list[ShownAction]:
    """Return the actions a user may take on a page, with their addresses."""
    shown = []
    for action in actions:
        if not allows(user, action.permission) or (action.shown is not None and not action.shown(instance)):
            continue
        args = [instance.pk] if instance is not None and not action.query else []
        url = reverse(action.url_name, args=args)
        if action.query:
            url += action.query.format(pk=instance.pk)
        shown.append(ShownAction(action, url))
    return shown


@dataclass(frozen=True)
class BulkAction:
    """Something done to the chosen rows: the list view's ``bulk_<name>(queryset, actor)`` does it.

    The method returns the words of the success message. ``confirm`` says what will happen; the page counts the rows
    and names the first of them.
    """

    name: str
    label: str
    confirm: str = ""
    icon: str = ""
    permission: Access | str = Access.WRITE
    danger: bool = False
    # The kind of bulk change (core.jobs) that does it to more rows than one request can, or always where a form asks
    # first; the form's ``options()`` and these go with it.
    job: str = ""
    form_class: Any = None
    options: Callable[[], dict[str, Any]] = dict


@dataclass(frozen=True)
class EmptyState:
    """What an empty list teaches: what belongs here, the next step of the guide, and the button that does it."""

    title: str
    text: str = ""
    icon: str = "inbox"
    action: PageAction | None = None
