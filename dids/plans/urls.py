"""Addresses of rental plans."""

from django.urls import path

from core.tabs import tab_urls
from dids.plans import views
from dids.plans.models import RentalPlan

app_name = "rental_plans"

urlpatterns = [
    path("rental-plans/", views.PlanListView.as_view(), name="rentalplan_list"),
    path("rental-plans/add/", views.PlanAdd.as_view(), name="rentalplan_add"),
    *tab_urls(RentalPlan, "rental-plans/<int:pk>/"),
    path("rental-plans/<int:pk>/archive/", views.PlanArchive.as_view(), name="rentalplan_archive"),
    path("rental-plans/<int:pk>/restore/", views.PlanRestore.as_view(), name="rentalplan_restore"),
    path("rental-plans/<int:pk>/delete/", views.PlanDelete.as_view(), name="rentalplan_delete"),
]
