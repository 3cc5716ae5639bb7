"""Tabs of a model's page; each is an address of its own, and any app may hang one on another app's model.

Registered by model label, so that ``cdr`` can add "CDRs" to a carrier without ``carriers`` knowing of it. An app's
``views`` and ``tabs`` are imported when the first URL configuration asks for tabs; registering in either is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import autodiscover_modules

from core.access import Access, allows

# A count beyond this tells an operator nothing more, and counting it costs.
BADGE_LIMIT = 1000


@dataclass(frozen=True)
class ViewTab:
    """How a tab shows: its label, an optional count of the object's rows, who sees it, and its place (light first)."""

    label: str
    badge: Callable[[Any], Any] | None = None
    permission: Access | str = Access.READ
    weight: int = 1000


@dataclass(frozen=True)
class Registration:
    """One registered tab: the last part of its address, and its view."""

    slug: str
    view: Any = field(repr=False)

    @property
    def tab(self) -> ViewTab:
        """Return how the tab shows."""
        return self.view.tab


@dataclass(frozen=True)
class ShownTab:
    """A tab as the tab bar draws it for one object."""

    label: str
    url: str
    badge: str
    active: bool


_tabs: dict[str, dict[str, Registration]] = {}


def label_of(model: type[Model] | Model | str) -> str:
    """Return the registry's key for a model, given as class, instance or ``app.model``."""
    return model.lower() if isinstance(model, str) else model._meta.label_lower


def register_tab(model: type[Model] | str, slug: str = "") -> Callable[[Any], Any]:
    """Register a view class as a tab of ``model``; an empty slug is the model's main page.

    The address is ``<model's page>/<slug>/`` and its name ``<model>_<slug>``, or ``<model>_detail``.
    """

    def decorate(view: Any) -> Any:
        tabs = _tabs.setdefault(label_of(model), {})
        if slug in tabs and tabs[slug].view.__qualname__ != view.__qualname__:
            raise ValueError(f"{label_of(model)} already has a tab {slug!r}: {tabs[slug].view}")
        tabs[slug] = Registration(slug, view)
        view.tab_slug = slug
        view.tab_model = label_of(model)
        return view

    return decorate


def url_name(model: type[Model] | Model | str, slug: str) -> str:
    """Return ``app:model_slug``, the name of a tab's address."""
    app, _, name = label_of(model).partition(".")
    return f"{app}:{name}_{slug.replace('-', '_') or 'detail'}"


def tab_urls(model: type[Model] | str, prefix: str = "<int:pk>/") -> list[URLPattern]:
    """Return the address patterns of all tabs of a model, for the URL configuration of the app that owns it."""
    autodiscover_modules("views", "tabs")
    return [
        path(
            prefix + (f"{entry.slug}/" if entry.slug else ""),
            entry.view.as_view(),
            name=url_name(model, entry.slug).partition(":")[2],
        )
        for entry in _tabs.get(label_of(model), {}).values()
    ]


def shown_tabs(request: HttpRequest, instance: Model, active: str) -> list[ShownTab]:
    """Return the tabs of an object that this user may see, with their counts."""
    shown = []
    for entry in sorted(_tabs.get(label_of(instance), {}).values(), key=lambda entry: entry.tab.weight):
        tab = entry.tab
        if not allows(request.user, tab.permission):
            continue
        count = tab.badge(instance) if tab.badge else None
        if isinstance(count, int) and count >= BADGE_LIMIT:
            text = f"{BADGE_LIMIT:,}+"
        else:
            text = "" if count is None else str(count)
        url = reverse(url_name(instance, entry.slug), args=[instance.pk])
        shown.append(ShownTab(tab.label, url, text, entry.slug == active))
    return shown


def bounded_count(queryset: Any) -> int:
    """Count rows up to BADGE_LIMIT only, so that a badge stays cheap on a table of millions."""
    return queryset.order_by()[:BADGE_LIMIT].count()


def main_view(model: type[Model] | Model | str) -> Any:
    """Return the view of a model's main tab, which says how the object's page begins, or None."""
    entry = _tabs.get(label_of(model), {}).get("")
    return entry.view if entry else None
