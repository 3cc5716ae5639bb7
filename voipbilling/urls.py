"""The portal's addresses, one include per app."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("core.urls")),
    path("account/", include("core.urls_account")),
    path("bulk/", include("core.jobs.urls")),
    path("invoices/", include("cdr.invoices.urls")),
    path("mail/", include("systemlog.mail.urls")),
    path("log/", include("systemlog.urls")),
    path("", include("routing.urls")),
    path("api/v1/inbound/", include("routing.urls_api")),
    path("api/v1/switch/", include("systemlog.urls_api")),
    path("api/v1/schema/", include("voipbilling.urls_schema")),
    path("api/v1/", include("voipbilling.urls_api")),
    path("", include("cdr.urls")),
    path("reports/", include("cdr.reports.urls")),
    path("carriers/", include("carriers.urls")),
    path("", include("accounts.urls")),
    path("", include("dids.urls")),
    path("", include("dids.plans.urls")),
    path("", include("dids.rentals.urls")),
    path("", include("billing.urls")),
    path("", include("billing.seller.urls")),
]

handler403 = "core.views.errors.forbidden"
handler404 = "core.views.errors.not_found"
handler500 = "core.views.errors.server_error"
