"""The certificate that the switch shows on its TLS port: read from the wire, because only that is what phones see."""

import datetime as dt
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.conf import settings
from django.core.cache import cache

# Those who renew by themselves (Let's Encrypt) do so 30 days before the end; later than this it was forgotten.
WARN_DAYS = 21
# Looked at every minute; what nobody has refreshed for so long is not known any more.
REMEMBERED_SECONDS = 600


@dataclass(frozen=True)
class Certificate:
    """What an operator has to know of a certificate."""

    names: tuple[str, ...]
    expires_at: dt.datetime
    self_signed: bool
    fingerprint: str


@dataclass(frozen=True)
class Seen:
    """The outcome of the last look at the TLS port."""

    certificate: Certificate | None
    problem: str = ""

    def warning(self, now: dt.datetime) -> str:
        """Return what a person has to do something about, or ""."""
        if self.certificate is None:
            return f"The switch does not answer on its TLS port {settings.SIP_TLS_PORT}: {self.problem}."
        left = self.certificate.expires_at - now
        if left <= dt.timedelta():
            return "The switch's TLS certificate has expired: phones and carriers that check it cannot connect."
        if left < dt.timedelta(days=WARN_DAYS):
            days = "tomorrow" if left < dt.timedelta(days=1) else f"in {left.days} day{'' if left.days == 1 else 's'}"
            return (
                f"The switch's TLS certificate expires {days}; then phones and carriers that check it cannot connect."
            )
        return ""


def read(certificate: x509.Certificate) -> Certificate:
    """Return what is in a certificate."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*held.get_values_for_type(x509.DNSName), *map(str, held.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        names = [certificate.subject.rfc4514_string()]
    return Certificate(
        names=tuple(names),
        expires_at=certificate.not_valid_after_utc,
        self_signed=certificate.issuer == certificate.subject,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def of_file(path: Path) -> Certificate | None:
    """Return the first certificate of a PEM file; None where it cannot be read by this process."""
    try:
        return read(x509.load_pem_x509_certificate(path.read_bytes()))
    except (OSError, ValueError):
        return None


def presented(host: str, port: int, timeout: float = 3) -> Certificate:
    """Return the certificate that is shown there; raise OSError where none is."""
    # Whether it is to be trusted is the phones' question; here only what it is.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout) as plain,
        context.wrap_socket(plain, server_hostname=None if _is_address(host) else host) as connection,
    ):
        body = connection.getpeercert(binary_form=True)
    return read(x509.load_der_x509_certificate(body or b""))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _key(switch: str) -> str:
    return f"switch-certificate:{switch}"


def remember(switch: str, seen: Seen) -> None:
    """Keep the last look for the pages."""
    cache.set(_key(switch), seen, REMEMBERED_SECONDS)


def remembered(switch: str) -> Seen | None:
    """Return the last look; None where TLS is off, or nobody has looked lately."""
    found = cache.get(_key(switch)) if settings.SIP_TLS_PORT else None
    return found if isinstance(found, Seen) else None
