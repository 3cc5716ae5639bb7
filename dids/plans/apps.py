"""App configuration of rental plans."""

from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "dids.plans"
    label = "rental_plans"
