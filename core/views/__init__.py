"""Generic views: a page of the portal is a declaration (queryset, filter set, table, form), not code."""

from core.views.actions import BulkAction, EmptyState, PageAction
from core.views.delete import DeleteView
from core.views.detail import ObjectView, TabListView, TabView
from core.views.edit import CreateView, FormActionView, TabCreateView, UpdateView
from core.views.list import ListView

__all__ = [
    "BulkAction",
    "CreateView",
    "DeleteView",
    "EmptyState",
    "FormActionView",
    "ListView",
    "ObjectView",
    "PageAction",
    "TabCreateView",
    "TabListView",
    "TabView",
    "UpdateView",
]
