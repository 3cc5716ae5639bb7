"""What the demo must know again after a restart: when it began, logins, phones' secrets, how far its past goes."""

import datetime as dt
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from launcher.folder import write_private

from core.services import generate_password

SEED = 7946
DAYS = 14.0


@dataclass
class State:
    """The demo of one data folder; ``began`` and ``filled_until`` in epoch seconds."""

    path: Path
    seed: int
    days: float
    began: float
    filled_until: float
    stages: int = 0
    logins: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, data: Path) -> "State":
        """Return what an earlier start noted, else a new demo that begins now."""
        path = data / "secrets" / "demo.json"
        if path.exists():
            return cls(path=path, **json.loads(path.read_text()))
        days = float(os.environ.get("DEMO_DAYS") or DAYS)
        now = round(time.time(), 3)
        logins = {name: generate_password() for name in ("admin", "operator", "support")}
        state = cls(path, int(os.environ.get("DEMO_SEED") or SEED), days, now, now - days * 86_400, logins=logins)
        state.save()
        return state

    def save(self) -> None:
        """Write it down, for its owner only."""
        told = {name: value for name, value in asdict(self).items() if name != "path"}
        write_private(self.path, json.dumps(told, indent=1) + "\n")

    def pass_stage(self) -> None:
        """Note that one more stage of the operator's work is done."""
        self.stages += 1
        self.save()

    @property
    def begun(self) -> dt.datetime:
        """Return when the demo was first started: the end of its invented past."""
        return dt.datetime.fromtimestamp(self.began, dt.UTC)

    def at(self, share: float) -> dt.datetime:
        """Return the time after this share of the invented past."""
        return self.begun - dt.timedelta(days=self.days * (1 - share))
