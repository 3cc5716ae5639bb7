"""Addresses of System Log and web access log."""

from django.urls import path

from systemlog.access.views import AccessEntryListView

app_name = "syslog"

urlpatterns = [
    path("access/", AccessEntryListView.as_view(), name="accessentry_list"),
]
