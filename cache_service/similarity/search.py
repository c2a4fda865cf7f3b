"""The search among hashes of one kind: by comparing all, or by bands where that is faster and just as exact.

Bands (multi-index hashing; Norouzi, Punjani and Fleet, CVPR 2012): a hash is cut into bands of 16 bits. Two hashes that differ in fewer
than twice as many bits as there are bands have a band in which they differ in one bit at most: of each band 17 values are looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Numbers = NDArray[np.int64]

_SCAN_BELOW = {1: 1_000_000, 4: 50_000}
"""Hashes of so many 64-bit words: below it comparing all takes less than 10 ms."""
_STEP = 131_072  # hashes compared at once: a megabyte, which stays in the processor's cache
_MOST_CANDIDATES_RATIO = 0.25  # of all: where bands are all alike, comparing all is faster
_LEAST_TAIL = 4096  # added since the bands were made; compared one by one
_TAIL_RATIO = 0.125  # of all: then the bands are made anew
_FLIPS = np.array([0, *(1 << bit for bit in range(16))], dtype=np.uint16)


class Near(NamedTuple):
    """A hash that is near, by the number of its row."""

    number: int
    distance: int
    bits: bytes


class Search:
    """Hashes of one kind and tenant."""

    def __init__(self, hashes: Iterable[tuple[int, bytes]], length_bytes: int) -> None:
        self._words = length_bytes // 8
        pairs = list(hashes)
        self.numbers: Numbers = np.array([number for number, _ in pairs], dtype=np.int64)
        joined = b"".join(bits for _, bits in pairs)
        self._hashes: Words = np.frombuffer(joined, dtype=np.uint64).reshape(-1, self._words).copy()
        self._added: list[tuple[int, bytes]] = []
        self._gone: set[int] = set()
        self._bands: list[tuple[NDArray[np.uint32], NDArray[np.int64]]] = []
        self._banded = 0

    def __len__(self) -> int:
        return len(self.numbers) + len(self._added) - len(self._gone)

    @property
    def is_worn(self) -> bool:
        """Whether so much of it is gone that it should be read again."""
        return len(self._gone) > max(_LEAST_TAIL, len(self.numbers) * _TAIL_RATIO)

    @property
    def memory_bytes(self) -> int:
        """Of hashes, numbers and bands."""
        bands = sum(order.nbytes + starts.nbytes for order, starts in self._bands)
        return self._hashes.nbytes + self.numbers.nbytes + bands + len(self._added) * 100

    def add(self, number: int, bits: bytes) -> None:
        """One more."""
        self._added.append((number, bits))

    def drop(self, number: int) -> None:
        """One less, which is never told again."""
        self._gone.add(number)

    def near(self, bits: bytes, most_distance: int, limit: int) -> list[Near]:
        """The nearest, of equally near ones the newest first; all within the distance but for the limit."""
        self._settle()
        query: Words = np.frombuffer(bits, dtype=np.uint64)
        is_small = len(self.numbers) <= _SCAN_BELOW[self._words]
        chosen = None if is_small or most_distance >= 8 * self._words else self._candidates(bits)
        places, distances = (
            self._scan(query, most_distance)
            if chosen is None
            else self._compared(query, most_distance, chosen)
        )
        if self._gone:
            kept = ~np.isin(self.numbers[places], list(self._gone))
            places, distances = places[kept], distances[kept]
        order = np.lexsort((-self.numbers[places], distances))[:limit]
        return [
            Near(int(self.numbers[places[at]]), int(distances[at]), self._hashes[places[at]].tobytes())
            for at in order
        ]

    def _settle(self) -> None:
        """Takes in what was added."""
        if self._added:
            numbers = np.array([number for number, _ in self._added], dtype=np.int64)
            joined = b"".join(bits for _, bits in self._added)
            self.numbers = np.concatenate((self.numbers, numbers))
            self._hashes = np.concatenate(
                (self._hashes, np.frombuffer(joined, dtype=np.uint64).reshape(-1, self._words))
            )
            self._added = []

    def _scan(self, query: Words, most_distance: int) -> tuple[Numbers, NDArray[np.uint8]]:
        places, distances = [], []
        for start in range(0, len(self._hashes), _STEP):
            found = np.bitwise_count(self._hashes[start : start + _STEP] ^ query)
            away = found[:, 0] if self._words == 1 else found.sum(axis=1, dtype=np.uint16)
            near = np.flatnonzero(away <= most_distance)
            places.append(near + start)
            distances.append(away[near])
        if not places:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)
        return np.concatenate(places), np.concatenate(distances)

    def _compared(
        self, query: Words, most_distance: int, chosen: NDArray[np.uint32]
    ) -> tuple[Numbers, NDArray[np.uint8]]:
        candidates = np.concatenate(
            (np.unique(chosen).astype(np.int64), np.arange(self._banded, len(self.numbers)))
        )
        away = np.bitwise_count(self._hashes[candidates] ^ query).sum(axis=1, dtype=np.uint16)
        near = away <= most_distance
        return candidates[near], away[near]

    def _candidates(self, bits: bytes) -> NDArray[np.uint32] | None:
        """Places of hashes that share a band with `bits`, but for a bit; None where they are too many."""
        tail = len(self.numbers) - self._banded
        if not self._bands or tail > max(_LEAST_TAIL, self._banded * _TAIL_RATIO):
            self._make_bands()
        values = np.frombuffer(bits, dtype=np.uint16)
        parts, count = [], 0
        for (order, starts), value in zip(self._bands, values, strict=True):
            for flipped in value ^ _FLIPS:
                part = order[starts[flipped] : starts[int(flipped) + 1]]
                if part.size:
                    parts.append(part)
                    count += part.size
        if count > len(self.numbers) * _MOST_CANDIDATES_RATIO:
            return None
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint32)

    def _make_bands(self) -> None:
        columns = self._hashes.view(np.uint16).reshape(len(self._hashes), -1)
        self._bands = []
        for band in range(columns.shape[1]):
            values = np.ascontiguousarray(columns[:, band])
            order = np.argsort(values, kind="stable").astype(np.uint32)  # by radix, as there are 16 bits
            counts = np.bincount(values, minlength=1 << 16)
            starts = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
            self._bands.append((order, starts))
        self._banded = len(self._hashes)
