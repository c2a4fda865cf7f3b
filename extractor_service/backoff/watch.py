"""The two loops that keep the view up to date: the cache's broadcast, and our own memory."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from extractor_service.results.reconnect import RetryDelay
from metaextract_client.errors import MetaExtractError
from service_runtime.backoff_table import BackoffTable, InvalidTableError, Row, WorkClass
from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from extractor_service.backoff.state import BackoffState
    from metaextract.cache.v1 import pressure_pb2
    from metaextract_client.cache_async import AsyncCacheClient
    from service_runtime.memory.monitor import MemoryMonitor, Observation

_log = logging.getLogger(__name__)
_FIRST_EVENT_SECONDS = 10.0  # the snapshot comes at once; the rest is for connecting to a busy host
_LEAST_PATIENCE_SECONDS = 5.0  # a cache with quick heartbeats that stalls briefly isn't reconnected to


async def watch_cache(
    cache: AsyncCacheClient, state: BackoffState, subscriber: str, *, fleet: bool = False
) -> None:
    """Follows WatchPressure until cancelled, and resumes it; reconnects with growing, jittered delays.

    `fleet`: the worst of all replicas concerns this extractor, because its calls go to any of them.
    """
    delay = RetryDelay()
    known: PressureLevel | None = None
    epoch, revision = "", 0
    while True:
        pause: float | None = None
        events = cache.watch_pressure(subscriber, epoch, revision)
        patience = _FIRST_EVENT_SECONDS
        try:
            while True:
                # A host that vanished closes no connection: silence is all there is to notice.
                async with asyncio.timeout(patience):
                    event = await anext(events)
                patience = max(_LEAST_PATIENCE_SECONDS, event.state.valid_for_seconds)
                level = PressureLevel(event.state.fleet_level if fleet else event.state.level)
                epoch, revision = event.state.epoch, event.state.revision
                state.view.hear(time.monotonic(), level, event.state.valid_for_seconds)
                if event.HasField("table"):
                    _take_table(event.table, state)
                state.wake()
                _log_missed(event)
                if level != known:
                    _log.info(
                        "cache pressure", extra={"pressure_level": level.name, "cause": event.state.cause}
                    )
                    known = level
                if event.draining:
                    pause = event.reconnect_after_seconds
                delay.reset()
        except StopAsyncIteration:
            known = None
        except (MetaExtractError, ValueError, TimeoutError) as error:
            if known is not None:
                _log.warning("pressure watch lost", extra={"error": repr(error)})
                known = None
        finally:
            await events.aclose()
        if pause is None:
            await delay.wait()
        else:
            await asyncio.sleep(pause)


async def watch_own_memory(monitor: MemoryMonitor, state: BackoffState) -> None:
    """Samples this process's container until cancelled."""

    async def step(observation: Observation) -> None:
        before, state.view.local_level = state.view.local_level, observation.level
        state.local = observation
        if observation.level != before:
            _log.info(
                "own pressure changed",
                extra={
                    "from_level": before.name,
                    "to_level": observation.level.name,
                    "cause": observation.cause,
                    "score_ratio": round(observation.score, 4),
                    "reserved_bytes": state.ledger.reserved_bytes,
                    "in_flight": state.limiter.in_flight,
                    "queued": state.limiter.queued,
                },
            )
        state.wake()

    await monitor.run(step)


def _take_table(wire: pressure_pb2.BackoffTable, state: BackoffState) -> None:
    try:
        rows = {
            (WorkClass(row.work_class), PressureLevel(row.level)): Row(
                row.concurrency_ratio,
                row.chunk_bytes,
                row.refuse_above_bytes if row.HasField("refuse_above_bytes") else None,
                row.retry_after_seconds,
            )
            for row in wire.rows
        }
        state.hear_table(BackoffTable(rows, wire.ramp_ratio_per_second, wire.phase_spread_seconds))
    except (InvalidTableError, ValueError, KeyError) as error:
        _log.warning("the cache's back-off table is unusable", extra={"error": repr(error)})


def _log_missed(event: pressure_pb2.WatchPressureResponse) -> None:
    if event.missed or event.missed_has_gaps:
        worst = max((change.to_level for change in event.missed), default=0)
        _log.info(
            "pressure changes missed",
            extra={
                "count": len(event.missed),
                "worst_level": PressureLevel(worst).name if worst else "",
                "has_gaps": event.missed_has_gaps,
            },
        )
