"""What this replica has heard of the others' pressure. Pure; time is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from service_runtime.memory.levels import PressureLevel

_MAX_PEERS = 256  # replicas; strangers on the channel can't fill the memory


class Peer(NamedTuple):
    """Another replica's last word."""

    replica: str
    level: PressureLevel
    score_ratio: float
    heard_at: float
    valid_for_seconds: float


class Peers:
    """The last word of each replica, as long as it is valid. One that falls silent no longer counts."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    def hear(self, peer: Peer) -> None:
        """Notes a word; of too many replicas, the one heard of longest ago is forgotten."""
        self._peers.pop(peer.replica, None)
        self._peers[peer.replica] = peer
        if len(self._peers) > _MAX_PEERS:
            del self._peers[next(iter(self._peers))]

    def live(self, now: float) -> tuple[Peer, ...]:
        """Those that count at `now`, worst first."""
        if not self._peers:
            return ()
        self._peers = {
            name: peer for name, peer in self._peers.items() if now - peer.heard_at <= peer.valid_for_seconds
        }
        return tuple(
            sorted(self._peers.values(), key=lambda peer: (peer.level, peer.score_ratio), reverse=True)
        )
