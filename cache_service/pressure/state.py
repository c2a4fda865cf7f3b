"""One state of pressure, as watchers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cache_service.pressure.peers import Peer
    from service_runtime.memory.levels import PressureLevel
    from service_runtime.memory.reading import Reading


class SignalState(NamedTuple):
    """A reading with the level that it alone stands for; None when it couldn't be read."""

    reading: Reading
    level: PressureLevel | None


class PressureChange(NamedTuple):
    """The level changed at a revision."""

    revision: int
    changed_at: float
    from_level: PressureLevel
    to_level: PressureLevel
    cause: str
    score_ratio: float


@dataclass(frozen=True)
class PressureState:
    """See PressureState in protos/metaextract/cache/v1/pressure.proto."""

    epoch: str
    revision: int
    level: PressureLevel
    score_ratio: float
    slope_ratio_per_second: float
    seconds_to_next_level: float | None
    signals: tuple[SignalState, ...]
    valid_for_seconds: float
    overridden: bool
    sampled_at: float
    cause: str
    eviction_target_bytes: int
    replica: str
    fleet_level: PressureLevel
    peers: tuple[Peer, ...]
