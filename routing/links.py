"""Where the page of a configuration row is, by the kind and id that decisions name it with."""

from django.urls import NoReverseMatch, reverse

PAGES = {
    "carrier": "carriers:carrier_detail",
    "carrier_account": "carriers:carrieraccount_detail",
    "client": "accounts:client_detail",
    "account": "accounts:account_detail",
    "alias": "accounts:alias_detail",
    "did": "dids:did_detail",
    "product": "billing:product_detail",
}


def page_of(kind: str, pk: int | None) -> str:
    """Return the address of a row's page; empty where it has none."""
    if not pk or kind not in PAGES:
        return ""
    try:
        return reverse(PAGES[kind], args=[pk])
    except NoReverseMatch:
        return ""
