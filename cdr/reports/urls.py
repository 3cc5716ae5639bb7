"""Addresses of the reports."""

from django.urls import path

from cdr.reports import views

app_name = "reports"

urlpatterns = [
    path("margin/", views.MarginView.as_view(), name="margin"),
    path("margin/plot.json", views.MarginPlotView.as_view(), name="margin_plot"),
    path("traffic/", views.TrafficView.as_view(), name="traffic"),
    path("traffic/plot.json", views.TrafficPlotView.as_view(), name="traffic_plot"),
]
