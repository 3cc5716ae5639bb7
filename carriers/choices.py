"""Where a carrier account's calls carry the dialled number."""

from core.choices import ColouredChoices


class NumberSource(ColouredChoices):
    """The part of the INVITE that holds the DID."""

    REQUEST_URI = "request_uri", "secondary", "Request-URI"
    TO = "to", "azure", "To header"
    P_CALLED_PARTY_ID = "p_called_party_id", "azure", "P-Called-Party-ID header (RFC 7315)"
