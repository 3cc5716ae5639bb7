"""JSON-RPC to Kamailio over its unix datagram socket (module jsonrpcs), blocking: one call, one answer."""

import contextlib
import itertools
import json
import os
import socket
from pathlib import Path
from typing import Any

MAX_ANSWER = 1024 * 1024
SECONDS = 1.0


class RpcError(Exception):
    """Kamailio refused the call."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class SwitchRpc:
    """A client socket of its own; usable by one thread at a time."""

    def __init__(self, remote: Path, own: Path) -> None:
        self.remote, self.own = str(remote), own
        self._socket: socket.socket | None = None
        self._ids = itertools.count(1)

    def call(self, method: str, *parameters: Any) -> Any:
        """Return the result of a call; raise RpcError when it is refused, OSError when there is no answer."""
        id_ = next(self._ids)
        request = {"jsonrpc": "2.0", "method": method, "params": list(parameters), "id": id_}
        connection = self._open()
        try:
            connection.send(json.dumps(request).encode())
            while True:
                answer = json.loads(connection.recv(MAX_ANSWER))
                # An answer to an earlier call that we gave up on may still lie in the socket.
                if answer.get("id") == id_:
                    break
        except OSError:
            self.close()
            raise
        except ValueError as error:
            self.close()
            raise OSError(f"unreadable answer: {error}") from error
        if "error" in answer:
            raise RpcError(answer["error"].get("code", 0), answer["error"].get("message", ""))
        return answer["result"]

    def close(self) -> None:
        """Close the socket and remove its file."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        with contextlib.suppress(OSError):
            self.own.unlink()

    def _open(self) -> socket.socket:
        if self._socket is None:
            with contextlib.suppress(FileNotFoundError):
                self.own.unlink()
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                connection.settimeout(SECONDS)
                # Kamailio answers to the address we send from, so we must have one.
                connection.bind(str(self.own))
                os.chmod(self.own, 0o600)  # noqa: PTH101
                connection.connect(self.remote)
            except OSError:
                connection.close()
                raise
            self._socket = connection
        return self._socket


def profile_size(rpc: SwitchRpc, profile: str, *values: str) -> int:
    """Return how many live calls the switch counts in a dialog profile, for one of its values."""
    answer = rpc.call("dlg.profile_get_size", profile, *(f"s:{value}" for value in values))
    return int(answer["dlg"]["size"] if isinstance(answer, dict) and "dlg" in answer else answer)
