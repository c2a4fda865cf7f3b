"""Joins this replica's pressure with Redis: what it tells the others, hears of them, and how full Redis is."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

from cache_service.pressure.peers import Peer
from service_runtime.memory.levels import PressureLevel
from service_runtime.memory.reading import Usage

if TYPE_CHECKING:
    from cache_service.fleet.redis_channel import FleetChannel
    from cache_service.pressure.monitor import PressureMonitor

_MAX_NAME_CHARS = 200  # of a peer's name; it is shown and sent on in every state
_MAX_VALID_SECONDS = 200.0  # three heartbeats of the longest that settings allow, 60 s, are 180


class RedisMemory:
    """`used_memory` against `maxmemory`; a slow signal.

    It can slow work down, not kill us: ELEVATED at most, and only where a full Redis refuses writes; one that evicts by
    itself is full in its best days.
    """

    name = "redis"
    worst = PressureLevel.ELEVATED

    def __init__(self, channel: FleetChannel) -> None:
        self._channel = channel

    async def read(self) -> Usage | None:
        """Redis's figures; None when it has no limit."""
        used, limit, evicts = await self._channel.memory()
        self.worst = PressureLevel.NORMAL if evicts else PressureLevel.ELEVATED
        return Usage.of(used, limit) if limit else None


async def exchange(monitor: PressureMonitor, channel: FleetChannel) -> None:
    """Tells and hears until cancelled."""

    def word() -> dict[str, Any]:
        state = monitor.broadcaster.state
        return {
            "replica": state.replica,
            "epoch": state.epoch,
            "level": int(state.level),
            "score": state.score_ratio,
            "valid_for": state.valid_for_seconds,
        }

    def hear(said: dict[str, Any]) -> None:
        if said["epoch"] == monitor.broadcaster.state.epoch:
            return
        name = str(said["replica"])[:_MAX_NAME_CHARS].encode("utf-8", "replace").decode()
        score, valid_for = float(said["score"]), float(said["valid_for"])
        if not (math.isfinite(score) and 0 < valid_for <= _MAX_VALID_SECONDS):
            raise ValueError(f"score {score}, valid for {valid_for}")
        monitor.peers.hear(Peer(name, PressureLevel(said["level"]), score, time.monotonic(), valid_for))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.publish(word))
        tasks.create_task(channel.listen(hear))
