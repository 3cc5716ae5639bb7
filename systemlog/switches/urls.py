"""Addresses of Settings › Switches, within the namespace of System Log."""

from django.urls import path

from core.tabs import tab_urls
from systemlog.models import Switch
from systemlog.switches import views

urlpatterns = [
    path("", views.SwitchListView.as_view(), name="switch_list"),
    path("add/", views.SwitchAdd.as_view(), name="switch_add"),
    *tab_urls(Switch),
    path("<int:pk>/edit/", views.SwitchEdit.as_view(), name="switch_edit"),
    path("<int:pk>/token/", views.SwitchToken.as_view(), name="switch_token"),
]
