"""The settings page (facts that the environment decides, to read) and the health check."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html

from core import render
from core.access import Access, rule
from core.certificates import remembered
from core.models import Heartbeat, User
from core.navigation import shown_parts
from core.sip_addresses import sip_host_port, sip_targets
from core.views.base import PageView


@rule("public")
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process can serve; it asks neither database nor cache, which have checks of their own."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


class SettingsView(PageView):
    """Show what the environment has set, and lead to what can be changed here."""

    access = Access.READ
    template_name = "core/settings.html"
    title = "Settings"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show the page."""
        groups = (
            ("Switch", self.switch_facts()),
            ("Timers and limits", self.timer_facts()),
            ("Money and clocks", self.money_facts()),
            ("Portal", self.portal_facts()),
        )
        heartbeats = Heartbeat.objects.order_by("kind", "name")
        return self.render(self.get_context_data(groups=groups, sections=shown_parts(request), heartbeats=heartbeats))

    def switch_facts(self) -> list[tuple[str, Any]]:
        """Return where the switch is, as carriers and phones must know it."""
        return [
            ("Name", settings.SWITCH_NAME),
            ("SIP address", render.mono(settings.SIP_ADDRESS)),
            ("SIP port (UDP and TCP)", render.mono(settings.SIP_PORT, copy=False)),
            (
                "SIP port (TLS)",
                render.mono(settings.SIP_TLS_PORT, copy=False) if settings.SIP_TLS_PORT else "TLS is off",
            ),
            *self.certificate_facts(),
            ("STUN server for phones", render.mono(sip_host_port(settings.SIP_ADDRESS, settings.SIP_PORT, 0))),
            ("Realm", render.mono(settings.SIP_REALM, copy=False)),
            *(
                (f"Give to a provider ({label})", render.mono(uri, copy=False))
                for label, uri in sip_targets("<number>")
            ),
        ]

    @staticmethod
    def certificate_facts() -> list[tuple[str, Any]]:
        """Return what is known of the certificate that phones and carriers see."""
        seen = remembered(settings.SWITCH_NAME)
        if seen is None:
            return []
        warning = seen.warning(timezone.now())
        if seen.certificate is None:
            return [("TLS certificate", warning)]
        held = seen.certificate
        signed = "signed by itself: phones must be told to trust it" if held.self_signed else "signed by an authority"
        return [
            ("TLS certificate", f"{', '.join(held.names)} ({signed})"),
            ("TLS certificate valid until", format_html("{} {}", render.moment(held.expires_at), warning)),
        ]

    def timer_facts(self) -> list[tuple[str, Any]]:
        """Return how long the switch waits."""
        return [
            ("No response from the phone (408)", _seconds(settings.SIP_NO_RESPONSE_TIMEOUT)),
            ("No answer (408)", _seconds(settings.SIP_NO_ANSWER_TIMEOUT)),
            ("Longest call", render.duration(settings.MAX_CALL_SECONDS)),
            ("Quarantine of a released DID", _days(settings.DID_QUARANTINE_DAYS)),
            ("Grace of an unpaid rental", _days(settings.RENTAL_GRACE_DAYS)),
            (
                "Unused days of a released DID",
                "are paid back" if settings.RENTAL_REFUND_UNUSED else "are not paid back",
            ),
            ("SIP code when no phone is registered", render.mono(settings.SIP_NOT_REGISTERED_CODE, copy=False)),
        ]

    def money_facts(self) -> list[tuple[str, Any]]:
        """Return what billing goes by."""
        return [
            ("Business time zone", settings.BUSINESS_TIME_ZONE),
            ("Default currency", settings.DEFAULT_CURRENCY),
            ("Reserved before a priced call", _seconds(settings.RESERVATION_SECONDS)),
        ]

    def portal_facts(self) -> list[tuple[str, Any]]:
        """Return how the portal is reached."""
        return [
            ("Trusted proxies", ", ".join(settings.TRUSTED_PROXIES) or "none: the address of the socket counts"),
            ("Mail server", self.mail_words()),
            ("Users who may log in", User.objects.filter(is_active=True).count()),
        ]

    @staticmethod
    def mail_words() -> str:
        """Return where mail is handed in, without its password."""
        server = settings.MAIL_SERVER
        if not server.host:
            return "none: nothing is sent (EMAIL_URL)"
        way = "TLS" if server.tls else "STARTTLS" if server.starttls else "not encrypted"
        return f"{server.host}, port {server.port} ({way}), from {settings.MAIL_FROM}"


def _days(value: int) -> Any:
    return format_html('<span class="num">{} <span class="unit">d</span></span>', value)


def _seconds(value: float) -> Any:
    return format_html('<span class="num">{} <span class="unit">s</span></span>', f"{value:g}")
