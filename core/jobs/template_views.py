"""Pages of column templates: which column of a file holds what, kept for the next file."""

from typing import Any

from django.urls import reverse

from core.jobs.models import ColumnTemplate
from core.jobs.tables import TemplateTable
from core.views import EmptyState, ListView
from core.views.guarded import GuardedDeleteView


class TemplateListView(ListView):
    """Column mappings that were kept."""

    queryset = ColumnTemplate.objects.select_related("created_by")
    table_class = TemplateTable
    title = "Column templates"
    empty = EmptyState(
        "No column template yet",
        "Where a file is imported, “Choose columns” can keep which column holds what for the next file.",
        icon="columns",
    )

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the list of bulk changes."""
        return [("Bulk changes", reverse("jobs:job_list"))]


class TemplateDelete(GuardedDeleteView):
    """Delete a column template."""

    model = ColumnTemplate
    lead = "Imports that used it stay as they are."

    def keepers(self) -> list[str]:
        """Return nothing: nothing needs it."""
        return []

    def perform(self, form: Any) -> str:
        """Delete it."""
        self.object.delete()
        return str(self.object)

    def get_breadcrumbs(self) -> list[tuple[str, str]]:
        """Return the lists."""
        return [("Bulk changes", reverse("jobs:job_list")), ("Column templates", self.get_success_url(""))]

    def get_success_url(self, result: str) -> str:
        """Return the list."""
        return reverse("jobs:columntemplate_list")
