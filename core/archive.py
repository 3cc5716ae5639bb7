"""What money refers to is never deleted: it is archived, which hides it from lists and choices, and can be taken back.

A model that can be archived has ``archived_at``; its services say what must be done before.
"""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from core import render
from core.filters import LeftOut, PortalFilterSet
from core.views.edit import FormActionView


class ArchivedFilterMixin(PortalFilterSet):
    """Leaves archived rows out of a list unless they are asked for."""

    left_out = LeftOut("archived", "?archived=only")
    archived = django_filters.ChoiceFilter(
        label="Archived", choices=(("only", "Archived only"), ("all", "Archived too")), method="with_archived"
    )

    def with_archived(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Show archived ones."""
        return queryset.filter(archived_at__isnull=False) if value == "only" else queryset

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave archived ones out unless they are asked for."""
        if not self.form.cleaned_data.get("archived"):
            queryset = queryset.filter(archived_at=None)
        return super().filter_queryset(queryset)


def archived_pill(instance: Any) -> list[Any]:
    """Return the pill of a row that is archived."""
    return [render.pill("Archived")] if instance.archived_at else []


def is_archived(instance: Any) -> bool:
    """Tell whether an object is archived (which buttons are offered)."""
    return bool(instance.archived_at)


def is_in_use(instance: Any) -> bool:
    """Tell whether an object is not archived."""
    return not instance.archived_at


class ArchiveView(FormActionView):
    """Ask, then archive: give ``model``, ``lead`` and ``archive``, a service with ``actor`` and ``archived``."""

    form_class = forms.Form
    submit_label = "Archive"
    archived = True
    done_words = "archived"

    def get_title(self) -> str:
        """Return the question."""
        return f"{self.submit_label} {self.object}?"

    def get_initial(self) -> dict[str, Any]:
        """Take nothing from the address."""
        return {}

    def archive(self) -> Any:
        """Do it."""
        raise NotImplementedError

    def perform(self, form: Any) -> Any:
        """Do it, or say what must be done before."""
        return self.archive()

    def get_success_message(self, result: Any) -> str:
        """Say so."""
        return f"{result} {self.done_words}."


class RestoreMixin:
    """The way back."""

    submit_label = "Take back"
    archived = False
    done_words = "taken back"
