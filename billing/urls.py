"""Addresses of products and rates."""

from django.urls import path

from billing import views
from billing.models import Product, RateTable
from core.tabs import tab_urls

app_name = "billing"

urlpatterns = [
    path("products/", views.ProductListView.as_view(), name="product_list"),
    path("products/add/", views.ProductAdd.as_view(), name="product_add"),
    *tab_urls(Product, "products/<int:pk>/"),
    path("products/<int:pk>/edit/", views.ProductEdit.as_view(), name="product_edit"),
    path("products/<int:pk>/delete/", views.ProductDelete.as_view(), name="product_delete"),
    path("products/<int:pk>/mappings/add/", views.MappingAdd.as_view(), name="productmapping_add"),
    path("products/mappings/<int:pk>/edit/", views.MappingEdit.as_view(), name="productmapping_edit"),
    path("products/mappings/<int:pk>/delete/", views.MappingDelete.as_view(), name="productmapping_delete"),
    path("rates/", views.RateTableListView.as_view(), name="ratetable_list"),
    path("rates/add/", views.RateTableAdd.as_view(), name="ratetable_add"),
    *tab_urls(RateTable, "rates/<int:pk>/"),
    path("rates/<int:pk>/edit/", views.RateTableEdit.as_view(), name="ratetable_edit"),
    path("rates/<int:pk>/delete/", views.RateTableDelete.as_view(), name="ratetable_delete"),
    path("rates/<int:pk>/rates/add/", views.RateAdd.as_view(), name="rate_add"),
    path("rates/entries/<int:pk>/edit/", views.RateEdit.as_view(), name="rate_edit"),
    path("rates/entries/<int:pk>/delete/", views.RateDelete.as_view(), name="rate_delete"),
]
