"""Keep the switch's TLS certificate in force and in sight: take over a renewed one, and say when one runs out."""

import datetime as dt
import ipaddress
import logging

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from core import certificates
from core.certificates import Certificate, Seen
from switch.record import RpcError, call_rpc
from systemlog.choices import Category, Severity
from systemlog.entries import write_entries
from systemlog.models import LogEntry

logger = logging.getLogger(__name__)

ONCE_A_DAY = 24 * 3600


def watch() -> Seen | None:
    """Look at what the switch on this machine shows, and let it read its files again where these hold another one.

    Return what was seen; None where there is no such switch, or no TLS.
    """
    if not settings.SIP_TLS_PORT or not settings.SWITCH_RPC_SOCKET.exists():
        return None
    seen = look()
    held = certificates.of_file(settings.SIP_TLS_CERTIFICATE)
    if seen.certificate and held and held.fingerprint != seen.certificate.fingerprint:
        seen = take_over(held, seen)
    certificates.remember(settings.SWITCH_NAME, seen)
    warn(seen)
    return seen


def look() -> Seen:
    """Return what the TLS port shows now."""
    try:
        # By an address of its own: from inside, the one that carriers use may lead nowhere (a router's, no hairpin).
        own = [address for address in settings.SIP_LISTEN if not ipaddress.ip_address(address).is_loopback]
        return Seen(certificates.presented(own[0] if own else settings.SIP_ADDRESS, settings.SIP_TLS_PORT))
    except (OSError, ValueError) as error:
        return Seen(None, str(error) or type(error).__name__)


def take_over(held: Certificate, before: Seen) -> Seen:
    """Let the switch read certificate and key again; connections that are open keep the old one."""
    try:
        call_rpc(settings.SWITCH_RPC_SOCKET, "tls.reload")
    except RpcError as error:
        # A renewal writes two files; between them they do not belong together. The next look tries again.
        logger.warning("the switch does not take over its new TLS certificate: %s", error)
        return before
    seen = look()
    if seen.certificate and seen.certificate.fingerprint == held.fingerprint:
        names, end = ", ".join(held.names), held.expires_at.date().isoformat()
        tell(
            Severity.NOTICE,
            "certificate",
            f"The switch took over a new TLS certificate for {names}, valid until {end}.",
        )
    return seen


def warn(seen: Seen) -> None:
    """Say once a day in System Log what the dashboard says all the time."""
    words = seen.warning(timezone.now())
    if words and cache.add(f"certificate-warned:{settings.SWITCH_NAME}:{words[:60]}", True, ONCE_A_DAY):
        tell(Severity.WARNING, "certificate", words)


def tell(severity: Severity, reason: str, words: str) -> None:
    """Write one entry of category switch."""
    at = dt.datetime.now(dt.UTC)
    write_entries([LogEntry(at=at, category=Category.SWITCH, severity=severity, reason=reason, message=words, refs=[])])
