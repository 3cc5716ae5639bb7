"""Addresses of products and rates."""

from django.urls import path

from billing import check_views, entry_views, product_views, rate_rows, rate_views, statement_views
from billing.models import LedgerEntry, Product, RateTable
from core.tabs import tab_urls

app_name = "billing"

urlpatterns = [
    path("ledger/check/", check_views.LedgerCheckView.as_view(), name="ledgercheck"),
    path("ledger/check/run/", check_views.LedgerCheckRun.as_view(), name="ledgercheck_run"),
    *tab_urls(LedgerEntry, "ledger/<int:pk>/"),
    path("ledger/<int:pk>/receipt.pdf", entry_views.ReceiptPdf.as_view(), name="ledgerentry_receipt"),
    path("ledger/<int:pk>/refund/", entry_views.RefundView.as_view(), name="ledgerentry_refund"),
    path("balances/<int:pk>/statement.pdf", statement_views.StatementPdf.as_view(), name="balance_statement_pdf"),
    path("balances/<int:pk>/statement.csv", statement_views.StatementCsv.as_view(), name="balance_statement_csv"),
    path("products/", product_views.ProductListView.as_view(), name="product_list"),
    path("products/add/", product_views.ProductAdd.as_view(), name="product_add"),
    *tab_urls(Product, "products/<int:pk>/"),
    path("products/<int:pk>/edit/", product_views.ProductEdit.as_view(), name="product_edit"),
    path("products/<int:pk>/delete/", product_views.ProductDelete.as_view(), name="product_delete"),
    path("products/<int:pk>/archive/", product_views.ProductArchive.as_view(), name="product_archive"),
    path("products/<int:pk>/restore/", product_views.ProductRestore.as_view(), name="product_restore"),
    path("products/<int:pk>/mappings/add/", product_views.MappingAdd.as_view(), name="productmapping_add"),
    path("products/mappings/<int:pk>/edit/", product_views.MappingEdit.as_view(), name="productmapping_edit"),
    path("products/mappings/<int:pk>/delete/", product_views.MappingDelete.as_view(), name="productmapping_delete"),
    path("rates/", rate_views.RateTableListView.as_view(), name="ratetable_list"),
    path("rates/add/", rate_views.RateTableAdd.as_view(), name="ratetable_add"),
    *tab_urls(RateTable, "rates/<int:pk>/"),
    path("rates/<int:pk>/edit/", rate_views.RateTableEdit.as_view(), name="ratetable_edit"),
    path("rates/<int:pk>/delete/", rate_views.RateTableDelete.as_view(), name="ratetable_delete"),
    path("rates/<int:pk>/archive/", rate_views.RateTableArchive.as_view(), name="ratetable_archive"),
    path("rates/<int:pk>/restore/", rate_views.RateTableRestore.as_view(), name="ratetable_restore"),
    path("rates/<int:pk>/rates/add/", rate_views.RateAdd.as_view(), name="rate_add"),
    path("rates/entries/<int:pk>/edit/", rate_rows.RateRowEdit.as_view(), name="rate_edit"),
    path("rates/entries/<int:pk>/delete/", rate_views.RateDelete.as_view(), name="rate_delete"),
]
