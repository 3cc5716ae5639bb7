"""Addresses of the simulator and of the versions in force."""

from django.urls import path

from routing.views import SimulatorView, VersionsView

app_name = "routing"

urlpatterns = [
    path("tools/simulator/", SimulatorView.as_view(), name="simulator"),
    path("settings/versions/", VersionsView.as_view(), name="versions"),
]
