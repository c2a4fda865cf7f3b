"""The interface of eviction policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cache_service.entry import Key


class EvictionPolicy(Protocol):
    """Orders the keys of a tier by how little their loss would hurt."""

    def admit(self, key: Key, size_bytes: int, cost_seconds: float) -> bool:
        """Whether `key` may enter; when True it is now tracked, as if just used."""
        ...

    def record_hit(self, key: Key) -> None:
        """Notes that `key` was useful; unknown keys are ignored."""
        ...

    def victim(self) -> Key | None:
        """The key to evict next; None when none is tracked. It stays tracked until `forget`."""
        ...

    def forget(self, key: Key) -> None:
        """Stops tracking `key`; unknown keys are ignored."""
        ...
