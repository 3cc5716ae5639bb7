"""App configuration of the billing settings."""

from django.apps import AppConfig


class SellerConfig(AppConfig):
    name = "billing.seller"
    label = "seller"
