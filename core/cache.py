"""The cache that all processes share, and what each counts by itself while its server is away.

Only the limits on logins stand in it. Without its server nobody shall be kept out, and a guesser be slowed all the
same: each process then counts for itself.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

# A hung server costs a request its time-out once, not for each key.
AWAY_SECONDS = 5.0


class SharedCache(RedisCache):
    """A Redis cache whose keys stand in this process's memory while the server is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = LocMemCache("without-server", params)
        self._away_until = 0.0

    def _either(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= self._away_until:
            shared: Callable[..., Any] = getattr(super(), name)
            try:
                return shared(*args, **kwargs)
            except RedisError as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("the cache's server is away", error=str(error))
        return getattr(self._own, name)(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("add", *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("touch", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("delete", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("incr", *args, **kwargs)

    def has_key(self, *args: Any, **kwargs: Any) -> Any:
        return self._either("has_key", *args, **kwargs)
