"""Readiness by asking: the portal over HTTP, the switch over SIP, the deciders by their heartbeat.

`python -m launcher.health NAME` is a container's health check: NAME is "switch" or "relay", or the name of a heartbeat.
"""

import http.client
import os
import secrets
import socket
import sys
from urllib.parse import urlsplit

# A process counts as alive by a heartbeat younger than 5 s.
HEARTBEAT_SECONDS = 5


def web_answers(url: str) -> bool:
    """Tell whether the portal serves its health page."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def switch_answers(host: str, port: int, patience: float = 0.5) -> bool:
    """Tell whether the switch answers OPTIONS (RFC 3261 §11), whatever it answers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.bind((host, 0))
        own = client.getsockname()[1]
        token = secrets.token_hex(8)
        lines = [
            f"OPTIONS sip:{shown}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {shown}:{own};branch=z9hG4bK{token};rport",
            "Max-Forwards: 1",
            f"From: <sip:launcher@{shown}:{own}>;tag={token}",
            f"To: <sip:{shown}:{port}>",
            f"Call-ID: {token}",
            "CSeq: 1 OPTIONS",
            "Content-Length: 0",
        ]
        try:
            client.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), (host, port))
            return client.recv(4096).startswith(b"SIP/2.0 ")
        except OSError:
            return False


def relay_answers(control: str) -> bool:
    """Tell whether rtpengine answers a ping of its ng protocol at that address and port."""
    host, _, port = control.partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        try:
            client.sendto(b'1 {"command":"ping"}', (host, int(port)))
            return b"pong" in client.recv(4096)
        except OSError:
            return False


def beating(database_url: str, names: tuple[str, ...], since: float = 0, *, ready: bool = False) -> list[str]:
    """Return which of those processes have given a sign of life lately, and after that instant (epoch seconds).

    With ``ready``, of deciders only those that a call would be decided by: one lives before its switch has met it.
    """
    import psycopg2  # The switch's image has no PostgreSQL client, and asks the switch only.

    connection = psycopg2.connect(database_url, connect_timeout=2)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM core_heartbeat WHERE name = ANY(%s) AND beat_at > to_timestamp(%s) "
                "AND beat_at > now() - %s * interval '1 s' "
                "AND (NOT %s OR kind <> 'decider' OR details->'ready' = 'true')",
                [list(names), since, HEARTBEAT_SECONDS, ready],
            )
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


def main() -> int:
    """Return 0 if the named process is well."""
    name = sys.argv[1]
    if name == "switch":
        host = os.environ["SIP_LISTEN"].split(",")[0].strip()
        return int(not switch_answers(host, int(os.environ.get("SIP_PORT") or 5060)))
    if name == "relay":
        return int(not relay_answers(os.environ["RTP_CONTROL"]))
    return int(not beating(os.environ["DATABASE_URL"], (name,)))


if __name__ == "__main__":
    sys.exit(main())
