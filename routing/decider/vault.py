"""The aliases' credentials on disk, so that phones register after a restart of the switch while the database is away.

Encrypted with a key made of SECRET_KEY, which stands elsewhere: a digest hash is as good as the secret to whoever wants
to register, and the data folder is what gets copied. One file, written beside and renamed, mode 0600.
"""

import base64
import hmac
import json
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from routing.decider.follower import Credential


class Vault:
    """The file of one decider; it is of use only with the key, the algorithm and the realm that it was made with."""

    def __init__(self, path: Path, secret: str, algorithm: str, realm: str) -> None:
        self.path = path
        purpose = f"credentials:{algorithm}:{realm}"
        key = hmac.new(secret.encode(), purpose.encode(), "sha256").digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def save(self, credentials: list[Credential]) -> None:
        """Replace what the file holds."""
        token = self._fernet.encrypt(json.dumps(credentials, separators=(",", ":")).encode())
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.new")
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)

    def load(self) -> list[Credential] | None:
        """Return the credentials of the last run; None where there are none, or of another key."""
        try:
            plain = json.loads(self._fernet.decrypt(self.path.read_bytes()))
            return [Credential(int(alias_id), str(username), str(ha1)) for alias_id, username, ha1 in plain]
        except (OSError, InvalidToken, ValueError, TypeError):
            return None
