"""The configuration API: one resource per kind of row, the same services and filters as the pages."""

from rest_framework.routers import SimpleRouter

from accounts.api import AccountViewSet, AliasViewSet, ClientViewSet, RegistrationViewSet
from billing.api import ProductMappingViewSet, ProductViewSet, RateTableViewSet, RateViewSet
from carriers.api import CarrierAccountViewSet, CarrierViewSet
from cdr.invoices.api import InvoiceViewSet
from cdr.reports.api import MarginReportViewSet, TrafficReportViewSet
from core.jobs.api import JobViewSet
from dids.api import DIDViewSet
from dids.plans.api import RentalPlanViewSet
from dids.rentals.api import RentalChargeViewSet

router = SimpleRouter(use_regex_path=False)
for prefix, viewset in (
    ("carriers", CarrierViewSet),
    ("carrier-accounts", CarrierAccountViewSet),
    ("clients", ClientViewSet),
    ("accounts", AccountViewSet),
    ("aliases", AliasViewSet),
    ("registrations", RegistrationViewSet),
    ("dids", DIDViewSet),
    ("rental-plans", RentalPlanViewSet),
    ("rental-charges", RentalChargeViewSet),
    ("products", ProductViewSet),
    ("product-mappings", ProductMappingViewSet),
    ("rate-tables", RateTableViewSet),
    ("rates", RateViewSet),
    ("invoices", InvoiceViewSet),
    ("bulk-changes", JobViewSet),
    ("reports/margin", MarginReportViewSet),
    ("reports/traffic", TrafficReportViewSet),
):
    router.register(prefix, viewset, basename=f"api-{prefix.replace('/', '-')}")

urlpatterns = router.urls
