"""Addresses of dashboard, CDRs and traces."""

from django.urls import path

from cdr import dashboard_views, views
from cdr.models import CDR
from core.tabs import tab_urls

app_name = "cdr"

urlpatterns = [
    path("", dashboard_views.DashboardView.as_view(), name="dashboard"),
    path("dashboard/first-steps/", dashboard_views.FirstStepsView.as_view(), name="first_steps"),
    path("dashboard/plot.json", dashboard_views.DashboardPlotView.as_view(), name="dashboard_plot"),
    path("cdrs/", views.CdrListView.as_view(), name="cdr_list"),
    *tab_urls(CDR, "cdrs/<uuid:pk>/"),
    path("cdrs/<uuid:pk>/trace.txt", views.TraceFileView.as_view(), {"form": "text"}, name="cdr_trace_text"),
    path("cdrs/<uuid:pk>/trace.pcap", views.TraceFileView.as_view(), {"form": "pcap"}, name="cdr_trace_pcap"),
]
