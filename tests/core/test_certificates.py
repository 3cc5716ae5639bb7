"""What the portal says of the certificate on the switch's TLS port, and of the ways to reach the switch."""

import datetime as dt

import pytest
from django.test import Client
from pytest_django import Settings

from core import certificates
from core.certificates import Certificate, Seen
from core.sip_addresses import sip_targets
from switch import tls

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def seen(**left: float) -> Seen:
    return Seen(Certificate(("sip.example.net",), NOW + dt.timedelta(**left), False, "ab"))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (seen(days=22), ""),
        (seen(days=20, hours=1), "expires in 20 days"),
        (seen(days=1, hours=1), "expires in 1 day;"),
        (seen(hours=3), "expires tomorrow"),
        (seen(seconds=-1), "has expired"),
        (Seen(None, "Connection refused"), "does not answer on its TLS port 5061: Connection refused"),
    ],
)
def test_what_needs_a_person_is_said(what: Seen, words: str, settings: Settings) -> None:
    settings.SIP_TLS_PORT = 5061
    said = what.warning(NOW)
    assert words in said if words else not said


def test_a_certificate_file_is_read(tmp_path: object) -> None:
    path, key = tls.prepare(tmp_path, ["sip.example.net", "2001:db8::1"])  # type: ignore[arg-type]
    read = certificates.of_file(path)
    assert read is not None
    assert (read.names, read.self_signed) == (("sip.example.net", "2001:db8::1"), True)
    assert certificates.of_file(key) is None
    assert certificates.of_file(path.with_name("none")) is None


def test_every_way_to_the_switch_is_written_out(settings: Settings) -> None:
    """Default ports are left out; the other family is shown where the switch has an address of it."""
    settings.SIP_ADDRESS, settings.SIP_PORT, settings.SIP_TLS_PORT = "192.0.2.1", 5060, 5061
    settings.SIP_LISTEN = ["127.0.0.1", "192.0.2.1", "::1"]
    assert sip_targets("442") == [
        ("UDP or TCP", "sip:442@192.0.2.1"),
        ("TLS", "sip:442@192.0.2.1;transport=tls"),
    ]
    settings.SIP_PORT, settings.SIP_TLS_PORT = 5080, 5081
    settings.SIP_LISTEN = ["192.0.2.1", "2001:db8::1"]
    assert sip_targets("442") == [
        ("UDP or TCP over IPv4", "sip:442@192.0.2.1:5080"),
        ("TLS over IPv4", "sip:442@192.0.2.1:5081;transport=tls"),
        ("UDP or TCP over IPv6", "sip:442@[2001:db8::1]:5080"),
        ("TLS over IPv6", "sip:442@[2001:db8::1]:5081;transport=tls"),
    ]
    settings.SIP_ADDRESS, settings.SIP_TLS_PORT = "sip.example.net", 0
    assert sip_targets("442") == [("UDP or TCP", "sip:442@sip.example.net:5080")]


def test_dashboard_and_settings_show_it(support_page: Client, settings: Settings) -> None:
    settings.SIP_TLS_PORT = 5061
    client = support_page
    certificates.remember(settings.SWITCH_NAME, Seen(None, "Connection refused"))
    assert "does not answer on its TLS port 5061" in client.get("/").content.decode()
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=5, hours=1)
    certificates.remember(settings.SWITCH_NAME, Seen(Certificate(("sip.example.net",), soon, True, "ab")))
    assert "expires in 5 days" in client.get("/").content.decode()
    page = client.get("/settings/").content.decode()
    assert "sip.example.net (signed by itself" in page
    assert "sip:&lt;number&gt;@" in page
    certificates.remember(settings.SWITCH_NAME, seen(days=20000))
    assert "TLS certificate" not in client.get("/").content.decode()
