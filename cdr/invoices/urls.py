"""Addresses of invoices."""

from django.urls import path

from cdr.invoices import action_views, run_views, views
from cdr.invoices.models import Invoice, InvoiceRun
from core.tabs import tab_urls

app_name = "invoices"

urlpatterns = [
    path("", views.InvoiceListView.as_view(), name="invoice_list"),
    path("add/", views.InvoiceAdd.as_view(), name="invoice_add"),
    path("runs/", run_views.RunListView.as_view(), name="invoicerun_list"),
    path("runs/add/", run_views.RunAdd.as_view(), name="invoicerun_add"),
    *tab_urls(InvoiceRun, "runs/<int:pk>/"),
    path("runs/<int:pk>/issue/", run_views.RunIssue.as_view(), name="invoicerun_issue"),
    path("runs/<int:pk>/discard/", run_views.RunDiscard.as_view(), name="invoicerun_discard"),
    *tab_urls(Invoice, "<int:pk>/"),
    path("<int:pk>/pdf/", views.InvoicePdf.as_view(), name="invoice_pdf"),
    path("<int:pk>/issue/", action_views.InvoiceIssue.as_view(), name="invoice_issue"),
    path("<int:pk>/refresh/", action_views.InvoiceRefresh.as_view(), name="invoice_refresh"),
    path("<int:pk>/discard/", action_views.InvoiceDiscard.as_view(), name="invoice_discard"),
    path("<int:pk>/send/", action_views.InvoiceSend.as_view(), name="invoice_send"),
    path("<int:pk>/credit/", action_views.InvoiceCredit.as_view(), name="invoice_credit"),
]
