"""`grpc.health.v1.Health` with Check, List and Watch.

The packaged asynchronous servicer lacks List, and its Watch never ends, so that a drain would always wait for
the whole grace period. This one sends the latest status to each watcher and ends all watches on drain.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from grpc_health.v1 import health_pb2, health_pb2_grpc

from service_runtime.errors import OverloadedError, SourceNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


_MAX_NAME_CHARS = 100  # of a service that isn't here: the caller's own words, and trailers are small
_WATCH_RETRY_SECONDS = 5.0  # Check answers meanwhile
_MAX_WATCHES = 1000  # 9 KB each, and anybody may watch; a balancer has one a connection


class UnknownServiceError(SourceNotFoundError):
    """Health was asked for a service that this server doesn't have."""

    reason = "UNKNOWN_SERVICE"


_ALIVE = ("", "liveness")
_HEARTBEAT_SECONDS = 30.0  # less than the minute after which proxies cut silent streams


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc, no-any-unimported]  # untyped
    """Health of each service by its full name, and of all by `readiness`; "" and `liveness` are SERVING as long as the process
    answers. None of them depends on load: a busy replica that was taken away would leave the others more to do.
    """

    def __init__(self, services: list[str], heartbeat_seconds: float = _HEARTBEAT_SECONDS) -> None:
        self._status = {
            **dict.fromkeys(_ALIVE, SERVING),
            **dict.fromkeys(["readiness", *services], NOT_SERVING),
        }
        self._heartbeat_seconds = heartbeat_seconds
        self._changed = asyncio.Event()
        self._draining = False
        self._watches = 0

    def set_all(self, *, serving: bool) -> None:
        """Marks every named service as ready or not; liveness stays."""
        for service in self._status:
            if service not in _ALIVE:
                self._status[service] = SERVING if serving else NOT_SERVING
        self._wake()

    @property
    def is_ready(self) -> bool:
        """Whether the services take calls."""
        return bool(self._status["readiness"] == SERVING)

    def drain(self) -> None:
        """Marks every named service NOT_SERVING and ends all watches; liveness stays to the end."""
        self._draining = True
        self.set_all(serving=False)

    async def Check(self, request: Any, context: Context) -> Any:
        """The status of one service; NOT_FOUND for one that isn't here."""
        del context
        status = self._status.get(request.service)
        if status is None:
            raise UnknownServiceError(f"unknown service {request.service[:_MAX_NAME_CHARS]!r}")
        return health_pb2.HealthCheckResponse(status=status)

    async def List(self, request: Any, context: Context) -> Any:
        """The status of all services."""
        del request, context
        return health_pb2.HealthListResponse(
            statuses={
                name: health_pb2.HealthCheckResponse(status=status) for name, status in self._status.items()
            }
        )

    async def Watch(self, request: Any, context: Context) -> AsyncIterator[Any]:
        """The current status, then every later one that differs; intermediate states may be skipped. The last one is repeated after
        half a minute's silence, so that nobody on the way takes the stream for dead.
        """
        del context
        if self._watches >= _MAX_WATCHES:
            raise OverloadedError("health is watched too often", _WATCH_RETRY_SECONDS)
        self._watches += 1
        try:
            async for answer in self._statuses(request.service):
                yield answer
        finally:
            self._watches -= 1

    async def _statuses(self, service: str) -> AsyncIterator[Any]:
        last = None
        while True:
            # Taken before the yield: a drain while the message is being written is seen in the next turn.
            changed, is_last = self._changed, self._draining
            status = self._status.get(service, SERVICE_UNKNOWN)
            if status != last:
                yield health_pb2.HealthCheckResponse(status=status)
                last = status
            if is_last:
                return
            try:
                async with asyncio.timeout(self._heartbeat_seconds):
                    await changed.wait()
            except TimeoutError:
                last = None

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
