"""Addresses of DIDs."""

from django.urls import path

from core.tabs import tab_urls
from dids import action_views, mapping_views, price_views, views
from dids.models import DID

app_name = "dids"

urlpatterns = [
    path("dids/", views.DIDListView.as_view(), name="did_list"),
    *tab_urls(DID, "dids/<int:pk>/"),
    path("dids/<int:pk>/suspend/", action_views.DIDSuspend.as_view(), name="did_suspend"),
    path("dids/<int:pk>/resume/", action_views.DIDResume.as_view(), name="did_resume"),
    path("dids/<int:pk>/release/", action_views.DIDRelease.as_view(), name="did_release"),
    path("dids/<int:pk>/end-quarantine/", action_views.DIDEndQuarantine.as_view(), name="did_end_quarantine"),
    path("dids/<int:pk>/retire/", action_views.DIDRetire.as_view(), name="did_retire"),
    path("dids/<int:pk>/delete/", action_views.DIDDelete.as_view(), name="did_delete"),
    path("dids/<int:pk>/price/", price_views.DIDPriceEdit.as_view(), name="did_price"),
    path("dids/<int:pk>/price/remove/", price_views.DIDPriceRemove.as_view(), name="did_price_remove"),
    path("dids/<int:pk>/move/", mapping_views.DIDMove.as_view(), name="did_move"),
    path("dids/<int:pk>/unmap/", mapping_views.DIDUnmap.as_view(), name="did_unmap"),
    path("carriers/<int:pk>/dids/add/", views.DIDAdd.as_view(), name="carrierdid_add"),
    path("carriers/<int:pk>/dids/paste/", views.DIDPaste.as_view(), name="carrierdid_paste"),
    path("accounts/<int:pk>/dids/add/", mapping_views.DIDMap.as_view(), name="accountdid_add"),
]
