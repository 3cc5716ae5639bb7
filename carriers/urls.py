"""Addresses of carriers."""

from django.urls import path

from carriers import account_views, views
from carriers.models import Carrier, CarrierAccount
from core.tabs import tab_urls

app_name = "carriers"

urlpatterns = [
    path("", views.CarrierListView.as_view(), name="carrier_list"),
    path("add/", views.CarrierAdd.as_view(), name="carrier_add"),
    *tab_urls(Carrier),
    path("<int:pk>/archive/", views.CarrierArchive.as_view(), name="carrier_archive"),
    path("<int:pk>/restore/", views.CarrierRestore.as_view(), name="carrier_restore"),
    path("<int:pk>/delete/", views.CarrierDelete.as_view(), name="carrier_delete"),
    path("<int:pk>/payment/", views.CarrierPayment.as_view(), name="carrier_payment"),
    path("<int:pk>/adjustment/", views.CarrierAdjustment.as_view(), name="carrier_adjustment"),
    path("<int:pk>/accounts/add/", account_views.CarrierAccountAdd.as_view(), name="carrieraccount_add"),
    path("<int:pk>/accounts/paste/", account_views.CarrierAccountPaste.as_view(), name="carrieraccount_paste"),
    *tab_urls(CarrierAccount, "addresses/<int:pk>/"),
    path("addresses/<int:pk>/delete/", account_views.CarrierAccountDelete.as_view(), name="carrieraccount_delete"),
]
