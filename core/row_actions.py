"""What a list offers on each row: small buttons at its end, for those who may change things."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import django_tables2 as tables
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from core import render
from core.access import Access, allows
from core.markup import format_html
from core.tables import PortalTable


@dataclass(frozen=True)
class RowAction:
    """One button of a row; ``args`` gives the address's arguments from the row, by default its key."""

    label: str
    url_name: str
    icon: str
    danger: bool = False
    fragment: bool = False
    # Edited in the row's own place (static/js/row-editor.js).
    in_row: bool = False
    args: Callable[[Any], list[Any]] = lambda record: [record.pk]
    shown: Callable[[Any], bool] | None = None

    def draw(self, record: Any) -> SafeString:
        """Draw as an icon with words for the tooltip and for screen readers."""
        url = reverse(self.url_name, args=self.args(record))
        words = f"{self.label} {record}"
        htmx = format_html(' hx-get="{}" hx-target="#tab-form" hx-swap="innerHTML"', url) if self.fragment else ""
        if self.in_row:
            htmx = format_html(' hx-get="{}" hx-target="closest tr" hx-swap="outerHTML" data-row-edit', url)
        colour = " row-action-danger" if self.danger else ""
        return format_html(
            '<a href="{}" class="row-action{}" title="{}" aria-label="{}"{}>{}</a>',
            url, colour, words, words, htmx, render.icon(self.icon, 16),
        )  # fmt: skip


class ActionsColumn(tables.Column):
    """The buttons of a row."""

    def __init__(self, *actions: RowAction) -> None:
        self.actions = actions
        super().__init__(
            accessor="pk",
            orderable=False,
            exclude_from_export=True,
            verbose_name=mark_safe('<span class="visually-hidden">Actions</span>'),
            attrs={"td": {"class": "row-actions"}},
        )

    def render(self, record: Any) -> SafeString:
        """Draw those buttons that fit the row."""
        shown = [action for action in self.actions if action.shown is None or action.shown(record)]
        buttons = format_html_join("", "{}", ((action.draw(record),) for action in shown))
        return format_html('<span class="row-action-group">{}</span>', buttons)


class ActionTable(PortalTable):
    """A table whose last column, ``actions``, shows to those who may write only."""

    fixed_columns: tuple[str, ...] = ("actions",)

    def before_render(self, request: HttpRequest) -> None:
        """Take the buttons away from those whom they would only refuse."""
        if not allows(request.user, Access.WRITE):
            self.columns.hide("actions")
