"""A map from 64-bit fingerprints to 64-bit numbers without a Python object per entry: 24 to 48 bytes each.

Why not a dict: its integers, 48 and 32 bytes beside 110 of table, lie scattered over the allocator's arenas, and after
evicting all but 50 of 500,000 entries the process still held 39 MiB of them, or stalled the loop for 128 ms while
`malloc_trim` collected them. Arrays are unmapped as a whole.

Open addressing with linear probing and backward-shift deletion (Knuth, TAOCP 3, 6.4, algorithm R), in shards, so that
one that grows holds up the event loop for its own length only.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARD_BITS = 10  # of a million keys one shard has a thousand, which are moved when it grows
_SHARDS = 1 << _SHARD_BITS  # by the lowest bits of a fingerprint
_MIN_SLOTS = 8  # a power of two, for the mask; 128 KiB for all shards of an empty map
_EMPTY = 0  # marks a free slot, so no key may be 0


class _Shard:
    __slots__ = ("count", "keys", "values")

    def __init__(self, slots: int) -> None:
        self.count = 0
        self.keys = array("Q", bytes(8 * slots))
        self.values = array("Q", bytes(8 * slots))


class FingerprintMap:
    """Fingerprints are from 1 to 2**64 - 1; 0 is no fingerprint."""

    def __init__(self) -> None:
        self._shards = [_Shard(_MIN_SLOTS) for _ in range(_SHARDS)]
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: int) -> int | None:
        """The number of `key`, or None."""
        shard = self._shards[key & (_SHARDS - 1)]
        keys = shard.keys
        mask = len(keys) - 1
        at = (key >> _SHARD_BITS) & mask
        while (found := keys[at]) != _EMPTY:
            if found == key:
                return shard.values[at]
            at = (at + 1) & mask
        return None

    def set(self, key: int, value: int) -> None:
        """Makes `value` the number of `key`."""
        shard = self._shards[key & (_SHARDS - 1)]
        if 3 * shard.count >= 2 * len(shard.keys):
            shard = self._resized(key & (_SHARDS - 1), 2 * len(shard.keys))
        keys = shard.keys
        mask = len(keys) - 1
        at = (key >> _SHARD_BITS) & mask
        while (found := keys[at]) != _EMPTY and found != key:
            at = (at + 1) & mask
        if found == _EMPTY:
            keys[at] = key
            shard.count += 1
            self._count += 1
        shard.values[at] = value

    def pop(self, key: int) -> int | None:
        """The number of `key`, which is gone; None when there was none."""
        number = key & (_SHARDS - 1)
        shard = self._shards[number]
        keys, values = shard.keys, shard.values
        mask = len(keys) - 1
        at = (key >> _SHARD_BITS) & mask
        while (found := keys[at]) != key:
            if found == _EMPTY:
                return None
            at = (at + 1) & mask
        value = values[at]
        hole = at
        while True:  # close the gap: move back whatever could stand in it
            at = (at + 1) & mask
            other = keys[at]
            if other == _EMPTY:
                break
            home = (other >> _SHARD_BITS) & mask
            if (at - home) & mask >= (at - hole) & mask:
                keys[hole], values[hole] = other, values[at]
                hole = at
        keys[hole] = _EMPTY
        shard.count -= 1
        self._count -= 1
        if len(keys) > _MIN_SLOTS and 8 * shard.count < len(keys):
            self._resized(number, len(keys) // 4)
        return value

    def items(self) -> Iterator[tuple[int, int]]:
        """All pairs; each shard as it is when its turn comes, so entries may be changed meanwhile."""
        for number in range(_SHARDS):
            shard = self._shards[number]
            yield from [
                (key, value) for key, value in zip(shard.keys, shard.values, strict=True) if key != _EMPTY
            ]

    def _resized(self, number: int, slots: int) -> _Shard:
        old = self._shards[number]
        shard = self._shards[number] = _Shard(max(_MIN_SLOTS, slots))
        mask = len(shard.keys) - 1
        for key, value in zip(old.keys, old.values, strict=True):
            if key != _EMPTY:
                at = (key >> _SHARD_BITS) & mask
                while shard.keys[at] != _EMPTY:
                    at = (at + 1) & mask
                shard.keys[at], shard.values[at] = key, value
        shard.count = old.count
        return shard
