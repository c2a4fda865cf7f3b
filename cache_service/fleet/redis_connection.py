"""The connection to Redis or Valkey: standalone, Sentinel or Cluster, with TLS, by URL.

- `redis://host:port/0`, `rediss://user:password@host:port/0?ssl_ca_certs=…`, `unix:///path`
- `redis+sentinel://host:port,host:port/SERVICE`, `rediss+sentinel://…`
- `redis+cluster://host:port,host:port`, `rediss+cluster://…`

redis-py does the rest. Every command has a time limit, and nothing is tried again here: a tier that fails is a miss.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from cache_service.breaker import CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    T = TypeVar("T")

_MAX_CONNECTIONS = 32  # more than _PLACES: pub/sub, and connections that are on their way back
_PLACES = 24  # connections that were cancelled may take a moment to come back
_DEFAULT_PORT = 6379  # Redis's own, where the URL names none
# RuntimeError is uvloop's, for a connection that has closed and wasn't found out yet; asyncio's own loop says OSError.
ERRORS = (RedisError, OSError, TimeoutError, EOFError, RuntimeError)
Client = Any
"""A redis-py client. Its stubs promise unions of values and awaitables that no checker can follow; callers name the
type of each answer."""


class FleetUnavailableError(Exception):
    """Redis can't be asked now."""


class FleetConnection:
    """A client with a time limit and a circuit breaker. Keys begin with the prefix."""

    def __init__(self, url: str, prefix: str, timeout_seconds: float) -> None:
        """Nothing is connected yet.

        Raises:
            ValueError: the URL isn't of a known form.
        """
        self._sentinels: list[Client] = []
        self.client = self._open(url, timeout_seconds)
        self.prefix = prefix
        self.timeout_seconds = timeout_seconds
        self._breaker = CircuitBreaker()
        self.places = asyncio.Semaphore(_PLACES)
        """Take one for each command: redis-py's pool fails instead of waiting when its connections are taken."""

    def key(self, *parts: str) -> str:
        """The name of a key of ours."""
        return ":".join((self.prefix, *parts))

    async def run(self, operation: Callable[[Client], Awaitable[object]], kind: type[T]) -> T:
        """What `operation` answers, of that kind.

        Raises:
            FleetUnavailableError: it failed, or failed so often lately that it isn't tried.
        """
        if not self._breaker.allows(time.monotonic()):
            raise FleetUnavailableError("Redis failed lately and is left alone for a moment")
        try:
            async with asyncio.timeout(self.timeout_seconds), self.places:
                answer = await operation(self.client)
        except ERRORS as error:
            self._breaker.record_failure(time.monotonic())
            raise FleetUnavailableError(f"Redis: {error or type(error).__name__}") from error
        except BaseException:
            self._breaker.record_cancelled()
            raise
        self._breaker.record_success()
        if not isinstance(answer, kind):
            raise FleetUnavailableError(f"Redis answered with a {type(answer).__name__}")
        return answer

    async def close(self) -> None:
        """Closes the connections."""
        for client in (self.client, *self._sentinels):
            with contextlib.suppress(*ERRORS):
                async with asyncio.timeout(self.timeout_seconds):
                    await client.aclose()

    def _open(self, url: str, timeout_seconds: float) -> Client:
        parts = urlsplit(url)
        scheme, _, topology = parts.scheme.partition("+")
        if scheme not in {"redis", "rediss", "unix"} or topology not in {"", "sentinel", "cluster"}:
            raise ValueError(
                f"redis://, rediss:// or unix:// is expected, with +sentinel or +cluster, not {parts.scheme}://"
            )
        options: dict[str, object] = {
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
            "protocol": 2,
        }
        if not topology:
            retry = Retry(NoBackoff(), 0)
            return cast("Client", Redis).from_url(
                url, max_connections=_MAX_CONNECTIONS, retry=retry, **options
            )
        options.update(parse_qsl(parts.query))
        if parts.username:
            options["username"] = unquote(parts.username)
        if parts.password:
            options["password"] = unquote(parts.password)
        if scheme == "rediss":
            options["ssl"] = True
        hosts = [_host(text) for text in parts.netloc.rpartition("@")[2].split(",")]
        if topology == "cluster":
            nodes = [ClusterNode(host, port) for host, port in hosts]
            # A failed node costs one error; then the client learns the slots anew.
            return RedisCluster(startup_nodes=nodes, max_connections=_MAX_CONNECTIONS, **cast("Any", options))
        service = parts.path.strip("/").split("/")[0]
        if not service:
            raise ValueError("redis+sentinel://host:port/SERVICE names the service")
        sentinel = cast("Any", Sentinel)(
            hosts, sentinel_kwargs={"socket_timeout": timeout_seconds}, **cast("Any", options)
        )
        self._sentinels = list(sentinel.sentinels)
        return sentinel.master_for(service, max_connections=_MAX_CONNECTIONS)


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if host else (text, _DEFAULT_PORT)
