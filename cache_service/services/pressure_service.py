"""The PressureService servicer: the broadcaster and the history, encoded."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from cache_service.pressure.history import SPAN_SECONDS
from cache_service.services import wire_pressure as convert
from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc import aio

    from cache_service.pressure.monitor import PressureMonitor
    from cache_service.pressure.state import PressureState
    from service_runtime.backoff_table import BackoffTable

    Context = aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)


class PressureServicer(pressure_pb2_grpc.PressureServiceServicer):
    """Pressure, once or watched; see protos/metaextract/cache/v1/pressure.proto."""

    def __init__(self, monitor: PressureMonitor, table: BackoffTable) -> None:
        self._broadcaster = monitor.broadcaster
        self._history = monitor.history
        self.hear_table(table)
        # A change goes to all watchers as one message, built once.
        self._change: tuple[PressureState, pressure_pb2.WatchPressureResponse] | None = None

    def hear_table(self, table: BackoffTable) -> None:
        """What is told from now on; those who watch already hear it with their next event."""
        self._table = convert.table_to_wire(table)

    async def GetPressure(
        self, request: pressure_pb2.GetPressureRequest, context: Context
    ) -> pressure_pb2.GetPressureResponse:
        """The current state."""
        del request, context
        return pressure_pb2.GetPressureResponse(state=convert.state_to_wire(self._broadcaster.state))

    async def GetPressureHistory(
        self, request: pressure_pb2.GetPressureHistoryRequest, context: Context
    ) -> pressure_pb2.GetPressureHistoryResponse:
        """The last minutes."""
        del context
        since = request.since_seconds or SPAN_SECONDS
        if not 0 < since <= SPAN_SECONDS:
            raise InvalidRequestError("since_seconds", f"must be from 0 to {SPAN_SECONDS:g}")
        return convert.history_to_wire(self._history, time.time(), since, request.max_points)

    async def WatchPressure(
        self, request: pressure_pb2.WatchPressureRequest, context: Context
    ) -> AsyncIterator[pressure_pb2.WatchPressureResponse]:
        """The current state, changes and heartbeats, until the server drains."""
        del context
        _log.debug("pressure watched", extra={"subscriber": request.subscriber[:100]})
        told: pressure_pb2.BackoffTable | None = None
        async for event in self._broadcaster.watch(request.epoch, request.after_revision):
            is_new = told is not self._table
            if is_new or event.heartbeat or event.reconnect_after_seconds is not None:
                told = self._table
                yield convert.event_to_wire(event, told if is_new else None)
            else:
                yield self._change_to_wire(event.state)

    def _change_to_wire(self, state: PressureState) -> pressure_pb2.WatchPressureResponse:
        if self._change is None or self._change[0] is not state:
            message = pressure_pb2.WatchPressureResponse(state=convert.state_to_wire(state))
            self._change = (state, message)
        return self._change[1]
