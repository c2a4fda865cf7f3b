"""The PressureService servicer: the broadcaster, encoded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cache_service import convert
from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from cache_service.pressure.broadcaster import PressureBroadcaster

    Context = aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


class PressureServicer(pressure_pb2_grpc.PressureServiceServicer):
    """Pressure, once or watched; see protos/metaextract/cache/v1/pressure.proto."""

    def __init__(self, broadcaster: PressureBroadcaster) -> None:
        self._broadcaster = broadcaster

    async def GetPressure(
        self, request: pressure_pb2.GetPressureRequest, context: Context
    ) -> pressure_pb2.GetPressureResponse:
        """The current state."""
        del request, context
        return pressure_pb2.GetPressureResponse(state=convert.state_to_wire(self._broadcaster.state))

    async def WatchPressure(
        self, request: pressure_pb2.WatchPressureRequest, context: Context
    ) -> AsyncIterator[pressure_pb2.WatchPressureResponse]:
        """The current state, changes and heartbeats, until the server drains."""
        del context
        _log.info("pressure watched", extra={"subscriber": request.subscriber[:100]})
        async for event in self._broadcaster.watch():
            yield pressure_pb2.WatchPressureResponse(
                state=convert.state_to_wire(event.state), heartbeat=event.heartbeat
            )
