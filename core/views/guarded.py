"""Delete what nothing depends on; where something does, say what, and offer to disable instead."""

from typing import Any

from core.views.actions import PageAction, shown_actions
from core.views.delete import DeleteView


class GuardedDeleteView(DeleteView):
    """A deletion that a service may refuse; ``keepers`` says in words what it would refuse for."""

    template_name = "core/guarded_delete.html"
    instead: PageAction | None = None

    def keepers(self) -> list[str]:
        """Return what forbids the deletion, counted and in words; empty where it may go."""
        return []

    def losses(self) -> tuple[list[tuple[str, int, list[str]]], list[Any]]:
        """Return what goes along; what forbids it is told by ``keepers``."""
        return ([], []) if self.keepers() else super().losses()

    def get_context_data(self, **extra: Any) -> dict[str, Any]:
        """Add what keeps the row, and the way that keeps it but stops its calls."""
        keepers = self.keepers()
        instead = shown_actions((self.instead,), self.request.user, self.object) if keepers and self.instead else []
        return super().get_context_data(keepers=keepers, instead=instead[0] if instead else None, **extra)
