"""The audio relay's sign of life: rtpengine beats for nobody, so the deciders of its node ask it (its ng protocol)."""

import datetime as dt
import itertools
import json
import os
import socket

from routing.decider.pulse import Sign

SECONDS = 0.5
MAX_ANSWER = 65_535
# It repeats its answer to a cookie that it has seen.
_cookies = itertools.count(1)


def relay_sign(control: str, switch: str) -> Sign | None:
    """Return the sign of life of the relay that takes orders at ``control`` (127.0.0.1:2223); None if it is silent."""
    host, _, port = control.rpartition(":")
    cookie = f"sign-{os.getpid()}-{next(_cookies)} ".encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        try:
            client.connect((host, int(port)))
            client.send(cookie + b'{"command": "statistics"}')
            answer = client.recv(MAX_ANSWER)
            told = json.loads(answer.removeprefix(cookie))["statistics"]
            uptime = int(told["totalstatistics"]["uptime"])
            sessions = int(told["currentstatistics"]["sessionstotal"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
    started = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=uptime)
    return Sign(f"{switch}-relay", "relay", started, None, {"sessions": sessions})
