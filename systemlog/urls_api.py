"""Addresses of the switch's API."""

from django.urls import path

from systemlog.api import SwitchEventsView

app_name = "switch_api"

urlpatterns = [path("events", SwitchEventsView.as_view(), name="events")]
