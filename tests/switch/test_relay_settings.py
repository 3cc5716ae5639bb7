"""The audio relay's settings: what rtpengine is told, and what cannot work said in words."""

import pytest

from switch.relay import command, settings_from
from switch.render import SettingsError

TWO = {"SIP_LISTEN": "127.0.0.1,[2001:db8::1],192.0.2.1"}


def interfaces(**environment: str) -> list[str]:
    return [f"{name}/{address}" for name, address in settings_from(TWO | environment).interfaces]


def test_each_sip_address_has_an_interface_of_its_own() -> None:
    assert interfaces() == ["a0/127.0.0.1", "a1/2001:db8::1", "a2/192.0.2.1"]


def test_audio_may_go_to_other_addresses_and_show_the_routers() -> None:
    """An address that is listed serves itself, any other the first of its family."""
    chosen = interfaces(RTP_LISTEN="10.0.0.5!203.0.113.10, 2001:db8::2, 192.0.2.1")
    assert chosen == ["a0/10.0.0.5!203.0.113.10", "a1/2001:db8::2", "a2/192.0.2.1"]


def test_debians_own_settings_are_not_read() -> None:
    """They open ports that a second installation on the machine would find taken."""
    arguments = command(settings_from(TWO | {"RTP_PORTS": "12000-12100"}), "/usr/bin/rtpengine")
    assert arguments[:2] == ["/usr/bin/rtpengine", "--config-file=none"]
    assert {"--table=-1", "--port-min=12000", "--port-max=12100", "--listen-ng=127.0.0.1:2223"} <= set(arguments)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("RTP_PORTS", "20000", "must be a range of UDP ports above 1023, such as 10000-20000"),
        ("RTP_PORTS", "20000-10000", "must be a range"),
        ("RTP_PORTS", "80-20000", "above 1023"),
        ("RTP_PORTS", "10000-99999", "must be a range"),
        ("RTP_LISTEN", "192.0.2.1", "name an IPv6 address for the calls on 2001:db8::1"),
        ("RTP_LISTEN", "192.0.2.1!2001:db8::1", "both addresses must be IPv4, or both IPv6"),
        ("RTP_LISTEN", "everywhere", "'everywhere' does not appear to be an IPv4 or IPv6 address"),
        ("RTP_CONTROL", "localhost", "must be an IPv4 address and a port"),
    ],
)
def test_what_cannot_work_is_named(setting: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as error:
        settings_from(TWO | {setting: value})
    assert str(error.value).startswith(setting)
