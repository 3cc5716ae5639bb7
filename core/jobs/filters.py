"""Filters of bulk changes and of their lines."""

import django_filters

from core.filters import PortalFilterSet
from core.jobs.choices import JobState, LineOutcome
from core.jobs.models import Job, Line


class JobFilterSet(PortalFilterSet):
    """Bulk changes by file, person and state."""

    search_fields = ("source__icontains", "created_by__username__icontains")
    search_placeholder = "File or person"
    state = django_filters.ChoiceFilter(choices=JobState.choices)

    class Meta:
        model = Job
        fields = ("state",)


class LineFilterSet(PortalFilterSet):
    """Lines by outcome, number and reason."""

    search_fields = ("key__icontains", "message__icontains")
    search_placeholder = "Number or reason"
    outcome = django_filters.ChoiceFilter(choices=LineOutcome.choices)

    class Meta:
        model = Line
        fields = ("outcome",)
