"""The address of the billing settings."""

from django.urls import path

from billing.seller import views

app_name = "seller"

urlpatterns = [path("settings/billing/", views.BillingSettingsView.as_view(), name="billingsettings")]
