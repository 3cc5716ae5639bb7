"""Addresses of System Log, web access log and dead letters."""

from django.urls import include, path

from core.tabs import tab_urls
from systemlog import views
from systemlog.access.views import AccessEntryListView
from systemlog.models import DeadLetter

app_name = "syslog"

urlpatterns = [
    path("", views.LogEntryListView.as_view(), name="logentry_list"),
    path("switches/", include("systemlog.switches.urls")),
    path("access/", AccessEntryListView.as_view(), name="accessentry_list"),
    path("dead-letters/", views.DeadLetterListView.as_view(), name="deadletter_list"),
    *tab_urls(DeadLetter, "dead-letters/<int:pk>/"),
]
