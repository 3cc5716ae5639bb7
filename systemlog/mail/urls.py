"""Addresses of outgoing mail."""

from django.urls import path

from core.tabs import tab_urls
from systemlog.mail import views
from systemlog.mail.models import OutgoingMail

app_name = "mail"

urlpatterns = [
    path("", views.MailListView.as_view(), name="outgoingmail_list"),
    *tab_urls(OutgoingMail, "<int:pk>/"),
    path("<int:pk>/again/", views.MailAgain.as_view(), name="outgoingmail_again"),
]
