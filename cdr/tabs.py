"""The tabs "CDRs" and "System Log" on the pages of carriers, accounts, aliases and DIDs."""

from cdr.trace_views import AliasTraceTab, DidTraceTab
from cdr.views import CallsTab, calls_badge
from core.tabs import ViewTab, register_tab
from systemlog.views import ObjectLogTab

__all__ = ["AliasTraceTab", "DidTraceTab"]


@register_tab("carriers.carrier", "cdrs")
class CarrierCallsTab(CallsTab):
    """Calls that came from a carrier."""

    tab = ViewTab("CDRs", badge=calls_badge("carrier"), weight=800)
    party = "carrier"


@register_tab("carriers.carrier", "log")
class CarrierLogTab(ObjectLogTab):
    """What happened about a carrier."""

    ref_kind = "carrier"


@register_tab("accounts.account", "cdrs")
class AccountCallsTab(CallsTab):
    """Calls to an account."""

    tab = ViewTab("CDRs", badge=calls_badge("account"), weight=800)
    party = "account"


@register_tab("accounts.account", "log")
class AccountLogTab(ObjectLogTab):
    """What happened about an account."""

    ref_kind = "account"


@register_tab("accounts.alias", "cdrs")
class AliasCallsTab(CallsTab):
    """Calls to an alias."""

    tab = ViewTab("CDRs", badge=calls_badge("alias"), weight=800)
    party = "alias"


@register_tab("accounts.alias", "log")
class AliasLogTab(ObjectLogTab):
    """What happened about an alias: its registrations too."""

    ref_kind = "alias"


@register_tab("dids.did", "cdrs")
class DidCallsTab(CallsTab):
    """Calls to a DID."""

    tab = ViewTab("CDRs", badge=calls_badge("did"), weight=800)
    party = "did"


@register_tab("dids.did", "log")
class DidLogTab(ObjectLogTab):
    """What happened about a DID."""

    ref_kind = "did"
