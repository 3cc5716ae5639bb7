"""The web access log's page, and its tab on a user's page."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.safestring import SafeString
from netaddr import AddrFormatError, IPAddress

from core import render
from core import tables as t
from core.access import Access
from core.filters import PortalFilterSet, SeveralFilter, TimeRangeFilter
from core.tabs import ViewTab, register_tab
from core.views import EmptyState, ListView, TabListView
from systemlog.access.results import AccessResult
from systemlog.models import AccessEntry


class AccessTable(t.PortalTable):
    """Accesses, newest first."""

    at = t.WhenColumn("Time", precision="milliseconds")
    result = t.PlainColumn()
    user_label = t.PlainColumn("User")
    address = t.MonoColumn()
    method = t.MonoColumn(copy=False)
    path = t.MonoColumn(copy=False, attrs={"td": {"class": "wrap"}})
    status = t.NumberColumn()
    duration_ms = t.NumberColumn("Duration", unit="ms")
    user_agent = t.PlainColumn(attrs={"td": {"class": "wrap text-secondary"}})

    class Meta(t.PortalTable.Meta):
        model = AccessEntry
        fields = ("at", "result", "user_label", "address", "method", "path", "status", "duration_ms", "user_agent")

    default_columns = ("at", "result", "user_label", "address", "method", "path", "status", "duration_ms")
    fixed_columns = ("at",)

    def render_result(self, value: str) -> SafeString:
        """Draw the pill; a result of an older version stays a grey word."""
        member = AccessResult(value) if value in AccessResult.values else None
        return render.pill(member.label if member else value, member.colour if member else "secondary")

    def value_result(self, value: str) -> str:
        """Return the word."""
        return value


class AccessFilterSet(PortalFilterSet):
    """Accesses by result, user, address, method, status and time."""

    search_fields = ("user_label__icontains",)
    search_placeholder = "User, address, or /path"
    result = SeveralFilter(choices=AccessResult.choices)
    method = django_filters.ChoiceFilter(choices=[(m, m) for m in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")])
    status = django_filters.NumberFilter(label="Status code")
    user_id = django_filters.NumberFilter(label="User number")
    at = TimeRangeFilter(label="Time, from and to")

    class Meta:
        model = AccessEntry
        fields = ("result", "method", "status", "user_id", "at")

    def quick_search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Search addresses and paths by their index or beginning, anything else in the user's name."""
        for word in value.split()[:8]:
            if word.startswith("/"):
                queryset = queryset.filter(path__startswith=word)
                continue
            try:
                queryset = queryset.filter(address=str(IPAddress(word)))
            except (AddrFormatError, ValueError):
                queryset = queryset.filter(Q(user_label__icontains=word))
        return queryset


class AccessEntryListView(ListView):
    """Every access and every attempt."""

    title = "Web access log"
    model = AccessEntry
    table_class = AccessTable
    filterset_class = AccessFilterSet
    keyset = ("at", "id")
    empty = EmptyState("No access yet", "Every page opened and every attempt to log in appears here.", icon="login")


@register_tab("core.user", "access")
class UserAccessTab(TabListView):
    """What one user did."""

    access = Access.ADMIN
    tab = ViewTab("Web access", permission=Access.ADMIN, weight=500)
    model = AccessEntry
    table_class = AccessTable
    filterset_class = AccessFilterSet
    keyset = ("at", "id")
    empty = EmptyState("This user has not been here yet", icon="login")

    def get_queryset(self) -> QuerySet[Any]:
        """Return the accesses of the user, failed logins under the name included."""
        return AccessEntry.objects.filter(Q(user_id=self.object.pk) | Q(user_id=None, user_label=self.object.username))
