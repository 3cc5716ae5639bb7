"""The main menu and the parts of the settings: what is shown follows from what the user's role may open."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.module_loading import import_string

from core.access import Rule, allows, rule_of


@dataclass(frozen=True)
class NavItem:
    """An entry: its words, the name of its address, and the names under which it counts as the current one.

    ``match`` holds prefixes of ``namespace:name``; without it, the address's own model is matched
    ("carriers:carrier_list" covers "carriers:carrier_").
    """

    label: str
    url_name: str
    match: tuple[str, ...] = ()

    def covers(self, view_name: str) -> bool:
        """Tell whether a page belongs to this entry."""
        own = self.url_name.removesuffix("_list") + ("_" if self.url_name.endswith("_list") else "")
        return view_name == self.url_name or any(view_name.startswith(prefix) for prefix in (self.match or (own,)))


@dataclass(frozen=True)
class NavGroup:
    """A top-level entry with its icon; one item makes a link, several a drop-down."""

    label: str
    icon: str
    items: tuple[NavItem, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class SettingsPart:
    """A part of the settings with a page of its own, which its first page leads to."""

    label: str
    url_name: str
    icon: str
    text: str


@dataclass(frozen=True)
class ShownItem:
    """An entry as drawn."""

    label: str
    url: str
    active: bool


@dataclass(frozen=True)
class ShownGroup:
    """A group as drawn; ``single`` groups are plain links."""

    label: str
    icon: str
    items: list[ShownItem]
    active: bool

    @property
    def single(self) -> bool:
        """Tell whether the group is a link of its own."""
        return len(self.items) == 1 and self.items[0].label == self.label


@lru_cache(maxsize=1)
def menu() -> tuple[NavGroup, ...]:
    """Return the menu that settings.NAVIGATION names; composition decides what stands in it, not core."""
    return import_string(settings.NAVIGATION)


def shown_menu(request: HttpRequest) -> list[ShownGroup]:
    """Return the part of the menu that exists and that the user's role may open."""
    match = getattr(request, "resolver_match", None)
    view_name = match.view_name if match else ""
    return list(_groups(request, view_name or ""))


def _groups(request: HttpRequest, view_name: str) -> Iterator[ShownGroup]:
    for group in menu():
        items = []
        for item in group.items:
            try:
                url = reverse(item.url_name)
            except NoReverseMatch:
                continue
            declared = _rule_at(url)
            if declared and allows(request.user, declared.safe):
                items.append(ShownItem(item.label, url, item.covers(view_name)))
        if items:
            yield ShownGroup(group.label, group.icon, items, any(item.active for item in items))


def shown_parts(request: HttpRequest) -> list[dict[str, str]]:
    """Return the parts of the settings, as settings.SETTINGS_PARTS names them, that the user's role may open."""
    shown = []
    for part in import_string(settings.SETTINGS_PARTS):
        url = reverse(part.url_name)
        declared = _rule_at(url)
        if declared and allows(request.user, declared.safe):
            shown.append({"label": part.label, "url": url, "icon": part.icon, "text": part.text})
    return shown


@lru_cache(maxsize=256)
def _rule_at(url: str) -> Rule | None:
    return rule_of(resolve(url).func)
