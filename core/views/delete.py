"""Delete a row, after naming what is lost with it or what keeps it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import Model
from django.db.models.deletion import Collector, ProtectedError, RestrictedError
from django.utils.text import capfirst

from core.views.base import list_breadcrumb
from core.views.edit import ExistingObjectMixin


class DeleteView(ExistingObjectMixin):
    """Delete a row: first name all that will be lost with it, or what protects it."""

    template_name = "core/delete.html"
    form_class = forms.Form
    submit_label = "Delete"

    def get_title(self) -> str:
        """Return "Delete Acme?"."""
        return self.title or f"Delete {self.object}?"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Return an empty form's arguments: only the press of the button counts."""
        return {"data": self.request.POST} if self.request.method == "POST" else {}

    def losses(self) -> tuple[list[tuple[str, int, list[str]]], list[Any]]:
        """Return (kind, count, first names) of what goes with the row, and the rows that forbid it."""
        collector = Collector(using=router.db_for_write(self.model), origin=self.object)
        try:
            collector.collect([self.object])
        except ProtectedError as error:
            return [], sorted(error.protected_objects, key=str)
        except RestrictedError as error:
            return [], sorted(error.restricted_objects, key=str)
        found: dict[type[Model], list[Any]] = {}
        for model, rows in collector.data.items():
            found.setdefault(model, []).extend(rows)
        for queryset in collector.fast_deletes:
            found.setdefault(queryset.model, []).extend(queryset[:1000])
        found[self.model] = [row for row in found.get(self.model, []) if row.pk != self.object.pk]
        return [
            (str(model._meta.verbose_name if len(rows) == 1 else model._meta.verbose_name_plural), len(rows), first)
            for model, rows in found.items()
            if rows and (first := [str(row) for row in rows[:5]])
        ], []

    def perform(self, form: Any) -> Any:
        """Delete; what protects the row is explained, not raised."""
        _, protectors = self.losses()
        if protectors:
            raise ValidationError(f"{self.object} is still in use.")
        self.object.delete()
        return str(self.object)

    def get_success_url(self, result: Any) -> str:
        """Return the list."""
        crumbs = list_breadcrumb(self.model)
        return crumbs[0][1] if crumbs else "/"

    def get_cancel_url(self) -> str:
        """Return the object's page."""
        own = getattr(self.object, "get_absolute_url", None)
        return own() if own else self.get_success_url(None)

    def get_success_message(self, result: Any) -> str:
        """Return "Carrier Acme deleted."."""
        return self.success_message or f"{capfirst(self.name)} {result} deleted."

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add what will be lost, and what protects."""
        losses, protectors = self.losses()
        return super().get_context_data(losses=losses, protectors=protectors[:20], protected=len(protectors), **extra)
