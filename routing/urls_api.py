"""Addresses of routing's API."""

from django.urls import path

from routing.api import InboundCoverView, InboundDecisionView

app_name = "routing_api"

urlpatterns = [
    path("decisions", InboundDecisionView.as_view(), name="decisions"),
    path("covers", InboundCoverView.as_view(), name="covers"),
]
