"""Addresses of rentals; their lists are tabs of DIDs, accounts and carriers."""

from django.urls import path

from dids.rentals import views

app_name = "rentals"

urlpatterns = [path("dids/<int:pk>/plans/", views.DIDPlans.as_view(), name="did_plans")]
