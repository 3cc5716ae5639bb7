"""The data folder: everything that must survive a restart, and where the short-lived sockets lie."""

import fcntl
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from .errors import StartError

# A UNIX socket's path is limited to 107 bytes (unix(7), sun_path); the longest name we put below the run folder has
# less than 27.
LONGEST_RUN_FOLDER = 80


class DataFolder:
    """Paths, secrets and the lock of one installation."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.log = self.root / "log"
        self.secrets = self.root / "secrets"
        self.demo_mark = self.root / "demo"
        self.run = self._run_folder()
        self._lock_descriptor: int | None = None

    def _run_folder(self) -> Path:
        near = self.root / "run"
        if len(os.fsencode(near)) <= LONGEST_RUN_FOLDER:
            return near
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"voipbilling-{os.geteuid()}-{digest}"

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo's folder."""
        return self.demo_mark.exists()

    def is_used(self) -> bool:
        """Tell whether an installation has begun here: its secrets, or its database."""
        return any(self.secrets.glob("*")) or (self.root / "postgres").exists()

    def prepare(self) -> None:
        """Create the folders, readable by their owner only.

        Raises StartError where that is not allowed, or where somebody else already holds the run folder's name.
        """
        try:
            for folder in (self.root, self.log, self.secrets, self.run):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.root / ".writable").touch()
            (self.root / ".writable").unlink()
        except OSError as error:
            raise StartError(
                f"cannot write to the data folder {self.root} ({error.strerror}): "
                "make it writable for this user, or set VOIPBILLING_DATA to a folder that is"
            ) from error
        # A run folder below /tmp could have been made by another user to read our sockets.
        found = self.run.lstat()
        if found.st_uid != os.geteuid() or self.run.is_symlink():
            raise StartError(
                f"{self.run} belongs to another user: remove it, or set VOIPBILLING_DATA to a shorter path"
            )
        self.run.chmod(0o700)

    def lock(self) -> None:
        """Hold the folder for this process alone; the kernel lets go of it however the process ends."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StartError(
                f"voipbilling already runs with the data folder {self.root} (process {holder}): "
                "stop it first, or set VOIPBILLING_DATA to another folder"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock_descriptor = descriptor

    def secret(self, name: str) -> str:
        """Return the secret of that name, generated the first time."""
        path = self.secrets / name
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            value = secrets.token_urlsafe(36)
            write_private(path, value + "\n")
            return value


def write_private(path: Path, text: str) -> None:
    """Replace a file's content at once, readable by its owner only."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
