"""This process's own snapshot, for workers and web: taken to the version that a judgement needs, back or forth."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from routing.loader import VersionUnknown, changes_between, latest_version, read_snapshot
from routing.policy import current_policy
from routing.snapshot import Snapshot

ATTEMPTS = 5


class SnapshotStore:
    """One snapshot behind a lock; reads go through Django's connection, inside whatever transaction is open."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._config: Snapshot | None = None

    @contextmanager
    def at(self, version: int | None = None) -> Iterator[Snapshot]:
        """Lend the configuration of one version (None: the newest committed); nobody else moves it meanwhile.

        Raises VersionUnknown where the history does not hold it.
        """
        with self._lock:
            config = self._config or self._load()
            if version != config.version:
                config = self._taken_to(config, version)
            yield config

    def _taken_to(self, config: Snapshot, version: int | None) -> Snapshot:
        with connection.cursor() as cursor:
            wanted = latest_version(cursor) if version is None else version
            try:
                config.apply(changes_between(cursor, config.version, wanted), wanted)
            except VersionUnknown:
                # The database may be another than the one that was loaded (a restore); only a fresh start tells.
                config = self._load()
                config.apply(changes_between(cursor, config.version, wanted), wanted)
            except BaseException:
                self._config = None
                raise
            return config

    def forget(self) -> None:
        """Drop the snapshot; the next use loads it afresh."""
        with self._lock:
            self._config = None

    def _load(self) -> Snapshot:
        self._config = None
        for _ in range(ATTEMPTS):
            config = read_snapshot(connection, current_policy())
            with connection.cursor() as cursor:
                # Any committed change has a new version: the same one before and after means nothing moved between.
                if latest_version(cursor) == config.version:
                    self._config = config
                    # Millions of rows that stay are no work for the collector of cycles.
                    gc.collect()
                    gc.freeze()
                    return config
        raise RuntimeError("the configuration changes faster than it can be read")


snapshots = SnapshotStore()
