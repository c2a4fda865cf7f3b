"""Leaving without a failed call: newcomers go elsewhere, connections are moved on, and only then the server stops.

What gRPC's own `stop` does at once ends calls that the core has taken in and Python hasn't accepted yet as CANCELLED
(grpc/grpc#41785), which no stock retry repeats. So it comes last, when nobody is connected any more: every connection is ended by a
graceful GOAWAY at its age (`age_seconds`), and after the listeners are shut down its client connects to another replica.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grpc import aio

    from service_runtime.calls import Calls
    from service_runtime.settings import RuntimeSettings
    from service_runtime.sockets import Place

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1  # how late the last connection's end is seen
_CUT_SECONDS = 2.0  # for cut off calls to say so, until gRPC ends what is left
# Shares of the drain. First balancers that ask for health get to know, before newcomers are refused; then each connection comes of age,
# 10 % earlier or later (gRPC's own spread), and its client has to connect elsewhere.
_NOTICE_RATIO = 0.2
_AGE_RATIO = 0.7


def age_seconds(settings: RuntimeSettings) -> float:
    """How long connections are used; by default so that each one has been moved on when the drain ends. 0: for ever."""
    return settings.connection_age_seconds or settings.drain_seconds * _AGE_RATIO


async def leave(place: Place, drain_seconds: float) -> int:
    """Lets balancers notice, refuses new connections, and waits until the others have gone: `drain_seconds` in all, or less. How many
    are left.

    Calls on connections that are there are served meanwhile as ever.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + drain_seconds
    await asyncio.sleep(drain_seconds * _NOTICE_RATIO)
    listeners = await asyncio.to_thread(place.stop_listening)
    _log.info("stopped listening", extra={"listeners": listeners})
    while True:
        left = await asyncio.to_thread(place.count_connections)
        remaining_seconds = ends_at - loop.time()
        if not left or remaining_seconds <= 0:
            return left
        await asyncio.sleep(min(_LOOK_SECONDS, remaining_seconds))


async def stop(servers: Sequence[aio.Server], calls: Calls, grace_seconds: float) -> None:
    """Stops; running calls get `grace_seconds`, and are then ended as UNAVAILABLE, with the reason DRAINING."""
    stopping = asyncio.gather(*(server.stop(grace_seconds + _CUT_SECONDS) for server in servers))
    done, _ = await asyncio.wait({stopping}, timeout=grace_seconds)
    if not done:
        _log.warning("calls were cut off", extra={"calls": calls.cut_off()})
    await stopping
