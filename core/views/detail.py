"""The page of one object, and its tabs; all tabs share the object's head."""

from typing import Any, ClassVar

from django.apps import apps
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.safestring import SafeString

from core.access import Access
from core.tabs import ViewTab, main_view, shown_tabs, url_name
from core.views.actions import PageAction, shown_actions
from core.views.base import PageView, list_breadcrumb
from core.views.list import ListView


class ObjectHead:
    """How an object's page begins; the view of the main tab overrides these, and every other tab follows it."""

    object_actions: tuple[PageAction, ...] = ()

    @classmethod
    def object_queryset(cls, model: type[Model]) -> QuerySet[Any]:
        """Return the rows whose page may be opened, with the relations that the head shows."""
        return model._default_manager.all()

    @classmethod
    def object_title(cls, instance: Any) -> str:
        """Return the heading."""
        return str(instance)

    @classmethod
    def object_subtitle(cls, instance: Any) -> str:
        """Return the line under the heading."""
        return ""

    @classmethod
    def object_pills(cls, instance: Any) -> list[SafeString]:
        """Return the pills beside the heading."""
        return []

    @classmethod
    def object_parents(cls, instance: Any) -> list[tuple[str, str]]:
        """Return (words, address) of the pages above, by default the model's list."""
        return list_breadcrumb(instance)


class TabMixin(PageView):
    """A tab of an object's page; ``self.object`` is the object."""

    access: Access | str = Access.READ
    tab: ClassVar[ViewTab]
    tab_slug: ClassVar[str]
    tab_model: ClassVar[str]
    object: Any

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Load the object, or answer 404."""
        super().setup(request, *args, **kwargs)
        model = apps.get_model(self.tab_model)
        # Not ``head``: by that name Django serves the method HEAD.
        self.page_head: type[ObjectHead] = main_view(self.tab_model) or ObjectHead
        self.object = get_object_or_404(self.page_head.object_queryset(model), pk=kwargs["pk"])

    def get_title(self) -> str:
        """Return the object's heading."""
        return self.page_head.object_title(self.object)

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the pages above the object."""
        return self.page_head.object_parents(self.object)

    def get_page_actions(self) -> list[Any]:
        """Return the object's own buttons; a tab's own stand in its body."""
        return shown_actions(self.page_head.object_actions, self.request.user, self.object)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add the object, its head and its tabs."""
        return super().get_context_data(
            object=self.object,
            tabs=shown_tabs(self.request, self.object, self.tab_slug),
            tab=self.tab,
            pills=self.page_head.object_pills(self.object),
            subtitle=self.page_head.object_subtitle(self.object),
            tab_actions=shown_actions(self.page_actions, self.request.user, self.object),
            **{key: value for key, value in extra.items() if key != "subtitle"},
        )


class TabView(TabMixin):
    """A tab drawn by a template of its own, which extends ``core/object.html``."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the tab."""
        return self.render(self.get_context_data())


class ObjectView(TabView, ObjectHead):
    """The main tab of an object's page, and the head of all its tabs."""


class TabListView(TabMixin, ListView):
    """A tab that is a list; ``get_queryset`` gives the rows of ``self.object``."""

    template_name = "core/object_list.html"

    def get_title(self) -> str:
        """Return the object's heading, not the rows'."""
        return self.page_head.object_title(self.object)

    def empty_action(self) -> Any:
        """Return the button of the empty state, its address made with the object."""
        shown = shown_actions((self.empty.action,), self.request.user, self.object) if self.empty.action else []
        return shown[0] if shown else None

    def get_absolute_url(self) -> str:
        """Return this tab's address."""
        return reverse(url_name(self.tab_model, self.tab_slug), args=[self.object.pk])


def tab_address(instance: Model, slug: str) -> str:
    """Return the address of one tab of an object."""
    return reverse(url_name(instance, slug), args=[instance.pk])


__all__ = ["ObjectHead", "ObjectView", "TabListView", "TabMixin", "TabView", "tab_address"]
