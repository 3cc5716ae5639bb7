"""Addresses of invoices."""

from django.urls import path

from cdr.invoices import views
from cdr.invoices.models import Invoice
from core.tabs import tab_urls

app_name = "invoices"

urlpatterns = [
    path("", views.InvoiceListView.as_view(), name="invoice_list"),
    path("add/", views.InvoiceAdd.as_view(), name="invoice_add"),
    *tab_urls(Invoice, "<int:pk>/"),
    path("<int:pk>/pdf/", views.InvoicePdf.as_view(), name="invoice_pdf"),
    path("<int:pk>/issue/", views.InvoiceIssue.as_view(), name="invoice_issue"),
    path("<int:pk>/refresh/", views.InvoiceRefresh.as_view(), name="invoice_refresh"),
    path("<int:pk>/discard/", views.InvoiceDiscard.as_view(), name="invoice_discard"),
]
