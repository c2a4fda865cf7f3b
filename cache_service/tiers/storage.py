"""Where the memory tier puts records: small ones in an arena, large ones as objects of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cache_service.entries import record

if TYPE_CHECKING:
    from cache_service.tiers.arena import Move


class Storage(Protocol):
    """Records by location."""

    @property
    def held_bytes(self) -> int:
        """Memory taken."""
        ...

    def append(self, data: bytes) -> int:
        """The location of an encoded record; ArenaFullError when there is no place."""
        ...

    def read(self, location: int) -> record.Record:
        """The record there."""
        ...

    def key_text(self, location: int) -> bytes:
        """The key of the record there, as text."""
        ...

    def size(self, location: int) -> int:
        """Bytes of the record there."""
        ...

    def free(self, location: int) -> None:
        """Gives the record up."""
        ...

    def needs_compaction(self) -> bool:
        """Whether `compact` would give memory back."""
        ...

    def compact(self, steps: int, move: Move) -> None:
        """A bounded piece of that work; see `Arena.compact`."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


class HeapStorage:
    """Large records as `bytes`. The allocator maps each alone and unmaps it when it is freed, at once
    (`release.tune_for_large_values`), so there is nothing to compact.
    """

    def __init__(self) -> None:
        self._records: dict[int, bytes] = {}
        self._next = 0
        self.held_bytes = 0

    def append(self, data: bytes) -> int:
        """Never fails but by MemoryError."""
        self._next += 1
        self._records[self._next] = data
        self.held_bytes += len(data)
        return self._next

    def read(self, location: int) -> record.Record:
        """See `Storage.read`."""
        return record.decode(self._records[location])

    def key_text(self, location: int) -> bytes:
        """See `Storage.key_text`."""
        return record.key_text(self._records[location], 0)

    def size(self, location: int) -> int:
        """See `Storage.size`."""
        return len(self._records[location])

    def free(self, location: int) -> None:
        """See `Storage.free`."""
        self.held_bytes -= len(self._records.pop(location))

    def needs_compaction(self) -> bool:
        """Never."""
        return False

    def compact(self, steps: int, move: Move) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Drops everything."""
        self._records.clear()
        self.held_bytes = 0
