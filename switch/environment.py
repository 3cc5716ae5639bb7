"""The switch's settings from environment variables, as docs/operating.md lists them."""

import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from switch.render import SettingsError, SwitchSettings


def tls_port(environment: Mapping[str, str]) -> int:
    """Return the port of SIP over TLS: SIP_TLS_PORT, else the one after SIP_PORT (5061 after 5060); 0 where off."""
    chosen = environment.get("SIP_TLS_PORT", "").strip().lower()
    if chosen in {"off", "no", "0"}:
        return 0
    if not chosen:
        return int(environment.get("SIP_PORT") or 5060) + 1
    return int(chosen)


def read_addresses(value: str) -> list[str]:
    """Return the addresses of a comma-separated list, IPv6 ones without brackets."""
    return [part.strip().strip("[]") for part in value.split(",") if part.strip()]


# Variable -> field of SwitchSettings, and how to read it.
VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "SIP_LISTEN": ("listen", read_addresses),
    "SIP_PORT": ("sip_port", int),
    "SIP_TLS_CERTIFICATE": ("tls_certificate", Path),
    "SIP_TLS_KEY": ("tls_key", Path),
    "SIP_ADDRESS": ("tls_names", read_addresses),
    "SIP_TCP_IDLE_SECONDS": ("tcp_idle_seconds", int),
    "SIP_MAX_CONNECTIONS": ("max_connections", int),
    "REDIS_URL": ("redis_url", str),
    "EVAPI_LISTEN": ("evapi_listen", str),
    "RTP_CONTROL": ("relay_control", str),
    "SWITCH_NAME": ("name", str),
    "SIP_REALM": ("realm", str),
    "SIP_DIGEST_ALGORITHM": ("digest_algorithm", str),
    "SIP_NO_RESPONSE_TIMEOUT": ("no_response_timeout", float),
    "SIP_NO_ANSWER_TIMEOUT": ("no_answer_timeout", float),
    "SIP_DECISION_TIMEOUT": ("decision_timeout", float),
    "SIP_NOT_REGISTERED_CODE": ("not_registered_code", int),
    "MAX_CALL_SECONDS": ("max_call_seconds", int),
    "SIP_MIN_EXPIRES": ("min_expires", int),
    "SIP_DEFAULT_EXPIRES": ("default_expires", int),
    "SIP_MAX_EXPIRES": ("max_expires", int),
    "SIP_MAX_CONTACTS": ("max_contacts", int),
    "SIP_PING_INTERVAL": ("ping_interval", int),
    "SIP_KEEPALIVE_INTERVAL": ("keepalive_interval", int),
    "SIP_FLOOD_LIMIT": ("flood_limit", int),
    "SIP_FLOOD_BLOCK_SECONDS": ("flood_block_seconds", int),
}
REQUIRED = ("SIP_LISTEN", "REDIS_URL", "VOIPBILLING_DATA", "VOIPBILLING_RUN")


def switch_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the rendered configuration and the local record."""
    return Path(environment["VOIPBILLING_DATA"]) / "switch"


def record_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the local record."""
    return Path(environment.get("SWITCH_RECORD_DIR") or switch_folder(environment) / "record")


def evapi_secret(environment: Mapping[str, str]) -> str:
    """Return what deciders prove themselves by; both ends make it of the secret key that they share anyway."""
    return hmac.new(environment.get("SECRET_KEY", "").encode(), b"evapi", "sha256").hexdigest()


def hop_secret(environment: Mapping[str, str]) -> str:
    """Return what a node proves by that a call it hands on is one that was decided."""
    return hmac.new(environment.get("SECRET_KEY", "").encode(), b"hop", "sha256").hexdigest()


def settings_from(environment: Mapping[str, str]) -> SwitchSettings:
    """Return the settings; raise SettingsError naming the variable that is missing or unreadable."""
    missing = [name for name in REQUIRED if not environment.get(name)]
    if missing:
        raise SettingsError(f"{', '.join(missing)} must be set")
    values: dict[str, Any] = {}
    for name, (field, read) in VARIABLES.items():
        if environment.get(name):
            try:
                values[field] = read(environment[name])
            except ValueError as error:
                raise SettingsError(f"{name}={environment[name]}: must be a number") from error
    try:
        values["tls_port"] = tls_port(environment)
    except ValueError as error:
        raise SettingsError(f"SIP_TLS_PORT={environment['SIP_TLS_PORT']}: must be a number, or off") from error
    if environment.get("RTP_RELAY") == "off":
        values.pop("relay_control", None)
    values["evapi_secret"], values["hop_secret"] = evapi_secret(environment), hop_secret(environment)
    return SwitchSettings(
        run_dir=Path(environment["VOIPBILLING_RUN"]),
        record_dir=record_folder(environment),
        state_dir=switch_folder(environment),
        **values,
    )
