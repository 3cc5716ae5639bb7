"""What the relay of the running product says of itself (rtpengine's ng protocol, as JSON over UDP)."""

import json
import secrets
import socket
from typing import Any

from tests.stack import PATIENCE, Stack


def ask_relay(stack: Stack, command: str, **values: Any) -> dict[str, Any]:
    """Return the relay's answer to one command."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        body = {"command": command} | {name.replace("_", "-"): value for name, value in values.items()}
        request = f"{secrets.token_hex(6)} {json.dumps(body)}"
        client.sendto(request.encode(), ("127.0.0.1", stack.relay_port))
        return json.loads(client.recv(65535).partition(b" ")[2])


def relay_sessions(stack: Stack) -> list[str]:
    """Return the sessions that the relay holds, by their names."""
    return ask_relay(stack, "list", limit="100")["calls"]
