"""The address of the mail server, as one setting: ``EMAIL_URL``."""

import dataclasses
from urllib.parse import unquote, urlsplit

# Scheme -> (port, STARTTLS, TLS from the first byte). RFC 8314: submission over TLS is port 465, with STARTTLS 587.
SCHEMES = {"smtp": (25, False, False), "smtp+tls": (587, True, False), "smtps": (465, False, True)}
SHAPE = "smtps://user:password@mail.example.net:465 (or smtp+tls:// for STARTTLS, smtp:// without encryption)"


@dataclasses.dataclass(frozen=True)
class MailServer:
    """Where mail is handed in; no ``host`` means that there is none."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False


def read_mail_url(url: str) -> MailServer:
    """Return the server that a URL names, none for an empty one. Raise ValueError for anything else."""
    if not url:
        return MailServer()
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in SCHEMES or not parts.hostname or port == -1 or parts.path.strip("/") or parts.query:
        # Without the value: it holds a password.
        raise ValueError(f"EMAIL_URL: must look like {SHAPE}; other signs in user and password are percent-encoded")
    default, starttls, tls = SCHEMES[parts.scheme]
    return MailServer(
        parts.hostname, port or default, unquote(parts.username or ""), unquote(parts.password or ""), starttls, tls
    )
