"""Addresses of clients, accounts, aliases and registrations."""

from django.urls import path

from accounts import alias_views, views
from accounts.models import Account, Alias, Client
from core.tabs import tab_urls

app_name = "accounts"

urlpatterns = [
    path("clients/", views.ClientListView.as_view(), name="client_list"),
    path("clients/add/", views.ClientAdd.as_view(), name="client_add"),
    *tab_urls(Client, "clients/<int:pk>/"),
    path("clients/<int:pk>/archive/", views.ClientArchive.as_view(), name="client_archive"),
    path("clients/<int:pk>/restore/", views.ClientRestore.as_view(), name="client_restore"),
    path("accounts/<int:pk>/archive/", views.AccountArchive.as_view(), name="account_archive"),
    path("accounts/<int:pk>/restore/", views.AccountRestore.as_view(), name="account_restore"),
    path("clients/<int:pk>/delete/", views.ClientDelete.as_view(), name="client_delete"),
    path("accounts/", views.AccountListView.as_view(), name="account_list"),
    path("accounts/add/", views.AccountAdd.as_view(), name="account_add"),
    *tab_urls(Account, "accounts/<int:pk>/"),
    path("accounts/<int:pk>/delete/", views.AccountDelete.as_view(), name="account_delete"),
    path("accounts/<int:pk>/payment/", views.AccountPayment.as_view(), name="account_payment"),
    path("accounts/<int:pk>/adjustment/", views.AccountAdjustment.as_view(), name="account_adjustment"),
    path("accounts/<int:pk>/aliases/add/", alias_views.AliasAdd.as_view(), name="alias_add"),
    path("aliases/", alias_views.AliasListView.as_view(), name="alias_list"),
    *tab_urls(Alias, "aliases/<int:pk>/"),
    path("aliases/<int:pk>/contacts/", alias_views.AliasContacts.as_view(), name="alias_contacts"),
    path("aliases/<int:pk>/secret/", alias_views.AliasSecret.as_view(), name="alias_secret"),
    path("aliases/<int:pk>/delete/", alias_views.AliasDelete.as_view(), name="alias_delete"),
    path("registrations/", alias_views.RegistrationListView.as_view(), name="registration_list"),
]
