"""The interface of eviction policies. They know keys, sizes and costs, never values."""

from __future__ import annotations

from typing import Protocol


class EvictionPolicy(Protocol):
    """Orders the keys of a tier by how little their loss would hurt.

    Keys are integers from 1 to 2**64 - 1: fingerprints in a tier, object numbers in a replayed trace. No policy is
    thread-safe.
    """

    def admit(self, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Whether `key` may enter; when True it is now tracked, as the youngest. A tracked key starts anew."""
        ...

    def record_hit(self, key: int) -> None:
        """Notes that `key` was useful; unknown keys are ignored."""
        ...

    def victim(self) -> int | None:
        """The key to evict next; None when none is tracked. It stays tracked until `forget`."""
        ...

    def forget(self, key: int) -> None:
        """Stops tracking `key`; unknown keys are ignored."""
        ...

    def priority(self, key: int) -> float | None:
        """What `key` is worth in this policy's own measure, larger stays longer; None when unknown."""
        ...

    def compact(self) -> None:
        """Gives memory back after many keys have gone; changes nothing else."""
        ...
