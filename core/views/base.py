"""What all pages share: title, breadcrumb, buttons, and the fragment that htmx asks for."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.cache import patch_vary_headers
from django.utils.text import capfirst
from django.views import View

from core.access import Access
from core.models import User
from core.tabs import url_name
from core.views.actions import PageAction, shown_actions


class PageView(View):
    """A page: ``access`` is its rule, ``template_name`` its template, ``title`` its heading."""

    access: Access | str
    request: HttpRequest
    template_name = ""
    title = ""
    subtitle = ""
    page_actions: tuple[PageAction, ...] = ()

    @property
    def actor(self) -> User:
        """Return who acts: the rules of access let nobody reach a page of the portal who is not signed in."""
        user = self.request.user
        assert isinstance(user, User)
        return user

    def get_title(self) -> str:
        """Return the heading of the page."""
        return self.title

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return (words, address) of the pages above this one."""
        return []

    def get_page_actions(self) -> list[Any]:
        """Return the buttons of the page's head that this user may press."""
        return shown_actions(self.page_actions, self.request.user)

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Return the template's context."""
        return {
            "view": self,
            "title": self.get_title(),
            "subtitle": self.subtitle,
            "breadcrumbs": self.get_breadcrumbs(),
            "page_actions": self.get_page_actions(),
            **extra,
        }

    def render(self, context: dict[str, Any], template: str = "", status: int = 200) -> HttpResponse:
        """Render a template; one address serves page and fragment, so caches must tell them apart."""
        response = TemplateResponse(self.request, template or self.template_name, context, status=status)
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        return response

    def wants_fragment(self, target: str) -> bool:
        """Tell whether htmx asked for just the element ``target`` of the page (never when it restores history)."""
        htmx = self.request.htmx  # type: ignore[attr-defined]
        return bool(htmx) and htmx.target == target and not htmx.history_restore_request


def list_breadcrumb(model: type[Model] | Model) -> list[tuple[str, str]]:
    """Return the breadcrumb of a model's list, under the title that the list has, if it has a list page."""
    try:
        address = reverse(url_name(model, "list"))
    except NoReverseMatch:
        return []
    title = getattr(getattr(resolve(address).func, "view_class", None), "title", "")
    return [(title or capfirst(str(model._meta.verbose_name_plural)), address)]
