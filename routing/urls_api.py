"""Addresses of routing's API."""

from django.urls import path

from routing.api import InboundDecisionView

app_name = "routing_api"

urlpatterns = [path("decisions", InboundDecisionView.as_view(), name="decisions")]
