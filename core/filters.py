"""Filter sets of the portal: one serves a list page, its export and the API.

A filter set gives a quick search over ``search_fields``, and chips that say which filters are set, each removable.
"""

from dataclasses import dataclass
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict

# Parameters of a list's address that are not filters.
LIST_PARAMETERS = frozenset({"sort", "page", "per_page", "columns", "before", "after", "export"})


@dataclass(frozen=True)
class Chip:
    """A filter that is set, in words, and the address without it."""

    label: str
    value: str
    remove_url: str


@dataclass(frozen=True)
class LeftOut:
    """What a list leaves out until it is asked for, in a word, and the address that asks."""

    word: str
    query: str


class SearchInput(forms.TextInput):
    """The quick-search box; drawn apart from the other filters."""

    input_type = "search"


class ChoiceList(forms.CheckboxSelectMultiple):
    """Several choices as boxes to tick."""

    template_name = "components/choice_list.html"


class SeveralFilter(filters.MultipleChoiceFilter):
    """Any of several choices."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", ChoiceList)
        # No choice is a relation that would find a row twice, and DISTINCT reads the whole table before the first row.
        kwargs.setdefault("distinct", False)
        super().__init__(*args, **kwargs)


class _TimeRangeWidget(filters.widgets.DateRangeWidget):
    """Two date-and-time fields without the dash between."""

    template_name = "django/forms/widgets/multiwidget.html"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"type": "datetime-local", "step": "1", **(attrs or {})})


class TimeRangeFilter(filters.DateTimeFromToRangeFilter):
    """From one moment to another, in the reader's zone; parameters ``<name>_after`` and ``<name>_before``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("widget", _TimeRangeWidget)
        super().__init__(*args, **kwargs)


class PortalFilterSet(filters.FilterSet):
    """Base of all filter sets. ``search_fields`` are ORM lookups that the quick search tries for each word."""

    search_fields: tuple[str, ...] = ()
    search_placeholder = "Search"
    left_out: LeftOut | None = None

    q = filters.CharFilter(method="quick_search", label="Search", widget=SearchInput)

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the rows in which every word of the search is found in one of ``search_fields``."""
        for word in value.split()[:8]:
            condition = Q()
            for lookup in self.search_fields:
                condition |= Q(**{lookup: word})
            queryset = queryset.filter(condition) if condition else queryset
        return queryset

    def get_form_class(self) -> type[forms.Form]:
        """Return the form, in which "any" is an empty value, so that it stays out of addresses."""
        form_class = super().get_form_class()
        for field in form_class.base_fields.values():
            if isinstance(field, forms.NullBooleanField):
                field.widget = forms.Select(choices=(("", "Any"), ("true", "Yes"), ("false", "No")))
        return form_class

    @property
    def panel_fields(self) -> list[Any]:
        """Return the bound fields of the filter panel: all but the quick search."""
        return [field for field in self.form if field.name != "q"]

    def chips(self, request: HttpRequest) -> list[Chip]:
        """Return one chip per filter that is set and valid."""
        chips = []
        cleaned = getattr(self.form, "cleaned_data", {}) if self.is_bound and self.form.is_valid() else {}
        for name, value in cleaned.items():
            if value in (None, "", []) or (hasattr(value, "exists") and not value):
                continue
            field = self.form.fields[name]
            rest = request.GET.copy()
            for key in list(rest):
                if key == name or key.removeprefix(f"{name}_") in {"after", "before", "min", "max"}:
                    del rest[key]
            for key in ("page", "before", "after"):
                rest.pop(key, None)
            chips.append(Chip(str(field.label or name), in_words(field, value), f"?{rest.urlencode()}"))
        return chips

    def invalid(self) -> dict[str, list[str]]:
        """Return the errors of the filters in the address, so that the page can say them instead of showing all."""
        return {} if not self.is_bound or self.form.is_valid() else {k: list(v) for k, v in self.form.errors.items()}


def in_words(field: forms.Field, value: Any) -> str:
    """Return a filter's value as the reader chose it."""
    choices = getattr(field, "choices", None)
    if isinstance(value, slice):
        start, stop = value.start, value.stop
        return f"{start or '…'} – {stop or '…'}"
    if hasattr(value, "all") or isinstance(value, list | tuple | set):
        return ", ".join(in_words(field, item) for item in value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if choices is not None and not hasattr(value, "_meta"):
        return str(dict(choices).get(value, dict(choices).get(str(value), value)))
    return str(value)


def filters_of(data: QueryDict) -> QueryDict:
    """Return the part of a list's address that filters, without order, page and columns."""
    kept = data.copy()
    for key in LIST_PARAMETERS:
        kept.pop(key, None)
    return kept
