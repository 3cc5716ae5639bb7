"""The question that the simulator asks."""

import ipaddress
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings

from routing.decision import MAX_TEXT

SCHEMES = ("sip:", "sips:", "tel:", "<", '"')


class SimulationForm(forms.Form):
    """Where a call comes from and what it dials."""

    source = forms.CharField(
        label="Source address",
        max_length=64,
        help_text="The IP address from which the provider sends the call.",
        widget=forms.TextInput(attrs={"placeholder": "203.0.113.5", "class": "mono", "autocomplete": "off"}),
    )
    number = forms.CharField(
        label="Number",
        max_length=MAX_TEXT,
        help_text="As the provider sends it, tech prefix included; or a whole URI.",
        widget=forms.TextInput(attrs={"placeholder": "+44 20 7946 0018", "class": "mono", "autocomplete": "off"}),
    )

    def clean_source(self) -> str:
        """Refuse what is no address."""
        source = self.cleaned_data["source"].strip()
        try:
            return str(ipaddress.ip_address(source.strip("[]")))
        except ValueError:
            raise forms.ValidationError("Type an IPv4 or IPv6 address, such as 203.0.113.5.") from None

    @property
    def call(self) -> dict[str, Any]:
        """The parts of an INVITE that carries the number wherever a carrier account may look for it."""
        uri = dialled_uri(self.cleaned_data["number"])
        return {
            "source": self.cleaned_data["source"],
            "ruri": uri,
            "to_uri": uri,
            "p_called_party_id": f"<{uri}>" if not uri.startswith(("<", '"')) else uri,
        }


def dialled_uri(number: str) -> str:
    """Return the URI that carries a typed number; one typed whole stays as it is."""
    number = number.strip()
    if number.lower().startswith(SCHEMES):
        return number[:MAX_TEXT]
    # What RFC 3261 §25.1 lets stand in a user part; people write numbers with spaces.
    return f"sip:{quote(number.replace(' ', ''), safe='+*-_.!~()&=$,;?/')}@{settings.SIP_ADDRESS}"[:MAX_TEXT]
