"""Pressure to its wire messages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from metaextract.cache.v1 import pressure_pb2 as pb

if TYPE_CHECKING:
    from cache_service.pressure.broadcaster import PressureEvent
    from cache_service.pressure.history import PressureHistory
    from cache_service.pressure.state import PressureChange, PressureState, SignalState
    from service_runtime.backoff_table import BackoffTable


def state_to_wire(state: PressureState) -> pb.PressureState:
    """A pressure state."""
    now = time.monotonic()
    return pb.PressureState(
        epoch=state.epoch,
        revision=state.revision,
        level=level_to_wire(state.level),
        score_ratio=state.score_ratio,
        slope_ratio_per_second=state.slope_ratio_per_second,
        seconds_to_next_level=state.seconds_to_next_level,
        signals=[_signal_to_wire(signal) for signal in state.signals],
        valid_for_seconds=state.valid_for_seconds,
        overridden=state.overridden,
        sampled_at=state.sampled_at,
        cause=state.cause,
        eviction_target_bytes=state.eviction_target_bytes,
        replica=state.replica,
        fleet_level=level_to_wire(state.fleet_level),
        peers=[
            pb.PeerPressure(
                replica=peer.replica,
                level=level_to_wire(peer.level),
                score_ratio=peer.score_ratio,
                age_seconds=max(0.0, now - peer.heard_at),
            )
            for peer in state.peers
        ],
    )


def event_to_wire(event: PressureEvent, table: pb.BackoffTable | None) -> pb.WatchPressureResponse:
    """An event of the watch, with the table where it is news."""
    return pb.WatchPressureResponse(
        state=state_to_wire(event.state),
        heartbeat=event.heartbeat,
        missed=[_change_to_wire(change) for change in event.missed],
        missed_has_gaps=event.missed_has_gaps,
        draining=event.reconnect_after_seconds is not None,
        reconnect_after_seconds=event.reconnect_after_seconds or 0.0,
        table=table,
    )


def table_to_wire(table: BackoffTable) -> pb.BackoffTable:
    """All rows of a back-off table."""
    return pb.BackoffTable(
        rows=[
            pb.BackoffRow(
                work_class=pb.WorkClass.ValueType(work),
                level=level_to_wire(level),
                concurrency_ratio=row.concurrency_ratio,
                chunk_bytes=row.chunk_bytes,
                refuse_above_bytes=row.refuse_above_bytes,
                retry_after_seconds=row.retry_after_seconds,
            )
            for (work, level), row in table.rows.items()
        ],
        ramp_ratio_per_second=table.ramp_ratio_per_second,
        phase_spread_seconds=table.phase_spread_seconds,
    )


def history_to_wire(
    history: PressureHistory, now: float, since_seconds: float, max_points: int
) -> pb.GetPressureHistoryResponse:
    """The recent past."""
    return pb.GetPressureHistoryResponse(
        points=[
            pb.PressurePoint(at=point.at, level=level_to_wire(point.level), score_ratio=point.score_ratio)
            for point in history.points(now, since_seconds, max_points)
        ],
        averages=pb.PressureAverages(
            one_minute=history.average(now, 60),
            five_minutes=history.average(now, 300),
            fifteen_minutes=history.average(now, 900),
        ),
        trend_ratio_per_minute=history.trend_per_minute(now),
        changes=[
            _change_to_wire(change) for change in history.changes if change.changed_at >= now - since_seconds
        ],
    )


def _change_to_wire(change: PressureChange) -> pb.PressureChange:
    return pb.PressureChange(
        revision=change.revision,
        changed_at=change.changed_at,
        from_level=level_to_wire(change.from_level),
        to_level=level_to_wire(change.to_level),
        cause=change.cause,
        score_ratio=change.score_ratio,
    )


def _signal_to_wire(signal: SignalState) -> pb.PressureSignal:
    reading, level = signal
    return pb.PressureSignal(
        name=reading.name,
        used_bytes=reading.used_bytes,
        limit_bytes=reading.limit_bytes,
        ratio=reading.ratio or 0.0,
        level=pb.PRESSURE_LEVEL_UNKNOWN if level is None else level_to_wire(level),
        worst_level=level_to_wire(reading.worst),
    )


def level_to_wire(level: int) -> pb.PressureLevel.ValueType:
    """The level's number on the wire."""
    return pb.PressureLevel.ValueType(int(level))
